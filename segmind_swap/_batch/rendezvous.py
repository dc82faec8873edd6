"""Values on their way from many tasks to a reader.

A stream of anyio's gives a value to a reader that sleeps, and loses it when plain asyncio cancellation meets
that reader before it has woken up. Here a value is somebody's from one step to the next.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Offer(Generic[T]):
    value: T
    taken: anyio.Event = field(default_factory=anyio.Event)


class Rendezvous(Generic[T]):
    """A queue in which each value waits beside the task that gives it."""

    def __init__(self) -> None:
        self._offers: deque[_Offer[T]] = deque()
        self._news = anyio.Event()
        self._is_over = False

    async def send(self, value: T) -> None:
        """Offers a value until it is taken; if this is cancelled, nobody gets it any more."""
        offer = _Offer(value)
        self._offers.append(offer)
        self._tell()
        try:
            await offer.taken.wait()
        finally:
            if not offer.taken.is_set():
                self._offers.remove(offer)

    async def receive(self) -> T | None:
        """The next value, as soon as there is one; None when there will be no more."""
        await anyio.lowlevel.checkpoint()
        while not self._offers:
            if self._is_over:
                return None
            await self._news.wait()
        # From here on nothing may wait: the value would be nobody's.
        offer = self._offers.popleft()
        offer.taken.set()
        return offer.value

    def close(self) -> None:
        """No more will be given."""
        self._is_over = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()
