"""Ctrl-C and SIGTERM in two steps: the first asks to end, the second ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import anyio.abc


class Interrupts:
    """Listens while `during` runs.

    Attributes:
        first: The signal that came first; None if none came.
        at_once: Whether a second one came.
    """

    def __init__(self, on_first: Callable[[signal.Signals], object]) -> None:
        self.first: signal.Signals | None = None
        self.at_once = False
        self._on_first = on_first

    async def during(
        self, work: Callable[[], Awaitable[None]], *, beside: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Runs `work`, which is cancelled at the second signal, and `beside` as long as that lasts.

        What `work` raises is raised as it is.
        """
        raised: Exception | None = None
        before = {number: signal.getsignal(number) for number in _listened_to()}
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(beside)
                with anyio.CancelScope() as scope:
                    if before:
                        await group.start(self._listen, tuple(before), scope)
                    try:
                        await work()
                    except Exception as exc:
                        raised = exc
                group.cancel_scope.cancel()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if raised is not None:
            raise raised

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
                if self.first is None:
                    self.first = number
                    self._on_first(number)
                else:
                    self.at_once = True
                    scope.cancel()


def _listened_to() -> list[signal.Signals]:
    """Not to one that is ignored, as SIGINT is in a script's background jobs."""
    if sys.platform == "win32":
        return []  # its event loop takes none: Ctrl-C ends at once
    return [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) not in {signal.SIG_IGN, None}]
