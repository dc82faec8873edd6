"""The two seams of the client: what a fleet of machines replaces.

A `Gate` decides when requests may leave. A `Ledger` keeps one entry for each swap, and the money of a batch.
A `SubmitRecord` records the POSTs of one swap.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass, field
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
        epoch: How often 429s had closed the gate before. Only the first 429 of an epoch is a new one.
        admitted_at: When the permission was given, in seconds on the event loop's clock.
    """

    call: Call
    number: int
    epoch: int
    admitted_at: float


class Gate(Protocol):
    """Decides when requests may leave. A client has one; in a fleet, the gates of all clients share one rate.

    All methods are called on the client's event loop. Only `admit` may wait. Downloads do not pass the gate,
    because they carry no key: no method but `closed_for` is called for them.

    Each admission ends with exactly one `release`. Before that, at most one of `rate_limited` and `answered`
    is called; neither is called if there was no complete response. An exception of these three methods is
    logged and not raised, because the response may belong to a paid call. An exception of `closed_for` is
    logged, too: the gate then counts as open.
    """

    def closed_for(self, call: Call) -> float:
        """Seconds until a request of this kind may leave after a 429; 0.0 if open, and for a download.

        The client uses this estimate to decide if a submit can still be sent before its timeout.
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

        Must not block: a gate that several processes share informs the other processes in the background.

        Args:
            admission: The request's admission.
            retry_after: Seconds that the server asked to wait; None if it named no time.

        Returns:
            Seconds until requests leave again, which become the `delay` of the event `RateLimited`.
        """
        ...

    def answered(self, admission: Admission) -> None:
        """Records a complete response with any other status than 429. Must not block."""
        ...

    def release(self, admission: Admission) -> None:
        """Ends an admission: its request has ended, or was not sent at all. Must not block."""
        ...


class SubmitRecord(Protocol):
    """The durable record of the POSTs of one swap. After a crash, it is as after the last finished call."""

    async def intend(self, in_doubt: int) -> None:
        """Records the intent to POST. Awaited directly before each POST; durable when it returns.

        Args:
            in_doubt: How many earlier POSTs of the swap may have been accepted.

        Raises:
            Exception: of any class. It ends the submit: this POST is not sent.
        """
        ...

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Records how a POST ended. Awaited before the caller gets the job; durable when it returns.

        Must not raise: the response may be an acceptance, which cannot be received a second time.

        Args:
            job: The accepted job; None if the POST was not accepted, or is in doubt.
            in_doubt: How many POSTs of the swap may have been accepted, besides the POST of the job.
        """
        ...

    def withdrawn(self, in_doubt: int) -> None:
        """Records that the last byte of the intended POST never left, and never will."""
        ...


class NoRecord:
    """A `SubmitRecord` that records nothing."""

    async def intend(self, in_doubt: int) -> None: ...
    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None: ...
    def withdrawn(self, in_doubt: int) -> None: ...


NO_RECORD = NoRecord()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A swap that a batch is about to make.

    Attributes:
        id: The caller's name for the swap. It may be empty where a ledger keeps only the money.
        fingerprint: Identifies which pictures are swapped.
        reference: The name of the reference in reports.
        scene: The name of the scene in reports.
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
        billable_posts: How many POSTs of this attempt may have been accepted, the POST of its job included.
        failed_runs: How many jobs of the swap FAILED. They count as paid, unless failed runs are free.
        closed_posts: How many other POSTs of earlier attempts count as paid.
        answer: The answer to a poll of an UNREADABLE job, without the key, at most 1 MiB.
    """

    number: int
    id: str
    fingerprint: str
    reference: str
    scene: str
    state: OutcomeState
    run: int
    billable_posts: int = 0
    failed_runs: int = 0
    closed_posts: int = 0
    job: SwapJob | None = None
    result: SwapResult | None = None
    error: SwapError | None = None
    answer: bytes | None = field(default=None, repr=False)

    @property
    def in_doubt(self) -> int:
        """How many POSTs of this attempt may have been accepted, besides the POST of the job.

        If a PENDING entry has a job, the POST of that job is in doubt, too. A FAILED job is none of them.
        """
        has_job = self.job is not None and self.state not in {OutcomeState.PENDING, OutcomeState.FAILED}
        return max(0, self.billable_posts - has_job)

    def outcome(self, request: SwapRequest | None = None) -> SwapOutcome:
        """The outcome of the swap, as the ledger has recorded it.

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
        """The message for an input with the id of this entry and with other pictures."""
        return (
            f"the journal {ledger} knows the id {self.id!r} with other pictures ({self.reference} into"
            f" {self.scene}): give this swap another id, or use another journal"
        )


class EntryConflict(Exception):  # noqa: N818 - the batch makes the typed error of it
    """An input cannot use an entry: the id was taken in this run, or belongs to other pictures."""


class LedgerView(Protocol):
    """A ledger that is open for reading."""

    @property
    def name(self) -> str:
        """The name of the ledger in messages: for a journal, its path."""
        ...

    @property
    def keeps_entries(self) -> bool:
        """Whether the entries outlive the batch. If so, each swap needs an id of its own."""
        ...

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """The entries by id. The mapping has no key for an id without an entry.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...

    async def aclose(self) -> None:
        """Waits until open claims are resolved, for at most 20 s, and closes the ledger."""
        ...


