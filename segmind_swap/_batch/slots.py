"""The slots of one swap in flight: a slot of the batch, and a slot of the client."""

from __future__ import annotations

from typing import Self

import anyio


class Slots:
    """Takes the batch's slot first, and the client's slot only once an input is ready.

    Taking both at once can deadlock: the code that produces the inputs may itself need a slot of the client.
    """

    def __init__(self, batch: anyio.Semaphore, client: anyio.Semaphore) -> None:
        self._batch = batch
        self._client = client
        self._acquired: list[anyio.Semaphore] = []
        self._is_handed_over = False

    async def __aenter__(self) -> Self:
        await self._batch.acquire()
        self._acquired.append(self._batch)
        return self

    async def acquire_client_slot(self) -> None:
        """Waits for a slot of the client."""
        await self._client.acquire()
        self._acquired.append(self._client)

    async def __aexit__(self, *exc: object) -> None:
        if not self._is_handed_over:
            self.release()

    def hand_over(self) -> Self:
        """Gives the slots to a task, which must release them. The end of the block then releases no slot."""
        self._is_handed_over = True
        return self

    def release_client_slot(self) -> None:
        """Releases the client's slot, if it was acquired."""
        if self._client in self._acquired:
            self._acquired.remove(self._client)
            self._client.release()

    def release(self) -> None:
        """Releases every slot that was acquired."""
        while self._acquired:
            self._acquired.pop().release()
