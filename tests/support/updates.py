"""A service without a journal, whose updates a test makes itself."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from weakref import WeakSet

import anyio

from segmind_swap import ConfigurationError, OutcomeState, SwapError

_UNFINISHED = {OutcomeState.PENDING, OutcomeState.SENDING, OutcomeState.ACCEPTED, OutcomeState.COMPLETED}


@dataclass(frozen=True, kw_only=True)
class StubUpdate:
    id: str = "a"
    change: int = 1
    state: OutcomeState = OutcomeState.PENDING
    version: int = 1
    error: SwapError | None = None

    @property
    def is_final(self) -> bool:
        return self.state not in _UNFINISHED


class StubService:
    """Tells listeners of the newest update, as `SwapService` does."""

    def __init__(self, *updates: StubUpdate) -> None:
        self.last = {update.id: update for update in updates}
        self.listeners: WeakSet[_Listener] = WeakSet()
        self.is_closed = False

    def tell(self, update: StubUpdate) -> None:
        self.last[update.id] = update
        self._wake()

    def close(self) -> None:
        self.is_closed = True
        self._wake()

    async def status(self, id: str) -> StubUpdate:
        if self.is_closed:
            raise ConfigurationError("the service is not open")
        return self.last[id]

    def updates(self, id: str, *, after: int | None = None) -> "AsyncIterator[StubUpdate]":
        return _Listener(self, id, after)

    def _wake(self) -> None:
        for listener in self.listeners:
            listener.news.set()


class _Listener(AsyncIterator[StubUpdate]):
    def __init__(self, service: StubService, id: str, after: int | None) -> None:
        self._service, self._id, self._seen = service, id, after
        self._is_done = False
        self.news = anyio.Event()
        service.listeners.add(self)

    async def __anext__(self) -> StubUpdate:
        while True:
            self.news = anyio.Event()
            last = self._service.last[self._id]
            if self._is_done or self._service.is_closed or (last.is_final and last.change == self._seen):
                raise StopAsyncIteration
            if last.change != self._seen:
                self._seen, self._is_done = last.change, last.is_final
                return last
            await self.news.wait()
