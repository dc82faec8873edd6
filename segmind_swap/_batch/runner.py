"""Runs many swaps at once: takes an input when a slot is free, and returns an outcome when a swap ends."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import anyio
import anyio.abc

from .._api.ids import canonical_id
from .._concurrency import BackgroundTask, run_in_thread
from .._config import MAX_FAILED, MAX_FUTILE, PRICE_USD, positive, whole_or_none
from .._errors import ConfigurationError, JournalError, NoResultsError
from .._models import SwapJob
from .._outcome import OutcomeState, SwapOutcome
from .._policy.futility import EndingCounter
from .._protocols.entry import Entry
from .._protocols.ledger import Ledger, LedgerSource
from .inputs import BegunInputs, InputSource, Requests, each, known_ids
from .item import BatchContext, Item
from .known.payers import Payers
from .outcomes import Outcomes
from .rate.memory import remembered_rate
from .refusals import Refusals
from .resume import ResumedJobs
from .slots import Slots
from .stop_switch import StopSwitch
from .versions.entries import CurrentEntries
from .versions.pictures import Pictures

if TYPE_CHECKING:
    from .._swap.session import Session
    from .._swap.uploads import Uploads


log = logging.getLogger("segmind_swap")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch is run; see `SwapClient.swap_many`.

    Raises:
        ConfigurationError: an option cannot be used.
    """

    concurrency: int
    save_to: Path | None = None
    budget_usd: float | None = None
    price_usd: float = PRICE_USD
    daily_budget_usd: float | None = None
    failed_runs_are_free: bool = False
    retry_failed: bool = False
    once_per_picture: bool = False
    max_futile: int | None = MAX_FUTILE
    max_failed: int | None = MAX_FAILED

    def __post_init__(self) -> None:
        if self.budget_usd is not None:
            positive("budget_usd", self.budget_usd, zero=True)
        if self.daily_budget_usd is not None:
            positive("daily_budget_usd", self.daily_budget_usd, zero=True)
        positive("price_usd", self.price_usd)
        whole_or_none("max_futile", self.max_futile)
        whole_or_none("max_failed", self.max_failed)


class run_batch(AbstractAsyncContextManager[Outcomes]):  # noqa: N801 - callers use it as a function
    """Runs a batch during the block, in a task of the client.

    No task group is open during the block. A generator around the block may thus be closed by another task,
    or never. A block that is never left submits no more than its slots, and ends with the client.

    Raises:
        ConfigurationError: the folder for the pictures cannot be made, or a swap cannot be redone.
        JournalError: the ledger cannot be opened.
    """

    def __init__(
        self,
        session: Session,
        uploads: Uploads,
        requests: Requests | InputSource,
        options: BatchOptions,
        source: LedgerSource,
    ) -> None:
        self._session = session
        self._uploads = uploads
        self._requests = requests
        self._options = options
        self._source = source
        self._running: tuple[_Batch, BackgroundTask] | None = None

    async def __aenter__(self) -> Outcomes:
        session, options = self._session, self._options
        if options.save_to is not None:
            await make_folder(options.save_to)
        ledger = await self._source.open(
            origin=str(session.http.service.origin),
            workflow=session.workflow,
            price_usd=options.price_usd,
            budget_usd=options.budget_usd,
            failed_runs_are_free=options.failed_runs_are_free,
            tag_of_key=session.http.key_tag,
            daily_budget_usd=options.daily_budget_usd,
        )
        if isinstance(self._requests, InputSource):
            try:
                inputs = await self._requests.begin(ledger, self._uploads)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await ledger.aclose()
                raise
        else:
            inputs = BegunInputs(requests=self._requests, entries=CurrentEntries(ledger))
        pictures = Pictures(session, ledger, options.save_to, self._source)
        batch = _Batch(session, self._uploads, inputs, options, ledger=ledger, pictures=pictures)
        self._running = batch, session.detached.start_background(batch.run)
        return batch.outcomes

    def stop_one(self, id: str) -> None:
        """Stops the swap of this id, if no POST of the swap is in flight, so that its slot becomes free.

        Its entry must not allow a POST any more.
        """
        if self._running is not None:
            self._running[0].stop_one(canonical_id(id))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._running is not None  # noqa: S101 - the block was entered
        batch, task = self._running
        batch.leave()
        task.cancel()
        await task.ended()
        if task.error is not None and error is not task.error:
            raise task.error


