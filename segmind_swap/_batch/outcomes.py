"""What the user of a batch holds: the outcomes as they come, and what there is to know meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from .._errors import JournalError, SwapError
from .._models import SwapJob, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._protocols import Entry, Ledger
from .rendezvous import Rendezvous
from .stop_switch import StopSwitch


class Outcomes(AsyncIterator[SwapOutcome]):
    """The outcomes of a batch, each as soon as its swap has ended."""

    def __init__(self, ledger: Ledger, switch: StopSwitch, jobs: Callable[[], Sequence[SwapJob]]) -> None:
        self._ledger = ledger
        self._switch = switch
        self._open_jobs = jobs
        self._rendezvous: Rendezvous[tuple[int | None, SwapOutcome]] = Rendezvous()
        self._failure: Exception | None = None

    @property
    def stopped_by(self) -> SwapError | None:
        """Why nothing more is submitted: the budget, the account or the journal. None otherwise."""
        return self._switch.reason

    @property
    def unfinished(self) -> tuple[SwapJob, ...]:
        """Jobs that are accepted and billed, and whose outcome was not given out.

        After the block these are the jobs that nobody waits for: keep them, or run the journal again.
        """
        return tuple(self._open_jobs())

    @property
    def committed_usd(self) -> float:
        """What is spent or may have to be paid, in USD, earlier runs of the journal included."""
        return self._ledger.committed_usd

    @property
    def price_usd(self) -> float:
        """What a swap is taken to cost, in USD: the price that was set, or more if the service told more."""
        return self._ledger.price_usd

    def stop(self) -> None:
        """Submits nothing more. Swaps in flight finish, and then the outcomes end."""
        self._switch.stop()

    async def __anext__(self) -> SwapOutcome:
        numbered = await self._next()
        if numbered is None:
            raise StopAsyncIteration
        return numbered[1]

    async def in_order(self, requests: Sequence[SwapRequest]) -> list[SwapOutcome]:
        """All outcomes, in the order of the requests; one that was not taken is as in the journal."""
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
            known = await self._ledger.find([request.id for request in requests.values() if request.id])
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
        """Gives an outcome out, and waits until the reader has it. For the batch.

        `number` is the place of the input; None for a job that only the journal knew.
        """
        await self._rendezvous.send((number, outcome))

    def fail(self, error: Exception) -> None:
        """Raises `error` after the last outcome. For the batch."""
        self._failure = self._failure or error

    def close(self) -> None:
        """No more outcomes will come. For the batch."""
        self._rendezvous.close()
