"""`SqliteOrders`: the orders of a service, in a journal that another process may write to, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from ..._errors import SwapError
from ..._protocols.orders import Endings, Halt, NewOrder, Order, OrderLimits
from ..writer import Writer
from .facts import endings_of, halt_of, set_endings, set_halt
from .rows import OrderRows

T = TypeVar("T")


class SqliteOrders:
    """`Orders` in a journal. Steps of many tasks are committed together, and reads take no lock of a writer.

    Args:
        writer: Writes to the journal, without its lock.
        reader: Reads from the journal, on a connection and in a thread of its own.
        now: The clock, in UTC.
    """

    def __init__(self, writer: Writer, reader: Writer, *, now: Callable[[], datetime]) -> None:
        self._writer = writer
        self._reader = reader
        self._now = now

    @property
    def name(self) -> str:
        """The journal's path."""
        return self._writer.path

    async def add(
        self, order: NewOrder, *, limits: OrderLimits, pay_again: bool = False
    ) -> tuple[Order, bool]:
        """As in the protocol `Orders`."""
        now = self._now()
        return await self._write(lambda rows: rows.add(order, limits=limits, pay_again=pay_again, now=now))

    async def find(self, ids: Collection[str]) -> Mapping[str, Order]:
        """As in the protocol `Orders`."""
        return await self._read(lambda rows: rows.find(ids))

    async def changed_after(self, change: int) -> Sequence[Order]:
        """As in the protocol `Orders`."""
        return await self._read(lambda rows: rows.changed_after(change))

    async def last_change(self) -> int:
        """As in the protocol `Orders`."""
        return await self._read(OrderRows.last_change)

    async def unfinished(self, *, with_completed: bool = True) -> Sequence[Order]:
        """As in the protocol `Orders`."""
        return await self._read(lambda rows: rows.unfinished(with_completed=with_completed))

    async def cancel(self, id: str) -> Order | None:
        """As in the protocol `Orders`."""
        return await self._write(lambda rows: rows.cancel(id))

    async def reject(self, order: Order, error: SwapError) -> None:
        """As in the protocol `Orders`."""
        await self._write(lambda rows: rows.reject(order, error))

    async def give_up(self, order: Order, error: SwapError) -> None:
        """As in the protocol `Orders`."""
        await self._write(lambda rows: rows.give_up(order, error))

    async def spooled(self) -> Collection[str]:
        """As in the protocol `Orders`."""
        return await self._read(OrderRows.spooled)

    async def halt(self) -> Halt | None:
        """As in the protocol `Orders`."""
        now = self._now()
        return await self._reader.do(lambda store: halt_of(store, now))

    async def set_halt(self, halt: Halt | None) -> None:
        """As in the protocol `Orders`."""
        await self._writer.do(lambda store: set_halt(store, halt))

    async def endings(self) -> Endings:
        """As in the protocol `Orders`."""
        return await self._reader.do(endings_of)

    def keep_endings(self, endings: Endings) -> None:
        """As in the protocol `Orders`."""
        self._writer.post(lambda store: set_endings(store, endings))

    async def aclose(self) -> None:
        """Closes both connections, after all earlier steps."""
        self._reader.close()
        await self._writer.aclose()
        await self._reader.aclose()

    async def _read(self, read: Callable[[OrderRows], T]) -> T:
        return await self._reader.do(lambda store: read(OrderRows(store)))

    async def _write(self, write: Callable[[OrderRows], T]) -> T:
        return await self._writer.do(lambda store: write(OrderRows(store)))
