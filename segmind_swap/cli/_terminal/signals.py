"""Handle Ctrl-C, SIGTERM and SIGHUP: a batch shuts down in two steps, other commands are interrupted."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import anyio
import anyio.abc

# The end of a terminal sends SIGHUP. Windows has no SIGHUP.
_SIGHUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
_SAME_ENDING = 5.0
"""Seconds after a signal in which a SIGHUP counts as a part of the same ending.

Of one closed terminal, both the shell and the kernel send a SIGHUP. systemd sends SIGHUP right after SIGTERM.
Only a decision of a person may end the work at once.
"""


class _Endings:
    """Counts the signals of one ending as one signal."""

    def __init__(self) -> None:
        self._last: float | None = None

    def is_new(self, number: int) -> bool:
        """Whether the signal asks for something that no earlier signal has asked for."""
        now = time.monotonic()
        is_same = number == _SIGHUP and self._last is not None and now - self._last < _SAME_ENDING
        self._last = now
        return not is_same


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
        self._endings = _Endings()

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
                if not self._endings.is_new(number):
                    continue
                if self.first_signal is None:
                    self.first_signal = number
                    self._on_first_signal(number)
                else:
                    self.is_cancelled = True
                    scope.cancel()


def _signals_to_handle() -> list[signal.Signals]:
    """SIGINT, SIGTERM and SIGHUP, for the event loop."""
    # The event loops of Windows handle no signals: the first Ctrl-C ends the command.
    return [] if sys.platform == "win32" else _not_ignored(signal.SIGINT, signal.SIGTERM, _SIGHUP)


def _not_ignored(*numbers: signal.Signals | None) -> list[signal.Signals]:
    """Those that the parent process does not ignore for this process.

    A script's background jobs ignore SIGINT, and `nohup` ignores SIGHUP.
    """
    return [
        number
        for number in numbers
        if number is not None and signal.getsignal(number) not in {signal.SIG_IGN, None}
    ]


@contextmanager
def termination_as_keyboard_interrupt() -> Iterator[list[int]]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does.

    So messages are printed and clients are closed. The yielded list has the signals that were received. Like
    Ctrl-C, a signal that the parent process ignores has no effect.
    """
    received: list[int] = []
    endings = _Endings()

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if not endings.is_new(number):
            return
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # In a script's background jobs, SIGINT is ignored, and raising it would have no effect.
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    before = {number: signal.signal(number, interrupt) for number in _not_ignored(signal.SIGTERM, _SIGHUP)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
