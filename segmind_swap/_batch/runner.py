"""Many swaps at once: inputs are taken as slots become free, outcomes are given as swaps end."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread

from .._config import PRICE_USD
from .._errors import ConfigurationError, JournalError
from .._journal.budget import Budget, Spent
from .._journal.journal import Journal, begin_run, outcome_of
from .._journal.ledger import Books
from .._journal.store import IN_MEMORY, Store
from .._journal.writer import Writer
from .._models import SwapJob
from .._outcome import SwapOutcome
from .._protocols import Entry
from .._swap.session import Session
from .._swap.uploads import Uploads
from .inputs import Requests, each
from .item import Item, Surroundings
from .outcomes import Outcomes
from .slots import Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """How a batch is run; see `SwapClient.swap_many`."""

    concurrency: int
    journal: Journal | None = None
    save_to: Path | None = None
    budget_usd: float | None = None
    price_usd: float = PRICE_USD
    retry_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a batch begins with: its journal, and what earlier runs have spent."""

    store: Store | None
    price_usd: float
    spent: Spent


async def _opened(session: Session, settings: BatchSettings) -> _Opened:
    journal = settings.journal
    if journal is None:
        return _Opened(store=None, price_usd=settings.price_usd, spent=Spent())

    def opened() -> _Opened:
        store = begin_run(journal, origin=str(session.http.service.origin), workflow=session.workflow)
        try:
            price = max(settings.price_usd, store.price_usd or 0.0)
            with store.transaction():
                store.set_price(price)
            return _Opened(store=store, price_usd=price, spent=store.money(price))
        except BaseException:
            store.close()
            raise

    # In memory without a thread: there is nothing to wait for.
    return opened() if str(journal.path) == IN_MEMORY else await anyio.to_thread.run_sync(opened)


@asynccontextmanager
async def batch(
    session: Session, uploads: Uploads, requests: Requests, settings: BatchSettings
) -> AsyncIterator[Outcomes]:
    """Runs a batch while the block runs."""
    if settings.save_to is not None:
        await _make_folder(settings.save_to)
    work = _Batch(session, uploads, requests, settings, await _opened(session, settings))
    raised: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(work.run)
            try:
                yield work.outcomes
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as exc:
                # Raised below, as it is: the group would wrap it.
                raised = exc
            group.cancel_scope.cancel()
    except BaseExceptionGroup as exc:
        # An interrupt that met one of our tasks, or came out of the requests.
        raised = _first(exc)
    finally:
        work.outcomes.end()
        await work.books.aclose()
    if raised is not None:
        raise raised


def _first(error: BaseException) -> BaseException:
    """What is in a group, of which none leaves this package."""
    while isinstance(error, BaseExceptionGroup):
        _, others = error.split(anyio.get_cancelled_exc_class())
        error = (others or error).exceptions[0]
    return error


@dataclass(slots=True)
class _Recovery:
    """A job of an earlier run that is waited for; its input may still come, or not."""

    item: Item
    done: anyio.Event
    outcome: SwapOutcome | None = None


