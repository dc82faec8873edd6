"""`Watcher`: follows the changes of all orders, once for all listeners of a process."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

import anyio

from .._errors import JournalError
from .._protocols.orders import Order, Orders
from .halting import Halting

log = logging.getLogger("segmind_swap")

_INTERVAL = 0.25
_HALT_INTERVAL = 1.0
"""Seconds between two looks at the halt, which another process may change."""
_PAUSE = 1.0
"""Seconds after a failure."""


class Watcher:
    """Asks for the changes of the orders, as long as it runs.

    Args:
        orders: The orders.
        halting: The halt of the service.
        after: The number of the last change that is known already.
        on_changes: Gets the orders that have changed.
    """

    def __init__(
        self,
        orders: Orders,
        halting: Halting,
        *,
        after: int,
        on_changes: Callable[[Sequence[Order]], Awaitable[None]],
    ) -> None:
        self._orders = orders
        self._halting = halting
        self._last = after
        self._on_changes = on_changes
        self._poked = anyio.Event()

    def poke(self) -> None:
        """Asks at once: this process has changed an order."""
        self._poked.set()

    async def run(self) -> None:
        """Follows the changes, without an end. A failure is logged, and is not the end."""
        has_failed = False
        halt_read_at = anyio.current_time()
        while True:
            with anyio.move_on_after(_PAUSE if has_failed else _INTERVAL):
                await self._poked.wait()
            self._poked = anyio.Event()
            try:
                await self._look()
                if anyio.current_time() - halt_read_at >= _HALT_INTERVAL:
                    await self._halting.refresh()
                    halt_read_at = anyio.current_time()
                has_failed = False
            except JournalError as exc:
                if not has_failed:
                    log.warning("the changes of a service's swaps cannot be read now: %s", exc)
                has_failed = True
            except Exception:
                log.exception("the changes of a service's swaps could not be handled")
                has_failed = True

    async def _look(self) -> None:
        while changed := await self._orders.changed_after(self._last):
            await self._on_changes(changed)
            self._last = changed[-1].change