def counter_of(options: BatchOptions) -> Callable[[SwapOutcome], NoResultsError | None]:
    """Counts the endings of one run, from zero."""
    counter = EndingCounter(max_futile=options.max_futile, max_failed=options.max_failed)
    return counter.add_outcome


def _first(error: BaseException) -> BaseException:
    """The first exception of a group: no group leaves this package."""
    while isinstance(error, BaseExceptionGroup):
        _, others = error.split(anyio.get_cancelled_exc_class())
        error = (others or error).exceptions[0]
    return error


class _Batch:
    """The tasks of one batch."""

    def __init__(
        self,
        session: Session,
        uploads: Uploads,
        inputs: BegunInputs,
        options: BatchOptions,
        *,
        ledger: Ledger,
        pictures: Pictures,
    ) -> None:
        self._switch = StopSwitch(self._on_stop)
        self._counted = inputs.count_ending or counter_of(options)
        self._resumed = ResumedJobs()
        self.outcomes = Outcomes(ledger, self._switch, self._open_jobs, inputs.entries.find)
        self._session = session
        self._requests = inputs.requests
        self._context = BatchContext(
            session=session,
            uploads=uploads,
            ledger=ledger,
            switch=self._switch,
            resumed=self._resumed,
            refusals=Refusals(
                has_accepted=session.has_accepted.is_set,
                stop=self._switch.stop,
                reopen=None if inputs.rejects_for_good else ledger.reopen,
            ),
            payers=Payers(ledger, self._resumed, once_per_picture=options.once_per_picture),
            count_ending=self._count_ending,
            entries=inputs.entries,
            pictures=pictures,
            retry_failed=options.retry_failed,
            are_continued=inputs.are_continued,
        )
        self._slots = anyio.Semaphore(options.concurrency)
        self._taking = anyio.CancelScope()
        self._waiting_for_slots: set[anyio.CancelScope] = set()
        self._items: dict[int, Item] = {}
        self._numbers = itertools.count()
        self._was_left = False

    def leave(self) -> None:
        """Says that no reader is left, before the task of the batch is cancelled."""
        self._was_left = True

    def _open_jobs(self) -> list[SwapJob]:
        """The jobs of swaps whose outcomes were not returned."""
        jobs = [item.job for item in self._items.values() if item.job is not None]
        return list(dict.fromkeys([*jobs, *self._resumed.jobs()]))

    def _count_ending(self, outcome: SwapOutcome) -> None:
        """Stops the batch if too many swaps in a row may be charged and brought no picture."""
        problem = self._counted(outcome)
        if problem is not None:
            self._switch.stop(problem)

    def stop_one(self, key: str) -> None:
        """Stops the swap whose canonical id is `key`, as a stop of the batch does."""
        for item in list(self._items.values()):
            if item.request.id is not None and canonical_id(item.request.id) == key:
                item.stop()

    def _on_stop(self) -> None:
        for scope in (self._taking, *self._waiting_for_slots):
            scope.cancel()
        for item in list(self._items.values()):
            item.stop()

    async def run(self) -> None:
        """Runs the batch until its block is left or its client is closed, and closes its ledger.

        Raises:
            BaseException: an interrupt that was raised in a task of the batch, or by the iterator of the
                requests. The reader gets it, too.
        """
        try:
            async with remembered_rate(self._session.http.gate, self._context.ledger):
                await self._run()
            self.outcomes.close()
            # `Outcomes.in_order` still reads the ledger. Leaving the block cancels this task.
            await anyio.sleep_forever()
        except BaseExceptionGroup as exc:
            raised = _first(exc)
            self.outcomes.fail(raised)
            raise raised from None
        except anyio.get_cancelled_exc_class():
            if self._items and not self._was_left:
                self.outcomes.fail(ConfigurationError("the client was closed while its batch ran"))
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self._context.ledger.aclose()
            self.outcomes.close()

    async def _run(self) -> None:
        """Takes all inputs, and passes the outcome of each input to the reader."""
        async with anyio.create_task_group() as group:
            with self._taking:
                try:
                    await self._context.entries.expect(known_ids(self._requests))
                    await self._resumed.start(
                        group,
                        self._context.entries.resumable(),
                        self._resumed_item,
                        self._new_slots,
                        self._give_up,
                    )
                    await self._take_all(group)
                except JournalError as exc:
                    self._switch.stop(exc)
                except Exception as exc:
                    self._give_up(exc)
        # Jobs without an input in this run are paid, too: their outcomes are also returned.
        for number, outcome in self._resumed.without_input():
            await self._deliver(None, outcome)
            self._resumed.forget(number)

    def _resumed_item(self, entry: Entry) -> Item:
        return Item(self._context, entry.outcome().request)

    def _new_slots(self) -> Slots:
        return Slots(self._slots, self._session.slots)

    async def _take_all(self, group: anyio.abc.TaskGroup) -> None:
        async with aclosing(each(self._requests)) as requests:
            while True:
                async with self._new_slots() as slots:
                    request = await anext(requests, None)
                    if request is None:
                        return
                    number = next(self._numbers)
                    item = Item(self._context, request, release_slots=slots.release)
                    self._items[number] = item
                    group.start_soon(self._swap, number, item, slots.hand_over())

    async def _swap(self, number: int, item: Item, slots: Slots) -> None:
        try:
            try:
                await self._wait_for_client_slot(slots)
                outcome = await item.outcome()
            finally:
                # The swap has ended, and needs no slot of the client. The batch's slot is released only after
                # the reader has the outcome.
                slots.release_client_slot()
            await self._deliver(number, outcome)
            del self._items[number]
        except Exception as exc:
            self._give_up(exc)
        finally:
            slots.release()

    async def _deliver(self, number: int | None, outcome: SwapOutcome) -> None:
        """Passes an outcome to the reader. Logs the outcome of a paid swap if it is never read.

        A journal keeps the outcome for the next run, and a saved picture is kept by its file.
        """
        try:
            await self.outcomes.send(number, outcome)
        except BaseException:
            is_kept = self._context.ledger.keeps_entries or outcome.state is OutcomeState.SAVED
            if outcome.job is not None and not is_kept:
                log.warning(
                    "the batch was left before the outcome of swap %r was read; it is %s, and billed: %s",
                    outcome.request.id,
                    outcome.state,
                    (outcome.result or outcome.job).model_dump_json(),
                )
            raise

    async def _wait_for_client_slot(self, slots: Slots) -> None:
        """Waits for a slot of the client, as long as the batch may submit. A stopped batch needs no slot."""
        with anyio.CancelScope() as scope:
            self._waiting_for_slots.add(scope)
            try:
                if not self._switch.is_stopped:
                    await slots.acquire_client_slot()
            finally:
                self._waiting_for_slots.discard(scope)

    def _give_up(self, error: Exception) -> None:
        """Stops the batch after an exception of the requests, or of a mistake in this package.

        `error` is raised after the swaps in flight have ended.
        """
        self.outcomes.fail(error)
        self._switch.stop()


async def make_folder(folder: Path) -> None:
    """Makes the folder for the pictures.

    Raises:
        ConfigurationError: the folder cannot be made.
    """
    try:
        str(folder).encode()  # a journal stores only UTF-8
        await run_in_thread(lambda: folder.mkdir(parents=True, exist_ok=True))
    except UnicodeError:
        problem = "its name is not UTF-8"
    except OSError as exc:
        problem = exc.strerror or str(exc)
    else:
        return
    raise ConfigurationError(f"the folder {folder} cannot be made: {problem}")
