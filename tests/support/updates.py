"""A service without a journal, whose updates a test makes itself."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

import anyio

from segmind_swap import ConfigurationError, OutcomeState, SwapUpdate

_UNFINISHED = {OutcomeState.PENDING, OutcomeState.SENDING, OutcomeState.ACCEPTED, OutcomeState.COMPLETED}
_ORDERED_AT = datetime(2026, 11, 30, tzinfo=UTC)


def an_update(
    state: OutcomeState = OutcomeState.PENDING, *, id: str = "a", change: int = 1, **fields: Any
) -> SwapUpdate:
    """An update of a service that saves pictures."""
    return SwapUpdate(
        id=id,
        owner=None,
        change=change,
        state=state,
        ordered_at=_ORDERED_AT,
        is_final=state not in _UNFINISHED,
        **fields,
    )


class StubService:
    """Tells listeners of the newest update, as `SwapService` does."""

    def __init__(self, *updates: SwapUpdate) -> None:
        self.last = {update.id: update for update in updates}
        self.listeners: WeakSet[_Listener] = WeakSet()
        self.is_closed = False

    def tell(self, update: SwapUpdate) -> None:
        self.last[update.id] = update
        self._wake()

    def close(self) -> None:
        self.is_closed = True
        self._wake()

    async def status(self, id: str) -> SwapUpdate:
        if self.is_closed:
            raise ConfigurationError("the service is not open")
        return self.last[id]

    def updates(self, id: str, *, after: int | None = None) -> "AsyncIterator[SwapUpdate]":
        return _Listener(self, id, after)

    def _wake(self) -> None:
        for listener in self.listeners:
            listener.news.set()


class _Listener(AsyncIterator[SwapUpdate]):
    def __init__(self, service: StubService, id: str, after: int | None) -> None:
        self._service, self._id, self._seen = service, id, after
        self._is_done = False
        self.news = anyio.Event()
        service.listeners.add(self)

    async def __anext__(self) -> SwapUpdate:
        while True:
            self.news = anyio.Event()
            last = self._service.last[self._id]
            if self._is_done or self._service.is_closed or (last.is_final and last.change == self._seen):
                raise StopAsyncIteration
            if last.change != self._seen:
                self._seen, self._is_done = last.change, last.is_final
                return last
            await self.news.wait()
