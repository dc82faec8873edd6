"""Places for swaps in flight: one of the batch's and one of the client's, which come and go together."""

from __future__ import annotations

from typing import Self

import anyio


class Slots:
    """A slot of the batch and one of the client, taken together before there is a task."""

    def __init__(self, own: anyio.Semaphore, shared: anyio.Semaphore) -> None:
        self._own = own
        self._shared = shared
        self._held: list[anyio.Semaphore] = []
        self._is_kept = False

    async def __aenter__(self) -> Self:
        try:
            for slot in (self._own, self._shared):
                await slot.acquire()
                self._held.append(slot)
        except BaseException:
            self.release()
            raise
        return self

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
