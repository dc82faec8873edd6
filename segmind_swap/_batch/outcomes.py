"""What the user of a batch holds: its outcomes as they come, and what there is to know meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from .._errors import SwapError
from .._journal.ledger import Books
from .._models import SwapJob, SwapRequest
from .._outcome import SwapOutcome
from .rendezvous import Rendezvous


class Outcomes(AsyncIterator[SwapOutcome]):
    """The outcomes of a batch, each as soon as there is one."""

    def __init__(self, books: Books, open_jobs: Callable[[], Sequence[SwapJob]]) -> None:
        self._books = books
        self._open_jobs = open_jobs
        self._handover: Rendezvous[tuple[int | None, SwapOutcome]] = Rendezvous()
        self._failure: Exception | None = None

    @property
    def stopped_by(self) -> SwapError | None:
        """Why nothing more is submitted: the budget, the account, the journal. None if it is none of them."""
        return self._books.stopped_by

    @property
    def unfinished(self) -> tuple[SwapJob, ...]:
        """Jobs that are accepted and billed, and whose outcome was not given out.

        After the block these are the jobs that nobody waits for: keep them, or run the journal again.
        """
        return tuple(self._open_jobs())

    @property
    def committed_usd(self) -> float:
        """What is spent or may have to be paid, earlier runs of the journal included."""
        return self._books.budget.committed_usd

    @property
    def price_usd(self) -> float:
        """What a swap is taken to cost: the price that was set, or more if the service told more."""
        return self._books.budget.price_usd

    def stop(self) -> None:
        """Submits nothing more. Swaps in flight finish, and then the outcomes end."""
        self._books.stop(None)

    async def __anext__(self) -> SwapOutcome:
        numbered = await self._next()
        if numbered is None:
            raise StopAsyncIteration
        return numbered[1]

    async def in_order(self, requests: Sequence[SwapRequest]) -> list[SwapOutcome]:
        """All outcomes, in the order of the requests; those not taken are as the journal has them."""
        found: dict[int, SwapOutcome] = {}
        while (numbered := await self._next()) is not None:
            number, outcome = numbered
            if number is not None:
                found[number] = outcome
        left = {number: request for number, request in enumerate(requests) if number not in found}
        found.update(await self._books.not_taken(left))
        return [found[number] for number in range(len(requests))]

    async def _next(self) -> tuple[int | None, SwapOutcome] | None:
        numbered = await self._handover.receive()
        if numbered is None and self._failure is not None:
            raise self._failure
        return numbered

    # For the batch

    async def give(self, number: int | None, outcome: SwapOutcome) -> None:
        """Hands an outcome out, as soon as somebody takes it.

        `number` is the place of its input; None for a job that only the journal knew.
        """
        await self._handover.send((number, outcome))

    def fail(self, error: Exception) -> None:
        """After the last outcome this will be raised."""
        self._failure = self._failure or error

    def end(self) -> None:
        """There will be no more."""
        self._handover.close()
