"""`Journal`: shows what a batch did, and records a person's decisions about swaps that need one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .._api.text import shorten
from .._config import PRICE_USD, WORKFLOW
from .._errors import JournalError
from .._models import LearnedRate, SwapJob
from .._outcome import OutcomeState, SwapOutcome, SwapVersion
from .._policy.decisions import Decision, decision_problem, similar_ids
from .._policy.rate.learned import read_learned
from .._protocols.entry import Entry
from .._protocols.marks import Marks
from .adoption.amendment import JournalAmendment
from .adoption.poll_urls import check_is_free, check_poll_url
from .beside.marks import FileMarks, MemoryMarks, marks_path
from .ledger import SqliteLedger, StoreView
from .opening import Opening
from .orders.rows import OrderRows
from .store import Store
from .summary import JournalSummary

if TYPE_CHECKING:
    from .orders.orders import SqliteOrders

T = TypeVar("T")


class Journal:
    """The file in which a batch records each swap before the swap is paid, and how the swap ended.

    Give the journal, or its path, to `SwapClient.swap_many`. The journal can be read while a batch writes to
    it. It contains ids, paths, URLs, jobs, results and a salted tag of each key, and never a key or a
    picture. No method sends a request or costs anything.

    Args:
        path: The file, which the first batch creates. `":memory:"` for a journal that ends with this object.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._opening = Opening(self.path)
        self._memory_marks = MemoryMarks()

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    def summary(self, *, failed_runs_are_free: bool | None = None) -> JournalSummary:
        """Counts the swaps in each state, and adds up the money.

        Args:
            failed_runs_are_free: Whether failed runs cost nothing; None for what the last run was told.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        with self._opening.reading() as store:
            price = store.facts.price_usd or PRICE_USD
            are_free = failed_runs_are_free
            if are_free is None:
                are_free = store.facts.failed_runs_are_free
            settled, reserved = (
                store.money(
                    price,
                    [state for state in OutcomeState if state.may_cost is may_cost],
                    failed_runs_are_free=are_free,
                )
                for may_cost in (False, True)
            )
            return JournalSummary(
                states=store.counts(),
                reserved_usd=reserved.usd(price),
                spent_usd=settled.usd(price),
                unknown=tuple(store.ids(OutcomeState.UNKNOWN)),
                without_pictures=tuple(OrderRows(store).without_pictures().values()),
                orders=OrderRows(store).count(),
                redone=store.versions.count_redone(),
                redos=store.versions.count_without_picture(),
                redo_usd=store.money(price, failed_runs_are_free=are_free, from_version=2).usd(price),
                learned_rate=_learned_rate(store),
            )

    def outcomes(self, state: OutcomeState | None = None) -> Iterator[SwapOutcome]:
        """Iterates over the outcomes of all swaps, or of the swaps in `state`, in the order of the first run.

        Of a swap with several versions, the current one: the latest that is done, else the first.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        return self._read(lambda store: (entry.outcome() for entry in store.entries(state)))

    def versions(self, *, price_usd: float | None = None) -> Iterator[SwapVersion]:
        """Iterates over all versions of all swaps, with their money: a bill.

        The swaps come in the order of their first run, and the versions of a swap one after the other. The
        sum of `at_most_usd` is the `committed_usd` of `summary`.

        Args:
            price_usd: What a swap is taken to cost, in USD, if the service did not report the cost; None for
                the price of the last run.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """

        def found(store: Store) -> Iterator[SwapVersion]:
            price = price_usd or store.facts.price_usd or PRICE_USD
            return store.versions.bill(price, failed_runs_are_free=store.facts.failed_runs_are_free)

        return self._read(found)

    def _read(self, found: Callable[[Store], Iterator[T]]) -> Iterator[T]:
        with self._opening.reading() as store:
            if not self._opening.is_in_memory:
                yield from found(store)
                return
            # A batch writes on the same connection: no transaction may stay open between two values.
            values = list(found(store))
        yield from values

    @property
    def id(self) -> str:
        """The id of the journal, which it keeps when its file is moved or renamed.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        with self._opening.reading() as store:
            return store.facts.get("id") or ""

    @property
    def origin(self) -> str | None:
        """The service of the batch, such as `https://api.segmind.com`; None before the first run.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        with self._opening.reading() as store:
            return store.facts.get("origin")

    @property
    def price_usd(self) -> float | None:
        """The assumed price of a swap in USD, as the last run was told; None before the first run.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        with self._opening.reading() as store:
            return store.facts.price_usd

    @property
    def is_in_memory(self) -> bool:
        """Whether the journal ends with this object, and has no file."""
        return self._opening.is_in_memory

    @property
    def marks(self) -> Marks:
        """What a person decided about the pictures, in a file beside the journal. For internal use.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        if self._opening.is_in_memory:
            return self._memory_marks
        return FileMarks(marks_path(self.path), self.id)

    def resubmit(self, id: str) -> None:
        """Lets the next run submit a swap again, which may pay for the swap a second time.

        For a swap that is unknown, expired, unreadable, failed, rejected or abandoned. What the swap may have
        cost before stays counted.

        Raises:
            JournalError: there is no such swap, the swap is in another state, a batch is running, or the
                swap is that of a service and came with uploaded pictures, which are not kept.
        """
        with self._opening.deciding() as store:
            entry = self._entry_for(Decision.RESUBMIT, store, id)
            OrderRows(store).check_resubmit(entry)
            store.step(entry.number, OutcomeState.PENDING, manual=True)

    def abandon(self, id: str) -> None:
        """Gives a swap up: no run waits for the swap or submits it again. Its possible cost stays counted.

        For a swap that is unknown, expired, unreadable or accepted.

        Raises:
            JournalError: as in `resubmit`.
        """
        with self._opening.deciding() as store:
            entry = self._entry_for(Decision.ABANDON, store, id)
            store.step(entry.number, OutcomeState.ABANDONED, manual=True)

    def wait_again(self, id: str, *, poll_url: str | None = None) -> None:
        """Lets the next run wait for a swap's job, which is free.

        For a swap that is expired, unknown, failed or abandoned. If the journal has no job, because no
        response was received, give the `poll_url`; or let `SwapClient.reconcile` look for the job.

        Raises:
            JournalError: as in `resubmit`; there is no job and no `poll_url`; or the job is that of another
                swap, or of another version of the swap.
        """
        with self._opening.deciding() as store:
            entry = self._entry_for(Decision.WAIT_AGAIN, store, id)
            if poll_url is not None:
                check_poll_url(store, poll_url)
            job = entry.job
            is_same_job = poll_url is None or (job is not None and job.poll_url == poll_url)
            # The job of a FAILED swap counts as a failed run. Now it counts as a POST again, and only once.
            has_failed = entry.state is OutcomeState.FAILED and is_same_job
            failed_run = int(has_failed and entry.failed_runs > 0)
            posts = max(1, entry.billable_posts + failed_run)
            state = OutcomeState.ACCEPTED
            if is_same_job and entry.state is OutcomeState.ABANDONED and entry.answer is not None:
                # The service has said that this job is done: a later FAILED or 404 must not be believed.
                state = OutcomeState.UNREADABLE
            elif poll_url is not None:
                workflow = job.workflow if job is not None else store.facts.get("workflow") or WORKFLOW
                job = SwapJob(poll_url=poll_url, workflow=workflow, possible_duplicates=posts - 1)
            if job is None:
                raise JournalError(
                    f"{entry.id!r} has no job in the journal, because no answer came: let"
                    " `reconcile` look for it in the account's history, or give its `poll_url`",
                    path=store.path,
                )
            if not is_same_job:
                check_is_free(store, entry, job)
            store.step(
                entry.number, state, job=job, billable_posts=posts, failed_runs=-failed_run, manual=True
            )

    def _entry_for(self, decision: Decision, store: Store, id: str) -> Entry:
        """The entry about which a person decides.

        Raises:
            JournalError: there is no such swap, or its state does not allow the decision.
        """
        entry = store.entry_of(id)
        if entry is None:
            raise store.error(f"has no swap {shorten(id)!r}{similar_ids(id, store.ids())}")
        problem = decision_problem(decision, entry.id, entry.state)
        if problem is not None:
            raise JournalError(problem, path=store.path)
        return entry

    def open_writer(self) -> Store:
        """Opens the journal for writing. For internal use.

        Raises:
            JournalError: the journal is in use, damaged, or cannot be written.
        """
        return self._opening.writer()

    async def open(
        self,
        *,
        origin: str,
        workflow: str,
        price_usd: float,
        budget_usd: float | None,
        failed_runs_are_free: bool = False,
        tag_of_key: Callable[[bytes], str] = lambda _: "",
        daily_budget_usd: float | None = None,
    ) -> SqliteLedger:
        """Opens the journal for a batch, as a `LedgerSource`. For internal use.

        Raises:
            JournalError: the journal is in use, damaged, of another service, or cannot be written.
        """
        return await self._opening.ledger(
            origin=origin,
            workflow=workflow,
            price_usd=price_usd,
            budget_usd=budget_usd,
            failed_runs_are_free=failed_runs_are_free,
            tag_of_key=tag_of_key,
            daily_budget_usd=daily_budget_usd,
        )

    async def open_orders(self, *, origin: str, workflow: str) -> SqliteOrders:
        """Opens the orders of a service, as an `OrderSource`. For internal use.

        Raises:
            JournalError: the journal is damaged, of another service, or cannot be written.
        """
        return await self._opening.orders(origin=origin, workflow=workflow)

    async def amend(self, *, origin: str, workflow: str) -> JournalAmendment:
        """Opens the journal for what was learned of its unknown swaps, as an `AmendableSource`. Internal.

        Raises:
            JournalError: there is no such journal; it is in use, damaged, of another service, or cannot be
                written.
        """
        return await self._opening.amendment(origin=origin, workflow=workflow)

    async def look(self, *, origin: str | None = None, workflow: str | None = None) -> StoreView | None:
        """Opens the journal for reading, as a `LedgerSource`; None if there is no file. For internal use.

        Raises:
            JournalError: the journal cannot be read, or is of another service.
        """
        return await self._opening.view(origin=origin, workflow=workflow)


def _learned_rate(store: Store) -> LearnedRate | None:
    text = store.facts.learned_rate
    return None if text is None else read_learned(text, now=datetime.now(UTC), key_tag=None)
