"""`Ledger`: one entry for each swap, and the money of a batch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Protocol

from .._models import LearnedRate, Rate, SwapJob, SwapResult
from .._outcome import SwapOutcome
from .entry import Entry, NewEntry, NewVersion
from .marks import Marks


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
        """The current entries by id. The mapping has no key for an id without an entry.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...

    def versions(self, ids: Collection[str] | None = None) -> AsyncGenerator[Entry, None]:
        """All versions of all ids, or of `ids`: the ids in the order of their first run, versions ascending.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...

    async def find_paid(self, fingerprint: str) -> Entry | None:
        """The entry that is paid for these pictures, or may be. None if nobody pays, or may have paid.

        SAVED entries come first, then COMPLETED ones, then entries that are waited for or in doubt, then
        EXPIRED ones; of several, an entry that is no copy of another, and then the oldest entry.

        Args:
            fingerprint: Identifies the pictures.

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

    With a daily budget, a POST belongs to the UTC day of its claim. A price that is reserved and not claimed
    belongs to the current day. A price that is given back makes room in the day of its POST only.

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
        """Returns the current entry of an input. A new input gets a new entry.

        The input is compared with `Entry.input`, also if the current version was made with other pictures.

        Raises:
            EntryConflict: the id was given twice in this run, or belongs to other pictures.
            JournalError: the ledger failed.
        """
        ...

    async def begin_versions(self, versions: Sequence[NewVersion]) -> Sequence[Entry]:
        """Begins the versions of a redo: all of them in one step, before the first POST, or none.

        `redo_step` in `_policy/redo.py` decides what is done for each version. A new entry is PENDING, and
        commits no money. An entry that the same redo has begun before is returned as it is.

        Returns:
            The entries, in the order of `versions`.

        Raises:
            EntryConflict: a swap cannot be redone so, or an id occurs twice. No version was begun.
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

    def resume(self, entry: Entry) -> None:
        """Begins this process's work on a waitable entry, as `resumable` does for the entries that it yields.

        Its POSTs count as in progress, until `finish` or `release`.
        """
        ...

    async def claim(self, entry: Entry, *, in_doubt: int, urls: tuple[str, str]) -> None:
        """Records the intent to POST: the money, the state SENDING and a new `Post`, in one step.

        The first POST of an attempt, and each POST with no doubt before it, replaces the earlier `posts`.

        Args:
            entry: The entry.
            in_doubt: How many earlier POSTs of the swap may have been accepted.
            urls: The URLs of the reference and of the scene, as the POST sends them.

        Raises:
            BudgetExceededError: the budget has no room for another POST, or today's budget has none for a
                price that was reserved on an earlier day. Nothing was recorded.
            EntryCancelled: the order of the entry was cancelled meanwhile. Nothing was recorded, and what was
                reserved stays reserved until `release` or `finish`.
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
        """Records how the swap ended, and settles its money. An entry that was cancelled stays as it is.

        Args:
            entry: The entry.
            outcome: A `result` settles one POST at its cost, FAILED one POST as a failed run. An
                `OutputError` has the answer to keep.
            unsettled_posts: How many other POSTs may still have to be paid.

        Raises:
            JournalError: the ledger failed. The money is settled all the same.
        """
        ...

    async def copy(self, entry: Entry, result: SwapResult) -> None:
        """Makes a PENDING entry COMPLETED with the result of another entry. Nothing is paid for the copy.

        The entry has no reservation. POSTs of earlier attempts stay counted, as `closed_posts`. A job that
        the entry had stays known, as one of its `past_jobs`. Two processes that share a ledger must not pay
        for the same pictures at the same time: give equal pictures to one.

        Args:
            entry: The entry of the copy.
            result: The result of the entry with the same pictures. Its `copy_of` is the id of that entry.

        Raises:
            JournalError: the ledger failed, or the entry is in another state.
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

    async def learned_rate(self) -> LearnedRate | None:
        """What `keep_rate` has kept last, in any run; None if that is nothing, or cannot be understood.

        `is_same_key` compares the tags of both clients' keys. An exception is logged, and the batch begins
        without a rate.
        """
        ...

    def keep_rate(self, rate: Rate) -> None:
        """Keeps, in the background, what is believed of the rate limit now, in place of the earlier belief.

        Must not block. A failure is logged, and ends nothing: it costs time in a later run, and no money.
        """
        ...


class LedgerSource(Protocol):
    """Opens the ledger of a batch. A `Journal` is such a source; a fleet has a source that it shares."""

    @property
    def marks(self) -> Marks | None:
        """What people have decided about the pictures; None if the ledger does not outlive the batch.

        Called in a thread. A run does not fetch a picture again that a person has discarded.

        Raises:
            JournalError: there is no ledger yet, or the ledger cannot be read.
        """
        ...

    async def open(
        self,
        *,
        origin: str,
        workflow: str,
        price_usd: float,
        budget_usd: float | None,
        failed_runs_are_free: bool,
        tag_of_key: Callable[[bytes], str],
        daily_budget_usd: float | None = None,
    ) -> Ledger:
        """Opens the ledger for a batch.

        Args:
            origin: The origin of the API, such as `https://api.segmind.com`.
            workflow: The id of the workflow.
            price_usd: The assumed cost of a swap in USD. A higher price of earlier runs is kept.
            budget_usd: The most that the batch may cost, in USD, earlier runs included; None for no limit.
            failed_runs_are_free: Whether FAILED jobs, also of earlier runs, cost nothing.
            daily_budget_usd: The most that the POSTs of one UTC day may cost, in USD; None for no limit. A
                POST belongs to the day of its claim. Unknown and failed swaps count.
            tag_of_key: Returns the tag of the client's key under the salt of the ledger: at least 16 random
                bytes, which stay the same as long as the ledger exists. The ledger never sees the key.

        Raises:
            JournalInUseError: another process, or another batch of this process, uses the ledger.
            JournalError: the ledger is damaged, of another service, or cannot be written.
        """
        ...

    async def look(self, *, origin: str | None = None, workflow: str | None = None) -> LedgerView | None:
        """Opens the ledger for reading; None if there is no ledger yet.

        Args:
            origin: The origin of the API, as in `open`; None for a ledger of any service.
            workflow: The id of the workflow; None for any workflow.

        Raises:
            JournalError: the ledger cannot be read, or is of another service.
        """
        ...


class Amendment(Protocol):
    """A ledger that is open for what is learned of its UNKNOWN swaps from outside, while no batch runs.

    The effect of an awaited method is durable. No method sends anything.
    """

    @property
    def name(self) -> str:
        """The name of the ledger in messages: for a journal, its path."""
        ...

    async def entries(self) -> Sequence[Entry]:
        """All entries, with every version, in the order of their first run.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...

    async def adopt(self, entry: Entry, job: SwapJob) -> None:
        """Makes `job`, which was found in the account's history, the job of an UNKNOWN entry: ACCEPTED.

        The POSTs in doubt stay counted, and one of them is now the POST of the job.

        Raises:
            JournalError: the ledger failed, the entry is in another state, or an entry has this job: its
                request id or its poll URL is that of a job, a past job or an error of any entry.
        """
        ...

    async def resubmit(self, entry: Entry) -> None:
        """Makes an UNKNOWN entry PENDING: the next run submits and pays the swap. Its POSTs stay counted.

        Raises:
            JournalError: the ledger failed, the entry is in another state, or it is one of
                `without_pictures`.
        """
        ...

    async def without_pictures(self) -> Collection[int]:
        """The numbers of the UNKNOWN entries that cannot be submitted again: their pictures are not kept.

        A service does not keep uploaded pictures after they are sent. A ledger of batches has none of these.

        Raises:
            JournalError: the ledger cannot be read.
        """
        ...

    async def aclose(self) -> None:
        """Closes the ledger."""
        ...


class AmendableSource(Protocol):
    """Opens a ledger for `Amendment`. A `Journal` is such a source."""

    async def amend(self, *, origin: str, workflow: str) -> Amendment:
        """Opens an existing ledger without beginning a run. No batch can use the ledger meanwhile.

        SENDING entries become UNKNOWN, because the batch that was sending has ended.

        Args:
            origin: The origin of the API, such as `https://api.segmind.com`.
            workflow: The id of the workflow.

        Raises:
            JournalError: there is no such ledger; it is in use, damaged, or of another service or workflow.
        """
        ...
