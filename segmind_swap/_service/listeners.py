"""The listeners of a service: any number of them follow a swap, and none of them costs a task or a query."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from weakref import WeakValueDictionary

import anyio
import anyio.lowlevel

from .._api.ids import canonical_id
from .._protocols.orders import Order
from .update import SwapUpdate, update_of


class _Topic:
    """One swap with listeners. It exists as long as one of its listeners does.

    Attributes:
        newest: The newest update; None as long as it was not read.
        changed: Set when there is a newer update, and when the service closes.
    """

    def __init__(self) -> None:
        self.newest: SwapUpdate | None = None
        self.changed = anyio.Event()

    def offer(self, update: SwapUpdate) -> None:
        """Takes an update, unless a newer one is known."""
        if self.newest is None or self.newest.change < update.change:
            self.newest = update
            self.wake()

    def wake(self) -> None:
        """Wakes the listeners."""
        self.changed.set()
        self.changed = anyio.Event()


class Listeners:
    """All listeners of one service in one process.

    Args:
        find: Returns the current order of an id. Raises `UnknownIdError` if there is none.
        are_saved: Whether the service saves pictures.
    """

    def __init__(self, find: Callable[[str], Awaitable[Order]], *, are_saved: bool) -> None:
        self._find = find
        self._are_saved = are_saved
        self._topics: WeakValueDictionary[str, _Topic] = WeakValueDictionary()
        self.is_closed: bool = False

    def publish(self, order: Order) -> None:
        """Gives a change to the listeners of its swap."""
        topic = self._topics.get(canonical_id(order.id))
        if topic is not None:
            topic.offer(self._update_of(order))

    def updates(self, id: str, *, after: int | None) -> AsyncIterator[SwapUpdate]:
        """The updates of a swap: the newest first, then each newer one, up to the final one."""
        return _Updates(self, id, after)

    def close(self) -> None:
        """Ends all listeners."""
        self.is_closed = True
        for topic in list(self._topics.values()):
            topic.wake()

    def topic_of(self, id: str) -> _Topic:
        """The topic of a swap, which the caller must keep."""
        key = canonical_id(id)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = _Topic()
        return topic

    async def read(self, id: str, topic: _Topic) -> SwapUpdate:
        """Reads the order of a swap for its listeners."""
        update = self._update_of(await self._find(id))
        topic.offer(update)
        return update

    def _update_of(self, order: Order) -> SwapUpdate:
        return update_of(order, are_saved=self._are_saved)


class _Updates(AsyncIterator[SwapUpdate]):
    """The updates that one listener gets. A slow listener gets the newest update, and not those between."""

    def __init__(self, listeners: Listeners, id: str, after: int | None) -> None:
        self._listeners = listeners
        self._id = id
        self._after = after
        self._topic: _Topic | None = None
        self._last: SwapUpdate | None = None

    async def __anext__(self) -> SwapUpdate:
        await anyio.lowlevel.checkpoint()
        # A call that is cancelled loses nothing: the next call goes on.
        topic = self._topic = self._topic or self._listeners.topic_of(self._id)
        last = self._last
        if last is None and not self._listeners.is_closed:
            last = self._last = await self._first(topic)
            if last.change != self._after:
                return last
        while last is not None and not (self._listeners.is_closed or last.is_final):
            newest, changed = topic.newest, topic.changed
            if newest is not None and newest.change > last.change:
                self._last = newest
                return newest
            await changed.wait()
        raise StopAsyncIteration

    async def _first(self, topic: _Topic) -> SwapUpdate:
        newest = topic.newest
        if newest is None or (self._after is not None and newest.change < self._after):
            # The listener may have seen a later change, in a process that was told earlier.
            return await self._listeners.read(self._id, topic)
        return newest
