"""The ledgers of one machine: a journal in SQLite, and only the money for a batch without a journal."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from .._errors import JournalError, SwapError
from .._models import LearnedRate, Rate, SwapJob, SwapResult
from .._outcome import OutcomeState, SwapOutcome
from .._policy.budget import Budget
from .._policy.daily_budget import Clock, utc_now
from .._policy.rate.learned import read_learned, write_learned
from .._protocols.entry import Entry, EntryCancelled, NewEntry, NewVersion, Post
from .beside.rescue import rescue
from .errors import IN_MEMORY
from .money.budget import Claims, Reservations
from .store import Store
from .writer import Writer

log = logging.getLogger("segmind_swap")

_PAGE = 500


class SqliteLedger:
    """A `Ledger` in a journal. Steps of many swaps are committed together by the journal's writer.

    Each record is written before its effect: the intent before the POST, the job before the caller gets it.
    """

    keeps_entries = True

    def __init__(
        self,
        writer: Writer,
        budget: Budget,
        *,
        key_tag: str = "",
        learned_rate: str | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._writer = writer
        self._key_tag = key_tag
        self._learned_rate = learned_rate
        self._budget = budget
        self._written_price_usd = budget.price_usd
        self._reservations = Reservations(budget)
        self._claims = Claims()
        self._now = now
        self._is_closing = False

    @property
    def name(self) -> str:
        """The journal's path."""
        return self._writer.path

    @property
    def price_usd(self) -> float:
        """What a swap is taken to cost, in USD."""
        return self._budget.price_usd

    @property
    def committed_usd(self) -> float:
        """What is spent or may have to be paid, in USD, earlier runs included."""
        return self._budget.committed_usd

    async def expect(self, ids: Collection[str]) -> None:
        """As in the protocol `Ledger`."""
        await self._writer.do(partial(Store.expect, ids=ids))

    async def take(self, swap: NewEntry) -> Entry:
        """As in the protocol `Ledger`."""
        return await self._writer.do(partial(Store.take, swap=swap))

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """As in the protocol `Ledger`."""
        return await self._writer.do(partial(Store.find, ids=ids))

    async def versions(self, ids: Collection[str] | None = None) -> AsyncGenerator[Entry, None]:
        """As in the protocol `Ledger`."""
        found: Iterator[Entry] | None = None

        def page(store: Store) -> list[Entry]:
            nonlocal found
            found = store.versions.all(ids) if found is None else found
            return list(islice(found, _PAGE))

        while entries := await self._writer.do(page):
            for entry in entries:
                yield entry

    async def begin_versions(self, versions: Sequence[NewVersion]) -> Sequence[Entry]:
        """As in the protocol `Ledger`."""
        return await self._writer.do(lambda store: store.versions.begin(versions, run=store.run))

    async def find_paid(self, fingerprint: str) -> Entry | None:
        """As in the protocol `Ledger`."""
        return await self._writer.do(partial(Store.find_paid, fingerprint=fingerprint))

    async def resumable(self) -> AsyncGenerator[Entry, None]:
        """As in the protocol `Ledger`."""
        for number in await self._writer.do(Store.waitable):
            entry = await self._writer.do(partial(Store.entry, number=number))
            self.resume(entry)
            yield entry

    def resume(self, entry: Entry) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.adopt(entry, entry.in_doubt + 1)

    async def reopen(self, entry: Entry) -> Entry:
        """As in the protocol `Ledger`."""
        await self._writer.do(partial(Store.reopen, number=entry.number))
        return await self._writer.do(partial(Store.entry, number=entry.number))

    async def reserve(self, entry: Entry) -> None:
        """As in the protocol `Ledger`."""
        await self._reservations.reserve(entry)

    async def claim(self, entry: Entry, *, in_doubt: int, urls: tuple[str, str]) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.ensure(entry, in_doubt + 1)
        reference, scene = urls
        post = Post(at=self._now(), reference_url=reference, scene_url=scene, key_tag=self._key_tag)
        self._reservations.claim(entry)
        try:
            await self._step(entry, OutcomeState.SENDING, billable_posts=in_doubt + 1, post=post)
        except (EntryCancelled, JournalError):
            self._reservations.refuse(entry, in_doubt=in_doubt)
            raise
        self._claims.add(entry)

    async def accept(self, entry: Entry, job: SwapJob, *, in_doubt: int) -> None:
        """As in the protocol `Ledger`."""
        try:
            await self._step(entry, OutcomeState.ACCEPTED, billable_posts=in_doubt + 1, job=job)
        except JournalError as exc:
            self._rescue(entry, job, exc)
            raise
        finally:
            self._resolve(entry)

    async def refuse(self, entry: Entry, *, in_doubt: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.refuse(entry, in_doubt=in_doubt)
        try:
            await self._step(entry, _between_posts(entry, in_doubt), billable_posts=in_doubt)
        finally:
            self._resolve(entry)

    def withdraw(self, entry: Entry, *, in_doubt: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.refuse(entry, in_doubt=in_doubt)
        state = _between_posts(entry, in_doubt)
        self._writer.post(
            self._with_money(partial(Store.step, number=entry.number, state=state, billable_posts=in_doubt))
        )
        self._resolve(entry)

    async def finish(self, entry: Entry, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
        """As in the protocol `Ledger`."""
        result, error = outcome.result, outcome.error
        has_failed = outcome.state is OutcomeState.FAILED
        self._reservations.settle(
            entry, unsettled_posts=unsettled_posts, result=result, has_failed=has_failed
        )
        self._keep_price()
        try:
            await self._step(
                entry,
                outcome.state,
                billable_posts=unsettled_posts + (result is not None),
                failed_runs=int(has_failed),
                job=None if error is None else error.job,
                result=result,
                error=error,
            )
        except EntryCancelled as exc:
            # The order was cancelled before any POST, and the end is that nothing was sent.
            log.debug("%s", exc)

    async def copy(self, entry: Entry, result: SwapResult) -> None:
        """As in the protocol `Ledger`."""
        await self._writer.do(partial(Store.copy, number=entry.number, result=result))

    async def save(self, entry: Entry, result: SwapResult) -> None:
        """As in the protocol `Ledger`."""
        await self._step(entry, OutcomeState.SAVED, result=result)

    def release(self, entry: Entry, *, unsettled_posts: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.settle(entry, unsettled_posts=unsettled_posts)
        if self._budget.daily is not None:
            self._writer.post(self._with_money(lambda store: None))

    async def learned_rate(self) -> LearnedRate | None:
        """As in the protocol `Ledger`."""
        if self._learned_rate is None:
            return None
        return read_learned(self._learned_rate, now=self._now(), key_tag=self._key_tag)

    def keep_rate(self, rate: Rate) -> None:
        """As in the protocol `Ledger`."""
        text = write_learned(rate, at=self._now(), key_tag=self._key_tag)
        self._writer.post(lambda store: store.facts.set_learned_rate(text))

    async def aclose(self) -> None:
        """Waits until all claims are resolved, for at most 20 s, and closes the journal.

        If plain asyncio cancellation ends the wait early, the last claim that is resolved closes the journal.
        """
        self._is_closing = True
        await self._claims.wait()
        await self._writer.aclose()

    async def _step(
        self,
        entry: Entry,
        state: OutcomeState,
        *,
        billable_posts: int | None = None,
        failed_runs: int = 0,
        job: SwapJob | None = None,
        result: SwapResult | None = None,
        error: SwapError | None = None,
        post: Post | None = None,
    ) -> None:
        step = partial(
            Store.step,
            number=entry.number,
            state=state,
            billable_posts=billable_posts,
            failed_runs=failed_runs,
            job=job,
            result=result,
            error=error,
            post=post,
        )
        await self._writer.do(self._with_money(step))

    def _with_money(self, step: Callable[[Store], None]) -> Callable[[Store], None]:
        """The step, and in the same commit the money of the day, as it is when the step is asked for.

        A process that adds an order counts this money, and the orders that are not sent. So each POST must be
        in one of the two at any time.
        """
        daily = self._budget.daily
        if daily is None:
            return step
        day, spent = daily.spent_micro_usd(self._budget.price_micro_usd)

        def step_and_money(store: Store) -> None:
            step(store)
            store.facts.set_spent(day, spent)

        return step_and_money

    def _resolve(self, entry: Entry) -> None:
        self._claims.resolve(entry)
        if self._is_closing and not self._claims.are_open:
            self._writer.close()

    def _keep_price(self) -> None:
        """Stores the price of a swap, if the service has reported a higher cost."""
        price_usd = self._budget.price_usd
        if price_usd != self._written_price_usd:
            self._written_price_usd = price_usd
            self._writer.post(lambda store: store.facts.set_price(price_usd))

    def _rescue(self, entry: Entry, job: SwapJob, error: JournalError) -> None:
        """Writes a job that the journal could not store into the rescue file, and into the log."""
        where = " Keep this line: the journal is in memory only."
        try:
            if self.name != IN_MEMORY:
                where = f" The job is in {rescue(self.name, entry, job)}, which the next run reads."
        except OSError as exc:
            where = f" Not even a rescue file could be written ({exc.strerror or exc}): keep this line."
        log.error(
            "%s. The job of %r is accepted and billed: %s%s", error, entry.id, job.model_dump_json(), where
        )


def _between_posts(entry: Entry, in_doubt: int) -> OutcomeState:
    """The state between two POSTs. After a crash, only a swap without POSTs in doubt is submitted again."""
    return OutcomeState.PENDING if in_doubt == entry.in_doubt else OutcomeState.SENDING


class StoreView:
    """A `LedgerView` of a journal that is open for reading."""

    keeps_entries = True

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def name(self) -> str:
        """The journal's path."""
        return self._store.path

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """As in the protocol `Ledger`."""
        return self._store.find(ids)

    async def versions(self, ids: Collection[str] | None = None) -> AsyncGenerator[Entry, None]:
        """As in the protocol `Ledger`."""
        for entry in self._store.versions.all(ids):
            yield entry

    async def find_paid(self, fingerprint: str) -> Entry | None:
        """As in the protocol `Ledger`."""
        return self._store.find_paid(fingerprint)

    async def aclose(self) -> None:
        """Closes the file."""
        self._store.close()
