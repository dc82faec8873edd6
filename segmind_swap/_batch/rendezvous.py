"""A channel without a buffer, from many tasks to one reader.

A stream of anyio gives a value to a sleeping reader, and loses the value if plain asyncio cancellation
reaches the reader before it wakes up. Here, a value stays with its sender until the reader runs and takes it.
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
    received: anyio.Event = field(default_factory=anyio.Event)


class Rendezvous(Generic[T]):
    """A queue in which each value waits beside the task that sends it."""

    def __init__(self) -> None:
        self._offers: deque[_Offer[T]] = deque()
        self._changed = anyio.Event()
        self._is_closed = False

    async def send(self, value: T) -> None:
        """Offers a value until it is received. If the sender is cancelled, the offer is withdrawn."""
        offer = _Offer(value)
        self._offers.append(offer)
        self._wake_reader()
        try:
            await offer.received.wait()
        finally:
            if not offer.received.is_set():
                self._offers.remove(offer)

    async def receive(self) -> T | None:
        """Waits for the next value; None when the rendezvous is closed and empty."""
        await anyio.lowlevel.checkpoint()
        while not self._offers:
            if self._is_closed:
                return None
            await self._changed.wait()
        # No await from here on: a cancellation would lose the value.
        offer = self._offers.popleft()
        offer.received.set()
        return offer.value

    def close(self) -> None:
        """Ends the channel: the reader gets None after the last value."""
        self._is_closed = True
        self._wake_reader()

    def _wake_reader(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
