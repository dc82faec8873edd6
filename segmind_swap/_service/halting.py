"""`Halting`: whether a service may submit now, in every process or in this one, and what ends a halt."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import anyio

from .._errors import SwapError
from .._policy.daily_budget import utc_now
from .._protocols.orders import Endings, Halt, Orders


class Halting:
    """The halt of a service, as this process has read it last.

    Args:
        orders: The store of the halt.
        on_change: Called when the service is halted, or no longer halted.
    """

    def __init__(self, orders: Orders, *, on_change: Callable[[], None]) -> None:
        self._orders = orders
        self._on_change = on_change
        self._halt: Halt | None = None
        self._deadline = math.inf
        self._paused_until = -math.inf
        # What was read before a change must not be kept after it.
        self._lock = anyio.Lock()

    @property
    def reason(self) -> SwapError | None:
        """The error that halts the service; None if the service may submit."""
        return None if self._halt is None else self._halt.reason

    @property
    def needs_a_person(self) -> bool:
        """Whether the halt ends only when a person ends it."""
        return self._halt is not None and self._halt.until is None

    @property
    def may_submit(self) -> bool:
        """Whether an order may be sent now: the service is not halted, and this process does not pause."""
        return self._halt is None and anyio.current_time() >= self._paused_until

    @property
    def submits_at(self) -> float:
        """When orders may be sent again, on the clock of the event loop; infinity if a person must say so."""
        return max(self._paused_until, -math.inf if self._halt is None else self._deadline)

    def pause(self, seconds: float) -> None:
        """Lets this process submit nothing for so long. Other processes are not told."""
        self._paused_until = anyio.current_time() + seconds

    async def refresh(self) -> None:
        """Reads the halt again: another process may have changed it.

        Raises:
            JournalError: the store cannot be read.
        """
        async with self._lock:
            self._keep(await self._orders.halt())

    async def halt(self, reason: SwapError, *, seconds: float | None) -> None:
        """Halts the service, in every process.

        Args:
            reason: Why.
            seconds: For how long; None until a person ends the halt.

        Raises:
            JournalError: the store cannot be written.
        """
        until = None if seconds is None else utc_now() + timedelta(seconds=seconds)
        halt = Halt(reason=reason, until=until)
        await self._set(halt)

    async def end(self) -> None:
        """Ends the halt, in every process.

        Raises:
            JournalError: the store cannot be written.
        """
        await self._set(None)

    async def resume(self) -> None:
        """Ends the halt, because a person says so. The next swaps are counted from zero.

        Raises:
            JournalError: the store cannot be written.
        """
        self._orders.keep_endings(Endings())
        await self.end()

    async def end_if_over(self) -> None:
        """Ends a halt whose time is up.

        Raises:
            JournalError: the store cannot be written.
        """
        if self._halt is not None and anyio.current_time() >= self._deadline:
            await self.end()

    async def _set(self, halt: Halt | None) -> None:
        async with self._lock:
            await self._orders.set_halt(halt)
            self._keep(halt)

    def _keep(self, halt: Halt | None) -> None:
        before, self._halt = self._halt, halt
        if halt is None:
            self._deadline = math.inf
        elif before is None or halt.until != before.until:
            # Only the wall clock is shared with other processes. From now on, the clock of the loop measures.
            left = math.inf if halt.until is None else (halt.until - utc_now()).total_seconds()
            self._deadline = anyio.current_time() + left
        if (before is None) is not (halt is None):
            self._on_change()
