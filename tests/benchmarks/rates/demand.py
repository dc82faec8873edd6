"""What is asked of a client: swaps without end, or so many a minute; each is polled until it is done."""

import asyncio
import itertools

from segmind_swap import RateLimitError, SwapClient, SwapJob, SwapRequest, SwapStatus

from ..clients import PICTURES
from .cases import Polling
from .steps import MINUTE, Steps

_WAITING = 40
"""Submits that wait at any time, where there is always another one."""
_INTERVAL = 7.0
_FIRST_POLL: dict[Polling, float] = {"sparse": 110.0, "usual": 45.0}


class Swaps:
    """The swaps of one client."""

    def __init__(self, client: SwapClient, polling: Polling) -> None:
        self._waits: list[tuple[float, float]] = []
        self._asked: dict[object, float] = {}
        self._client = client
        self._first_poll = _FIRST_POLL[polling]
        self._waiting = asyncio.Semaphore(_WAITING)
        self._time = asyncio.get_running_loop().time

    def waits_until(self, now: float) -> list[tuple[float, float]]:
        """When each submit was asked for, and the seconds until it was accepted, or until now."""
        return [*self._waits, *((asked_at, now - asked_at) for asked_at in self._asked.values())]

    async def without_end(self) -> None:
        """Submits as fast as the client lets it."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._waiting.acquire()
                group.create_task(self._swap())

    async def on_demand(self, demand: Steps) -> None:
        """Submits so many a minute, at even times, however long each of them waits."""
        async with asyncio.TaskGroup() as group:
            at = self._time()
            while True:
                at += MINUTE / demand.at(at)
                await asyncio.sleep(at - self._time())
                group.create_task(self._swap())

    async def _swap(self) -> None:
        asked_at = self._asked[swap := object()] = self._time()
        job = await self._submit()
        self._waits.append((self._asked.pop(swap), self._time() - asked_at))
        self._waiting.release()
        await asyncio.sleep(self._first_poll)
        while not await self._is_done(job):  # noqa: ASYNC110 - this is polling
            await asyncio.sleep(_INTERVAL)

    async def _submit(self) -> SwapJob:
        while True:
            try:
                return await self._client.submit(**PICTURES)
            except RateLimitError:
                # The gate was closed for longer than the client's timeout: a user would try again.
                continue

    async def _is_done(self, job: SwapJob) -> bool:
        try:
            status: SwapStatus = await self._client.status(job)
        except RateLimitError:
            return False
        return status.state.final


async def batch(client: SwapClient) -> None:
    """A batch without end, which decides itself when to poll."""
    requests = (SwapRequest(id=f"s{number}", **PICTURES) for number in itertools.count())
    # A gate that starves its polls lets swaps run into the client's timeout: they are lost, not the case.
    async with client.swap_many(requests, max_futile=None, max_failed=None) as outcomes:
        async for _ in outcomes:
            pass