class Ledger(LedgerView, Protocol):
    """One entry for each swap, and the money of a batch. The effect of an awaited method is durable.

    Money: `reserve` or `claim` commits the price of a POST. After `refuse` and `withdraw`, the price stays
    committed for the next POST of the same swap. `finish` and `release` give back the price of every POST
    that is not one of the `unsettled_posts`. A FAILED job counts in `Entry.failed_runs`, and keeps its price
    unless failed runs are free. A cancelled call may have been carried out.

    Errors: a `JournalError` stops the batch. Any other exception of `accept`, `refuse`, `withdraw`, `finish`,
    `save` and `release` stops the batch, too. It is logged with the job, and the swap goes on, because the
    swap may be paid. The batch raises other exceptions of the other methods at its end.
    """

    @property
    def price_usd(self) -> float:
        """The assumed cost of a swap in USD: the price that was set, or the highest reported cost."""
        ...

    @property
    def committed_usd(self) -> float:
        """The money that is spent or may have to be paid, in USD, earlier runs included."""
        ...

    async def expect(self, ids: Collection[str]) -> None:
        """Records the inputs of this run, so that readers can count the inputs without an entry.

        Called once, before the first `take`; with no id if the inputs are not known yet. Commits no money.
        """
        ...

    async def take(self, swap: NewEntry) -> Entry:
        """Returns the entry of an input. A new input gets a new entry.

        Raises:
            EntryConflict: the id was given twice in this run, or belongs to other pictures.
            JournalError: the ledger failed.
        """
        ...

    def resumable(self) -> AsyncGenerator[Entry, None]:
        """The ACCEPTED and UNREADABLE entries, oldest first. This batch waits for the job of each entry.

        Raises:
            JournalError: the ledger failed.
        """
        ...

    async def reopen(self, entry: Entry) -> Entry:
        """Makes a FAILED or REJECTED entry PENDING, and returns the new entry.

        Its `billable_posts` become `closed_posts`: the money stays, and no POST is in doubt any more.

        Raises:
            JournalError: the ledger failed, or the entry is in another state.
        """
        ...

    async def reserve(self, entry: Entry) -> None:
        """Commits the price of one POST. Waits while other swaps may still give money back.

        Raises:
            BudgetExceededError: there is no room in the budget, and no swap can give money back.
            JournalError: the ledger failed.
        """
        ...

    async def claim(self, entry: Entry, *, in_doubt: int) -> None:
        """Records the intent to POST: the money and the state SENDING, in one step.

        Args:
            entry: The entry.
            in_doubt: How many earlier POSTs of the swap may have been accepted.

        Raises:
            BudgetExceededError: the budget has no room for another POST. Nothing was recorded.
            JournalError: the ledger failed, or the entry's state does not allow a POST.
        """
        ...

    async def accept(self, entry: Entry, job: SwapJob, *, in_doubt: int) -> None:
        """Records an accepted job.

        Raises:
            JournalError: the ledger failed. The ledger has stored the job elsewhere, or logged the job.
        """
        ...

    async def refuse(self, entry: Entry, *, in_doubt: int) -> None:
        """Records that a POST has ended without a job.

        The state becomes PENDING, or stays SENDING while a POST of this run is in doubt.

        Raises:
            JournalError: the ledger failed.
        """
        ...

    def withdraw(self, entry: Entry, *, in_doubt: int) -> None:
        """Records, in the background, that the claimed POST never left. The state is as after `refuse`."""
        ...

    async def finish(self, entry: Entry, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
        """Records how the swap ended, and settles its money.

        Args:
            entry: The entry.
            outcome: A `result` settles one POST at its cost, FAILED one POST as a failed run. An
                `OutputError` has the answer to keep.
            unsettled_posts: How many other POSTs may still have to be paid.

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

    def release(self, entry: Entry, *, unsettled_posts: int) -> None:
        """Ends this process's work on the swap. The state of the entry does not change.

        The price of all POSTs but `unsettled_posts`, which may still have to be paid, is given back.
        """
        ...


class LedgerSource(Protocol):
    """Opens the ledger of a batch. A `Journal` is such a source; a fleet has a source that it shares."""

    async def open(
        self,
        *,
        origin: str,
        workflow: str,
        price_usd: float,
        budget_usd: float | None,
        failed_runs_are_free: bool,
    ) -> Ledger:
        """Opens the ledger for a batch.

        Args:
            origin: The origin of the API, such as `https://api.segmind.com`.
            workflow: The id of the workflow.
            price_usd: The assumed cost of a swap in USD. A higher price of earlier runs is kept.
            budget_usd: The most that the batch may cost, in USD, earlier runs included; None for no limit.
            failed_runs_are_free: Whether FAILED jobs, also of earlier runs, cost nothing.

        Raises:
            JournalError: the ledger is in use, damaged, of another service, or cannot be written.
        """
        ...

    async def look(self) -> LedgerView | None:
        """Opens the ledger for reading; None if there is no ledger yet.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...
