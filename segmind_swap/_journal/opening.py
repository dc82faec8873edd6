"""Opens a journal, a file or one in memory, for each of its users: a reader, a person, a batch, a service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .._concurrency import run_in_thread
from .._policy.budget import Budget, micro_of
from .._policy.daily_budget import Clock, DailyBudget, midnight, utc_now
from .adoption.amendment import JournalAmendment
from .beside.rescue import remove_rescue_file, restore_jobs
from .connection import Handover, Memory, no_journal, open_reader, open_shared, open_writer
from .errors import IN_MEMORY
from .ledger import SqliteLedger, StoreView
from .store import Store
from .writer import Writer

if TYPE_CHECKING:
    from .orders.orders import SqliteOrders

T = TypeVar("T")


class Opening:
    """The ways to open one journal.

    Attributes:
        path: The file, or `:memory:`.
        is_in_memory: Whether the journal ends with this object.
        clock: The clock by which a day ends, in UTC.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_in_memory = str(path) == IN_MEMORY
        self.clock: Clock = utc_now
        self._memory = Memory() if self.is_in_memory else None

    def writer(self) -> Store:
        """Opens the journal with its lock. A file is made if there is none.

        Raises:
            JournalError: the journal is in use, damaged, or cannot be written.
        """
        return open_writer(self.path) if self._memory is None else self._memory.open_writer()

    def reader(self) -> Store:
        """Opens the journal for reading.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        return open_reader(self.path) if self._memory is None else self._memory.open_reader()

    def _shared(self) -> Store:
        return open_shared(self.path) if self._memory is None else self._memory.open_shared()

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """One consistent state of the journal.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        store = self.reader()
        try:
            with store.snapshot():
                yield store
        finally:
            store.close()

    @contextmanager
    def deciding(self) -> Iterator[Store]:
        """One transaction on an existing journal that no batch uses. What was being sent is UNKNOWN.

        Raises:
            JournalError: there is no such journal; it is in use, damaged, or cannot be written.
        """
        store = self._existing()
        try:
            with _transaction(store):
                store.end_sending()
                yield store
        finally:
            store.close()

    def _existing(self) -> Store:
        if not self.is_in_memory and not self.path.is_file():
            raise no_journal(self.path)
        return self.writer()

    def begin_run(self, *, origin: str, workflow: str) -> Store:
        """Opens the journal for a batch: stores the jobs of the rescue file, and begins a run.

        Raises:
            JournalError: the journal is in use, damaged, of another service, or cannot be written.
        """
        store = self.writer()
        with _closed_on_error(store), _transaction(store):
            store.begin_run(origin=origin, workflow=workflow)
        return store

    async def ledger(
        self,
        *,
        origin: str,
        workflow: str,
        price_usd: float,
        budget_usd: float | None,
        failed_runs_are_free: bool,
        tag_of_key: Callable[[bytes], str],
        daily_budget_usd: float | None,
    ) -> SqliteLedger:
        """Opens the journal for a batch or a service that submits.

        Raises:
            JournalError: the journal is in use, damaged, of another service, or cannot be written.
        """

        def opened(handover: Handover) -> tuple[Store, Budget, str, str | None]:
            store = self.begin_run(origin=origin, workflow=workflow)
            with _closed_on_error(store):
                with store.transaction():
                    price = max(price_usd, store.facts.price_usd or 0.0)
                    store.facts.set_price(price)
                    store.facts.set_failed_runs_are_free(failed_runs_are_free)
                    key_tag = tag_of_key(store.facts.key_salt())
                    learned_rate = store.facts.learned_rate
                    daily = None
                    if daily_budget_usd is not None:
                        daily = self._daily_budget(store, daily_budget_usd, price, failed_runs_are_free)
                budget = Budget(
                    budget_usd,
                    price_usd=price,
                    spent=store.money(price, failed_runs_are_free=failed_runs_are_free),
                    failed_runs_are_free=failed_runs_are_free,
                    daily=daily,
                )
                handover.give(store)
            return store, budget, key_tag, learned_rate

        store, budget, key_tag, learned_rate = await self._in_thread(opened)
        return SqliteLedger(Writer(store), budget, key_tag=key_tag, learned_rate=learned_rate, now=self.clock)

    def _daily_budget(
        self, store: Store, limit_usd: float, price_usd: float, failed_runs_are_free: bool
    ) -> DailyBudget:
        """The budget of a day with the money of today's rows, which is also kept for whoever adds orders."""
        spent = store.money(
            price_usd, failed_runs_are_free=failed_runs_are_free, posted_since=midnight(self.clock())
        )
        daily = DailyBudget(limit_usd, spent=spent, now=self.clock)
        store.facts.set_spent(*daily.spent_micro_usd(micro_of(price_usd)))
        return daily

    async def amendment(self, *, origin: str, workflow: str) -> JournalAmendment:
        """Opens the journal for what was learned of its unknown swaps.

        Raises:
            JournalError: there is no such journal; it is in use, damaged, of another service, or cannot be
                written.
        """

        def opened(handover: Handover) -> Store:
            store = self._existing()
            with _closed_on_error(store):
                with _transaction(store):
                    store.check_service(origin=origin, workflow=workflow)
                    store.end_sending()
                handover.give(store)
            return store

        return JournalAmendment(Writer(await self._in_thread(opened)))

    async def view(self, *, origin: str | None, workflow: str | None) -> StoreView | None:
        """Opens the journal for reading; None if there is no file.

        Raises:
            JournalError: the journal cannot be read, or is of another service.
        """

        def opened(handover: Handover) -> Store | None:
            if not self.is_in_memory and not self.path.is_file():
                return None
            store = self.reader()
            with _closed_on_error(store):
                store.check_service(origin=origin, workflow=workflow)
                handover.give(store)
            return store

        store = await self._in_thread(opened)
        return None if store is None else StoreView(store)

    async def orders(self, *, origin: str, workflow: str) -> SqliteOrders:
        """Opens the orders of a service, without the lock. A file is made if there is none.

        Raises:
            JournalError: the journal is damaged, of another service, or cannot be written.
        """
        from .orders.orders import SqliteOrders  # noqa: PLC0415 - a batch has no orders

        def opened(handover: Handover) -> tuple[Store, Store]:
            store = self._shared()
            with _closed_on_error(store):
                with store.transaction():
                    store.claim_service(origin=origin, workflow=workflow)
                reader = self.reader()
                handover.give(store, reader)
            return store, reader

        store, reader = await self._in_thread(opened)
        return SqliteOrders(Writer(store), Writer(reader, only_reads=True), now=self.clock)

    async def _in_thread(self, opened: Callable[[Handover], T]) -> T:
        with Handover() as handover:
            # A journal in memory needs no thread: there is no disk to wait for.
            return opened(handover) if self.is_in_memory else await run_in_thread(lambda: opened(handover))


@contextmanager
def _closed_on_error(store: Store) -> Iterator[None]:
    try:
        yield
    except BaseException:
        store.close()
        raise


@contextmanager
def _transaction(store: Store) -> Iterator[None]:
    """A transaction that first stores the jobs of the rescue file. The file is removed after the commit."""
    is_file = store.path != IN_MEMORY
    with store.transaction():
        if is_file:
            restore_jobs(store)
        yield
    if is_file:
        remove_rescue_file(store.path)
