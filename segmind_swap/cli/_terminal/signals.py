"""Handle Ctrl-C and SIGTERM: a batch shuts down in two steps, other commands are interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import anyio
import anyio.abc


class GracefulShutdown:
    """Handles signals while `run` is active: the first calls `on_first_signal`, the second cancels the work.

    Attributes:
        first_signal: The signal that was received first; None if none was received.
        is_cancelled: Whether a second signal cancelled the work.
    """

    def __init__(self, on_first_signal: Callable[[signal.Signals], object]) -> None:
        self.first_signal: signal.Signals | None = None
        self.is_cancelled = False
        self._on_first_signal = on_first_signal

    async def run(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        background: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Runs `work`, and `background` until `work` has ended.

        An exception of `work` is raised as it is, and not inside an exception group.
        """
        error: Exception | None = None
        handlers = {number: signal.getsignal(number) for number in _signals_to_handle()}
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(background)
                with anyio.CancelScope() as scope:
                    if handlers:
                        await group.start(self._listen, tuple(handlers), scope)
                    try:
                        await work()
                    except Exception as exc:
                        error = exc
                group.cancel_scope.cancel()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if error is not None:
            raise error

    async def _listen(
        self,
        numbers: tuple[signal.Signals, ...],
        scope: anyio.CancelScope,
        *,
        task_status: anyio.abc.TaskStatus[None],
    ) -> None:
        with anyio.open_signal_receiver(*numbers) as received:
            task_status.started()
            async for number in received:
                if self.first_signal is None:
                    self.first_signal = number
                    self._on_first_signal(number)
                else:
                    self.is_cancelled = True
                    scope.cancel()


def _signals_to_handle() -> list[signal.Signals]:
    """SIGINT and SIGTERM, without those that are ignored: a script's background jobs ignore SIGINT."""
    if sys.platform == "win32":
        return []  # The event loops of Windows handle no signals: the first Ctrl-C ends the command.
    return [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) not in {signal.SIG_IGN, None}]


@contextmanager
def sigterm_as_keyboard_interrupt() -> Iterator[list[int]]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does, so that messages are printed and clients are closed.

    The yielded list is not empty if a SIGTERM was received.
    """
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # In a script's background jobs, SIGINT is ignored, and raising it would have no effect.
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, handler)
