"""The two seams of the client: what a fleet of machines replaces.

A `Gate` decides when requests may leave. A `Ledger` has one entry a swap, and the money of a batch. A
`SubmitRecord` is what a submit writes down between its POSTs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from ._errors import SwapError
from ._models import Call, SwapJob, SwapRequest, SwapResult
from ._outcome import OutcomeState, SwapOutcome


@dataclass(frozen=True, slots=True)
class Admission:
    """One request's permission to leave.

    Attributes:
        call: The kind of request.
        number: Counts a client's requests.
        epoch: How often 429s had closed the gate before. It tells a new 429 from one of the same epoch.
        left_at: When the permission was given, on the event loop's clock.
    """

    call: Call
    number: int
    epoch: int
    left_at: float


class Gate(Protocol):
    """Decides when requests may leave. A client has one; in a fleet, the gates of all clients share one rate.

    All methods are called on the client's event loop. Only `admit` may wait. Downloads do not pass the gate,
    because they carry no key: no method but `closed_for` is called for them.

    Each admission ends with exactly one `release`. Before that, at most one of `rate_limited` and `answered`
    is called: neither, if no complete response came. What these three methods raise is logged and dropped,
    because the response may belong to a paid call. So is what `closed_for` raises: the gate counts as open.
    """

    def closed_for(self, call: Call) -> float:
        """Seconds until a request of this kind may leave again after a 429; 0.0 if the gate is open.

        An estimate: it decides if a submit can still be sent before its timeout. For a download it is 0.0.
        """
        ...

    @property
    def counts_polls(self) -> bool:
        """Whether polls are known to use up the rate limit. If so, the client polls less often."""
        ...

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave, and counts the request as sent.

        If the wait is cancelled, this method must give the turn back: `release` is not called. An exception
        of this method ends the call, and nothing was sent.
        """
        ...

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        """Closes the gate for all requests, because a request was answered 429.

        Must not block: a gate that is shared by several processes tells the others in the background.

        Args:
            admission: The request's admission.
            retry_after: Seconds that the server asked to wait; None if it named no time.

        Returns:
            Seconds until requests leave again; they are the `delay` of the event `RateLimited`.
        """
        ...

    def answered(self, admission: Admission) -> None:
        """A request had a complete response with any other status than 429. Must not block."""
        ...

    def release(self, admission: Admission) -> None:
        """A request has ended, or was not sent at all. Must not block."""
        ...


class SubmitRecord(Protocol):
    """What a submit writes down. After a crash between two calls, the first of them is what remains."""

    async def intend(self, in_doubt: int) -> None:
        """Records the intent to POST. Awaited directly before each POST; durable when it returns.

        Args:
            in_doubt: How many earlier POSTs of the swap may have been accepted.

        Raises:
            Exception: of any class. It ends the submit: this POST is not sent.
        """
        ...

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Records how a POST ended. Awaited before the caller hears of it; durable when it returns.

        Must not raise: the response cannot be given back.

        Args:
            job: The accepted job; None if the POST brought none.
            in_doubt: How many POSTs of the swap may have been accepted, besides that of the job.
        """
        ...

    def withdrawn(self, in_doubt: int) -> None:
        """The last byte of the intended POST never left, and never will."""
        ...


class NoRecord:
    """Writes nothing down."""

    async def intend(self, in_doubt: int) -> None:
        pass

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        pass

    def withdrawn(self, in_doubt: int) -> None:
        pass


NO_RECORD = NoRecord()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A swap that a batch is about to make.

    Attributes:
        id: The caller's name for the swap. It may be empty where a ledger keeps only the money.
        fingerprint: Identifies which pictures are swapped.
        reference: What a report calls the picture of the new character.
        scene: What a report calls the scene.
    """

    id: str
    fingerprint: str
    reference: str
    scene: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One swap of a ledger.

    Attributes:
        number: Identifies the entry in its ledger.
        run: The last run of the batch that took the entry.
        billable_posts: How many POSTs of the swap may have been accepted, that of the job included.
    """

    number: int
    id: str
    fingerprint: str
    reference: str
    scene: str
    state: OutcomeState
    run: int
    billable_posts: int = 0
    job: SwapJob | None = None
    result: SwapResult | None = None
    error: SwapError | None = None

    @property
    def in_doubt(self) -> int:
        """How many POSTs of earlier runs may have been accepted, besides that of the job.

        A PENDING entry is submitted anew: even a job that it may know is then one of the POSTs in doubt.
        """
        has_job = self.job is not None and self.state is not OutcomeState.PENDING
        return max(0, self.billable_posts - has_job)

    def outcome(self, request: SwapRequest | None = None) -> SwapOutcome:
        """What the ledger knows of the swap, for its request.

        Without `request`, the outcome's request has the names of the pictures: paths, URLs or descriptions.
        """
        if request is None:
            request = SwapRequest(
                id=self.id, reference_character_image=self.reference, character_image=self.scene
            )
        return SwapOutcome(
            request=request, state=self.state, job=self.job, result=self.result, error=self.error
        )

    def conflict(self, ledger: str) -> str:
        """The message for an input that has the id of this entry, and other pictures."""
        return (
            f"the journal {ledger} knows the id {self.id!r} with other pictures ({self.reference} into"
            f" {self.scene}): give this swap another id, or use another journal"
        )


class EntryConflict(Exception):  # noqa: N818 - the batch makes the typed error of it
    """An input cannot have its entry: the id was taken in this run, or belongs to other pictures."""


class LedgerView(Protocol):
    """A ledger, to be looked at."""

    @property
    def name(self) -> str:
        """What messages call the ledger: for a journal, its path."""
        ...

    @property
    def keeps_entries(self) -> bool:
        """Whether the ledger outlives the batch, so that each swap needs an id of its own."""
        ...

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """The entries of those ids that have one.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...

    async def aclose(self) -> None:
        """Closes the ledger, after the responses of open claims, which have at most their grace."""
        ...


