"""`JournalAmendment`: a journal that is open for what was learned of its UNKNOWN rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..._api.account.identity import JobNames
from ..._models import SwapJob
from ..._outcome import OutcomeState
from ..._protocols.entry import Entry
from ..orders.rows import OrderRows
from ..writer import Writer

if TYPE_CHECKING:
    from ..store import Store


class JournalAmendment:
    """An `Amendment` of a journal. The journal is locked against batches until this object is closed."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        # The names of the jobs of each row. The lock keeps every other writer out, so they stay right.
        self._names: dict[int, JobNames] | None = None

    @property
    def name(self) -> str:
        """The journal's path."""
        return self._writer.path

    async def entries(self) -> Sequence[Entry]:
        """As in the protocol `Amendment`."""
        return await self._writer.do(_entries)

    async def adopt(self, entry: Entry, job: SwapJob) -> None:
        """As in the protocol `Amendment`."""
        await self._writer.do(partial(self._adopt, number=entry.number, job=job))

    async def resubmit(self, entry: Entry) -> None:
        """As in the protocol `Amendment`."""
        await self._writer.do(partial(_resubmit, number=entry.number))

    async def without_pictures(self) -> Collection[int]:
        """As in the protocol `Amendment`."""
        return await self._writer.do(_without_pictures)

    async def aclose(self) -> None:
        """Closes the journal, and releases its lock."""
        await self._writer.aclose()

    def _adopt(self, store: Store, *, number: int, job: SwapJob) -> None:
        if self._names is None:
            self._names = {entry.number: JobNames.of_entry(entry) for entry in store.versions.all()}
        entry = store.entry(number)
        if entry.state is not OutcomeState.UNKNOWN:
            raise store.error(f"does not let {entry.id!r}, which is {entry.state}, have a job of the history")
        # This is what keeps one job from having two rows, whatever the caller has concluded.
        for other, names in self._names.items():
            if other != number and names.has(job):
                raise store.error(f"has the job {job.name}: it is a job of {store.entry(other).id!r}")
        if JobNames.of_jobs(entry.past_jobs).has(job):
            raise store.error(f"has the job {job.name}: it is an earlier job of {entry.id!r}")
        posts = max(1, entry.billable_posts)
        store.step(number, OutcomeState.ACCEPTED, billable_posts=posts, job=job, manual=True)
        self._names[number] = JobNames.of_entry(store.entry(number))


def _entries(store: Store) -> list[Entry]:
    return list(store.versions.all())


def _without_pictures(store: Store) -> Collection[int]:
    return OrderRows(store).without_pictures().keys()


def _resubmit(store: Store, *, number: int) -> None:
    entry = store.entry(number)
    if entry.state is not OutcomeState.UNKNOWN:
        raise store.error(f"does not let {entry.id!r}, which is {entry.state}, be submitted again")
    OrderRows(store).check_resubmit(entry)
    store.step(number, OutcomeState.PENDING, manual=True)
