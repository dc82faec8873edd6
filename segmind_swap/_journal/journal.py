"""The journal as its users see it: what a batch did, and what a person decides about what is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from .._config import PRICE_USD, WORKFLOW
from .._errors import JournalError, SwapFailedError
from .._models import SwapJob, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._policy.ids import canonical_id
from .._protocols import Entry
from .connection import Memory, open_reader, open_writer
from .rescue import forget, take_back
from .store import IN_MEMORY, Store

_OPEN = (OutcomeState.SENDING, OutcomeState.ACCEPTED, OutcomeState.UNKNOWN, OutcomeState.EXPIRED)


class JournalSummary(BaseModel):
    """A journal in figures.

    Attributes:
        states: How many swaps are in each state that any is in.
        reserved_usd: What may still have to be paid, for swaps that are not known to be done.
        spent_usd: What the others cost.
        unknown: The ids of the swaps that a person has to decide about.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    states: dict[OutcomeState, int]
    reserved_usd: float
    spent_usd: float
    unknown: tuple[str, ...]


class Journal:
    """The file in which a batch writes down each swap before it is paid, and what became of it.

    Give it, or its path, to `SwapClient.swap_many`. It can be looked at while a batch writes it. It holds
    ids, paths, URLs, jobs and results; never a key, and no picture.

    Args:
        path: The file, which the first batch makes. `":memory:"` for one that ends with this object.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._memory = Memory() if str(self.path) == IN_MEMORY else None

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    def summary(self) -> JournalSummary:
        """Counts and money.

        Raises:
            JournalError: there is no such journal, or it cannot be read.
        """
        with self._open_reader() as store:
            price = store.price_usd or PRICE_USD
            settled = store.money(price, [state for state in OutcomeState if state not in _OPEN])
            reserved = store.money(price, _OPEN)
            return JournalSummary(
                states=store.counts(),
                reserved_usd=reserved.usd(price),
                spent_usd=settled.usd(price),
                unknown=tuple(entry.id for entry in store.entries(OutcomeState.UNKNOWN)),
            )

    def outcomes(self, state: OutcomeState | None = None) -> Iterator[SwapOutcome]:
        """Each swap as the journal knows it, in the order of the first run; of one state, if it is given.

        Raises:
            JournalError: there is no such journal, or it cannot be read.
        """
        with self._open_reader() as store:
            if self._memory is None:
                yield from map(outcome_of, store.entries(state))
                return
            # A batch writes on the same connection: nothing may be open on it between two of them.
            found = [outcome_of(entry) for entry in store.entries(state)]
        yield from found

    def resubmit(self, id: str) -> None:
        """Lets the next run submit a swap again, which may pay it again.

        For one that is unknown, expired, failed, rejected or abandoned.

        Raises:
            JournalError: there is no such swap, it is in another state, or a batch is at work.
        """
        self._decide(id, OutcomeState.PENDING)

    def abandon(self, id: str) -> None:
        """Gives a swap up: it is neither waited for nor submitted again. What it may cost stays counted.

        For one that is unknown, expired or accepted.

        Raises:
            JournalError: as of `resubmit`.
        """
        self._decide(id, OutcomeState.ABANDONED)

    def wait_again(self, id: str, *, poll_url: str | None = None) -> None:
        """Lets the next run wait for a swap's job.

        For one that is expired, unknown, failed or abandoned. Where the journal knows no job, because no
        answer came, give the `poll_url` that the account's history shows.

        Raises:
            JournalError: as of `resubmit`, or there is no job and no `poll_url`.
        """
        with self._open_writer() as store:
            entry = self._known(store, id)
            job = entry.job
            # The job of a swap that FAILED is not among the POSTs that may have to be paid: it is so again.
            posts = max(1, entry.posts + isinstance(entry.error, SwapFailedError))
            if poll_url is not None:
                workflow = job.workflow if job is not None else WORKFLOW
                job = SwapJob(poll_url=poll_url, workflow=workflow, possible_duplicates=posts - 1)
            if job is None:
                raise store.complaint(
                    f"knows no job of {id!r}, as no answer came: look into the account's history, and give"
                    " its poll_url"
                )
            store.step(entry.number, OutcomeState.ACCEPTED, job=job, posts=posts, manual=True)

    def _decide(self, id: str, state: OutcomeState) -> None:
        with self._open_writer() as store:
            store.step(self._known(store, id).number, state, manual=True)

    def _known(self, store: Store, id: str) -> Entry:
        entry = store.known(canonical_id(id))
        if entry is None:
            raise store.complaint(f"knows no swap {id!r}")
        return entry

    @contextmanager
    def _open_reader(self) -> Iterator[Store]:
        store = open_reader(self.path) if self._memory is None else self._memory.open_reader()
        try:
            with store.snapshot():
                yield store
        finally:
            store.close()

    @contextmanager
    def _open_writer(self) -> Iterator[Store]:
        if self._memory is None and not self.path.is_file():
            raise JournalError(f"there is no journal {self.path}", path=str(self.path))
        store = self.opened()
        try:
            with _transaction(store):
                yield store
        finally:
            store.close()

    def opened_to_look(self) -> Store | None:
        """Opens it to be looked at; None if it is not there yet. For internal use.

        Raises:
            JournalError: it cannot be read.
        """
        if self._memory is not None:
            return self._memory.open_reader()
        return open_reader(self.path) if self.path.is_file() else None

    def opened(self) -> Store:
        """Opens it for a batch. For internal use.

        Raises:
            JournalError: it is in use, damaged, or cannot be written.
        """
        return open_writer(self.path) if self._memory is None else self._memory.open_writer()


def begin_run(journal: Journal, *, origin: str, workflow: str) -> Store:
    """A journal for a batch: jobs that were rescued are in it again, and a run has begun.

    Raises:
        JournalError: it is in use, damaged, of another service, or cannot be written.
    """
    store = journal.opened()
    try:
        with _transaction(store):
            store.begin_run(origin=origin, workflow=workflow)
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def _transaction(store: Store) -> Iterator[None]:
    """Steps after which the journal has its rescued jobs again, and the rescue file is gone."""
    is_file = store.path != IN_MEMORY
    with store.transaction():
        if is_file:
            take_back(store)
        yield
    if is_file:
        forget(store.path)


def outcome_of(entry: Entry, request: SwapRequest | None = None) -> SwapOutcome:
    """What the journal knows of a swap. Its own request has the pictures' paths, URLs or descriptions."""
    return SwapOutcome(
        request=request
        or SwapRequest(id=entry.id, reference_character_image=entry.reference, character_image=entry.scene),
        state=entry.state,
        job=entry.job,
        result=entry.result,
        error=entry.error,
    )