class Ledger(LedgerView, Protocol):
    """One entry a swap, and the money of a batch. What an awaited method has returned from is durable.

    Money: `reserve` or `claim` commits the price of a POST. `refuse` and `withdraw` keep it for the next POST
    of the same swap. `finish` and `release` end it: what is not `held` is given back. A cancelled call may
    have been carried out.

    Errors: a `JournalError` stops the batch. So does any other exception of `accept`, `refuse`, `withdraw`,
    `finish`, `save` and `release`. It is logged with the job, and the swap goes on, because the swap may be
    paid. Other exceptions of the other methods end the batch, and are raised by it.
    """

    @property
    def price_usd(self) -> float:
        """What a swap is taken to cost, in USD: the price that was set, or more if the service told more."""
        ...

    @property
    def committed_usd(self) -> float:
        """What is spent or may have to be paid, in USD, earlier runs included."""
        ...

    async def take(self, swap: NewEntry) -> Entry:
        """The entry of an input, made if it is new.

        Raises:
            EntryConflict: the id was given twice in this run, or belongs to other pictures.
            JournalError: the ledger failed.
        """
        ...

    def resumable(self) -> AsyncGenerator[Entry, None]:
        """The ACCEPTED entries of earlier runs, oldest first. This batch goes on with each of them.

        Raises:
            JournalError: the ledger failed.
        """
        ...

    async def reopen(self, entry: Entry) -> Entry:
        """Makes a FAILED or REJECTED entry PENDING, and returns the new entry.

        Raises:
            JournalError: the ledger failed, or the entry is in another state by now.
        """
        ...

    async def reserve(self, entry: Entry) -> None:
        """Commits the price of one POST. Waits while money of other swaps may be given back.

        Raises:
            BudgetExceededError: there is no room in the budget, and none will come.
            JournalError: the ledger failed.
        """
        ...

    async def claim(self, entry: Entry, *, in_doubt: int) -> None:
        """Records the intent to POST: the money and the state SENDING, in one step.

        Args:
            entry: The entry.
            in_doubt: How many earlier POSTs of the swap may have been accepted.

        Raises:
            BudgetExceededError: there is no room for another POST. Nothing was recorded.
            JournalError: the ledger failed, or the entry's state does not allow a POST.
        """
        ...

    async def accept(self, entry: Entry, job: SwapJob, *, in_doubt: int) -> None:
        """Records an accepted job.

        Raises:
            JournalError: the ledger failed. It has kept the job elsewhere, or logged it.
        """
        ...

    async def refuse(self, entry: Entry, *, in_doubt: int) -> None:
        """Records that a POST brought no job: PENDING, or still SENDING while a POST of this run is in doubt.

        Raises:
            JournalError: the ledger failed.
        """
        ...

    def withdraw(self, entry: Entry, *, in_doubt: int) -> None:
        """Records, in the background, that the claimed POST never left. The state is as after `refuse`."""
        ...

    async def finish(self, entry: Entry, outcome: SwapOutcome, *, held: int) -> None:
        """Records how the swap ended, and settles its money.

        Args:
            entry: The entry.
            outcome: The end. A `result` settles one POST at its cost.
            held: How many other POSTs may still have to be paid.

        Raises:
            JournalError: the ledger failed. The money is settled all the same.
        """
        ...

    async def save(self, entry: Entry, result: SwapResult) -> None:
        """Records that the picture of a COMPLETED swap is in the file `result.path`.

        Raises:
            JournalError: the ledger failed.
        """
        ...

    def release(self, entry: Entry, *, held: int) -> None:
        """This process does not go on with the swap. Its state stays.

        Args:
            entry: The entry.
            held: How many POSTs may still have to be paid; the rest of the committed money is given back.
        """
        ...


class LedgerSource(Protocol):
    """Where a batch finds its ledger: a `Journal`, or what a fleet shares."""

    async def open(self, *, origin: str, workflow: str, price_usd: float, budget_usd: float | None) -> Ledger:
        """Opens the ledger for a batch.

        Args:
            origin: The origin of the API, such as `https://api.segmind.com`.
            workflow: The id of the workflow.
            price_usd: What a swap is taken to cost, in USD, at least.
            budget_usd: What the batch may cost at most, in USD, earlier runs included; None for no limit.

        Raises:
            JournalError: the ledger is in use, damaged, of another service, or cannot be written.
        """
        ...

    async def look(self) -> LedgerView | None:
        """Opens the ledger to look at it; None if there is none yet.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...