class _Batch:
    """The work itself."""

    def __init__(
        self,
        session: Session,
        uploads: Uploads,
        requests: Requests,
        settings: BatchSettings,
        opened: _Opened,
    ) -> None:
        self.books = Books(
            None if opened.store is None else Writer(opened.store),
            Budget(settings.budget_usd, price_usd=opened.price_usd, spent=opened.spent),
            self._stopped,
        )
        self.outcomes = Outcomes(self.books, self._open_jobs)
        self._session = session
        self._requests = requests
        self._recoveries: dict[int, _Recovery] = {}
        self._around = Surroundings(
            session=session,
            uploads=uploads,
            books=self.books,
            folder=settings.save_to,
            has_journal=opened.store is not None,
            retry_failed=settings.retry_failed,
            recovered=self._recovered,
            recoveries=self._recoveries.keys(),
        )
        self._places = anyio.Semaphore(settings.concurrency)
        self._taking = anyio.CancelScope()
        self._turns: set[anyio.CancelScope] = set()
        self._items: dict[int, Item] = {}
        self._numbers = itertools.count()

    def _open_jobs(self) -> list[SwapJob]:
        """The jobs of swaps whose outcome was not given out."""
        items = [*self._items.values(), *(recovery.item for recovery in self._recoveries.values())]
        return list(dict.fromkeys(item.job for item in items if item.job is not None))

    def _stopped(self) -> None:
        for scope in (self._taking, *self._turns):
            scope.cancel()
        for item in list(self._items.values()):
            item.stop()

    async def run(self) -> None:
        """Takes all inputs, and gives out what becomes of each."""
        async with anyio.create_task_group() as group:
            with self._taking:
                try:
                    await self._wait_for_jobs_of_earlier_runs(group)
                    await self._take_all(group)
                except JournalError as exc:
                    self.books.stop(exc)
                except Exception as exc:
                    self._give_up(exc)
        # Whose inputs did not come again: they are paid, and somebody may want to know.
        for number in list(self._recoveries):
            outcome = self._recoveries[number].outcome
            if outcome is not None:
                await self.outcomes.give(None, outcome)
                del self._recoveries[number]
        self.outcomes.end()

    async def _wait_for_jobs_of_earlier_runs(self, group: anyio.abc.TaskGroup) -> None:
        for number in await self.books.do(Store.accepted) or ():
            entry = await self.books.do(partial(Store.entry, number=number))
            assert entry is not None  # noqa: S101 - it was listed, and there is a journal
            request = outcome_of(entry).request
            async with Slots(self._places, self._session.slots) as slots:
                await slots.share()
                recovery = _Recovery(Item(self._around, request), anyio.Event())
                self._recoveries[number] = recovery
                group.start_soon(self._recover, recovery, entry, slots.kept())

    async def _recover(self, recovery: _Recovery, entry: Entry, slots: Slots) -> None:
        try:
            recovery.outcome = await recovery.item.recovery(entry)
        except Exception as exc:
            self._give_up(exc)
        finally:
            recovery.done.set()
            slots.release()

    async def _recovered(self, number: int) -> SwapOutcome | None:
        """The outcome of a row that is waited for since the batch began, for the input it belongs to."""
        recovery = self._recoveries.get(number)
        if recovery is None:
            return None
        await recovery.done.wait()
        self._recoveries.pop(number, None)
        return recovery.outcome

    async def _take_all(self, group: anyio.abc.TaskGroup) -> None:
        async with aclosing(each(self._requests)) as requests:
            while True:
                async with Slots(self._places, self._session.slots) as slots:
                    request = await anext(requests, None)
                    if request is None:
                        return
                    number = next(self._numbers)
                    item = self._items[number] = Item(self._around, request)
                    group.start_soon(self._swap, number, item, slots.kept())

    async def _swap(self, number: int, item: Item, slots: Slots) -> None:
        try:
            try:
                await self._turn(slots)
                outcome = await item.outcome()
            finally:
                # What is done needs no slot of the client's any more; the batch's own waits for its reader.
                slots.release_shared()
            await self.outcomes.give(number, outcome)
            del self._items[number]
        except Exception as exc:
            self._give_up(exc)
        finally:
            slots.release()

    async def _turn(self, slots: Slots) -> None:
        """Waits for a slot of the client, as long as anything may be sent: the rest needs none."""
        with anyio.CancelScope() as scope:
            self._turns.add(scope)
            try:
                if not self.books.is_stopped:
                    await slots.share()
            finally:
                self._turns.discard(scope)

    def _give_up(self, error: Exception) -> None:
        """The requests raised, or we made a mistake: swaps in flight finish, then it is raised."""
        self.outcomes.fail(error)
        self.books.stop(None)


async def _make_folder(folder: Path) -> None:
    try:
        str(folder).encode()  # or no journal could hold it
        await anyio.to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
    except UnicodeError:
        complaint = "its name is not UTF-8"
    except OSError as exc:
        complaint = exc.strerror or str(exc)
    else:
        return
    raise ConfigurationError(f"the folder {folder} cannot be made: {complaint}")
