"""`Outcomes`: the object that `SwapClient.swap_many` yields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence

from .._errors import JournalError, SwapError
from .._models import SwapJob, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._protocols.entry import Entry
from .._protocols.ledger import Ledger
from .rendezvous import Rendezvous
from .stop_switch import StopSwitch


class Outcomes(AsyncIterator[SwapOutcome]):
    """The outcomes of a batch, each as soon as its swap has ended.

    If the iterable of the requests raises an exception, no further swap is submitted, and the exception is
    raised after the last outcome.
    """

    def __init__(
        self,
        ledger: Ledger,
        switch: StopSwitch,
        jobs: Callable[[], Sequence[SwapJob]],
        find: Callable[[Collection[str]], Awaitable[Mapping[str, Entry]]] | None = None,
    ) -> None:
        self._ledger = ledger
        self._find = find or ledger.find
        self._switch = switch
        self._open_jobs = jobs
        self._rendezvous: Rendezvous[tuple[int | None, SwapOutcome]] = Rendezvous()
        self._failure: BaseException | None = None

    @property
    def stopped_by(self) -> SwapError | None:
        """The error that stopped the submits: of budget, account, journal, or `NoResultsError`. Else None."""
        return self._switch.reason

    @property
    def unfinished(self) -> tuple[SwapJob, ...]:
        """The accepted and billed jobs whose outcomes were not returned.

        After the block, the client no longer waits for these jobs: keep the jobs, or run the batch again with
        the same journal.
        """
        return tuple(self._open_jobs())

    @property
    def committed_usd(self) -> float:
        """The money that is spent or may have to be paid, in USD, earlier runs of the journal included."""
        return self._ledger.committed_usd

    @property
    def price_usd(self) -> float:
        """The assumed cost of a swap in USD: the price that was set, or the highest reported cost."""
        return self._ledger.price_usd

    def stop(self) -> None:
        """Stops further submits. Swaps in flight finish, and then the outcomes end."""
        self._switch.stop()

    async def __anext__(self) -> SwapOutcome:
        numbered = await self._next()
        if numbered is None:
            raise StopAsyncIteration
        return numbered[1]

    async def in_order(self, requests: Sequence[SwapRequest]) -> list[SwapOutcome]:
        """All outcomes, in the order of the requests.

        A request that the batch did not take has the outcome of its entry in the journal, or is PENDING.

        Args:
            requests: The requests that were given to the batch.
        """
        found: dict[int, SwapOutcome] = {}
        while (numbered := await self._next()) is not None:
            number, outcome = numbered
            if number is not None:
                found[number] = outcome
        missing = {number: request for number, request in enumerate(requests) if number not in found}
        found.update(await self._not_taken(missing))
        return [found[number] for number in range(len(requests))]

    async def _not_taken(self, requests: Mapping[int, SwapRequest]) -> dict[int, SwapOutcome]:
        """The outcomes of inputs that the batch did not take: earlier runs may have paid for them."""
        state, error = OutcomeState.PENDING, self._switch.reason
        known: Mapping[str, Entry] = {}
        try:
            known = await self._find([request.id for request in requests.values() if request.id])
        except JournalError as exc:
            state, error = OutcomeState.UNKNOWN, exc

        def outcome(request: SwapRequest) -> SwapOutcome:
            entry = known.get(request.id or "")
            if entry is None or entry.state is OutcomeState.PENDING:
                return SwapOutcome(request=request, state=state, error=error)
            return entry.outcome(request)

        return {number: outcome(request) for number, request in requests.items()}

    async def _next(self) -> tuple[int | None, SwapOutcome] | None:
        numbered = await self._rendezvous.receive()
        if numbered is None and self._failure is not None:
            raise self._failure
        return numbered

    async def send(self, number: int | None, outcome: SwapOutcome) -> None:
        """Passes an outcome to the reader, and waits until the reader has received it. For the batch.

        `number` is the position of the input; None for a job of an earlier run without an input in this run.
        """
        await self._rendezvous.send((number, outcome))

    def fail(self, error: BaseException) -> None:
        """Raises `error` after the last outcome. For the batch."""
        self._failure = self._failure or error

    def close(self) -> None:
        """Ends the outcomes. For the batch."""
        self._rendezvous.close()
