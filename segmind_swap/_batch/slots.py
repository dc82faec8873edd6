"""Places for swaps in flight: one of the batch's, and one of the client's."""

from __future__ import annotations

from typing import Self

import anyio


class Slots:
    """A slot of the batch, and one of the client from the moment in which there is an input for it.

    Not earlier: whoever makes the inputs may need one, too.
    """

    def __init__(self, own: anyio.Semaphore, shared: anyio.Semaphore) -> None:
        self._own = own
        self._shared = shared
        self._held: list[anyio.Semaphore] = []
        self._is_kept = False

    async def __aenter__(self) -> Self:
        await self._own.acquire()
        self._held.append(self._own)
        return self

    async def share(self) -> None:
        """Waits for a slot of the client."""
        await self._shared.acquire()
        self._held.append(self._shared)

    async def __aexit__(self, *exc: object) -> None:
        if not self._is_kept:
            self.release()

    def kept(self) -> Self:
        """Hands them to a task, which has to release them."""
        self._is_kept = True
        return self

    def release_shared(self) -> None:
        """Gives the client's slot back."""
        if self._shared in self._held:
            self._held.remove(self._shared)
            self._shared.release()

    def release(self) -> None:
        """Gives back what is still held."""
        while self._held:
            self._held.pop().release()
