"""`JournalAmendment`: a journal that is open for what was learned of its UNKNOWN rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ..._api.account.identity import JobNames
from ..._concurrency import run_in_thread
from ..._models import SwapJob
from ..._outcome import OutcomeState
from ..._protocols.entry import Entry
from ..store import IN_MEMORY, Store

T = TypeVar("T")


class JournalAmendment:
    """An `Amendment` of a journal. The journal is locked against batches until this object is closed.

    The journal must not be used by two tasks at the same time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # The names of the jobs of each row. The lock keeps every other writer out, so they stay right.
        self._names: dict[int, JobNames] | None = None

    @property
    def name(self) -> str:
        """The journal's path."""
        return self._store.path

    async def entries(self) -> Sequence[Entry]:
        """As in the protocol `Amendment`."""
        return await self._in_thread(partial(_entries, self._store))

    async def adopt(self, entry: Entry, job: SwapJob) -> None:
        """As in the protocol `Amendment`."""
        await self._in_thread(partial(self._adopt, entry.number, job))

    async def resubmit(self, entry: Entry) -> None:
        """As in the protocol `Amendment`."""
        await self._in_thread(partial(_resubmit, self._store, entry.number))

    async def aclose(self) -> None:
        """Closes the journal, and releases its lock."""
        self._store.close()

    def _adopt(self, number: int, job: SwapJob) -> None:
        store = self._store
        with store.transaction():
            if self._names is None:
                self._names = {entry.number: JobNames.of_entry(entry) for entry in store.entries()}
            entry = store.entry(number)
            if entry.state is not OutcomeState.UNKNOWN:
                raise store.error(
                    f"does not let {entry.id!r}, which is {entry.state}, have a job of the history"
                )
            # This is what keeps one job from having two rows, whatever the caller has concluded.
            for other, names in self._names.items():
                if other != number and names.has(job):
                    raise store.error(f"has the job {job.name}: it is a job of {store.entry(other).id!r}")
            if JobNames.of_jobs(entry.past_jobs).has(job):
                raise store.error(f"has the job {job.name}: it is an earlier job of {entry.id!r}")
            posts = max(1, entry.billable_posts)
            store.step(number, OutcomeState.ACCEPTED, billable_posts=posts, job=job, manual=True)
            self._names[number] = JobNames.of_entry(store.entry(number))

    async def _in_thread(self, step: Callable[[], T]) -> T:
        # A journal in memory needs no thread: there is no disk to wait for.
        return step() if self._store.path == IN_MEMORY else await run_in_thread(step)


def _entries(store: Store) -> list[Entry]:
    with store.snapshot():
        return list(store.entries())


def _resubmit(store: Store, number: int) -> None:
    with store.transaction():
        entry = store.entry(number)
        if entry.state is not OutcomeState.UNKNOWN:
            raise store.error(f"does not let {entry.id!r}, which is {entry.state}, be submitted again")
        store.step(number, OutcomeState.PENDING, manual=True)
