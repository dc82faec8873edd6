"""A batch's money and journal together: for each swap, what is reserved and what is written down.

Written first, then done: the intent before a POST, the job before anybody hears of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import anyio

from .._concurrency import GRACE
from .._errors import BudgetExceededError, JournalError, SwapError
from .._models import SwapJob, SwapRequest, SwapResult
from .._outcome import OutcomeState, SwapOutcome
from .._policy.ids import canonical_id
from .._protocols import Entry
from .budget import Budget
from .journal import outcome_of
from .rescue import rescue
from .store import IN_MEMORY, Store
from .writer import Writer

log = logging.getLogger("segmind_swap")
T = TypeVar("T")
_CLEANUP = 5.0


class Stopped(Exception):  # noqa: N818 - it is an event
    """The batch submits nothing more."""


class Books:
    """What a batch writes down. Without a journal, only the money."""

    def __init__(self, writer: Writer | None, budget: Budget, on_stop: Callable[[], None]) -> None:
        self.budget: Budget = budget
        self.is_stopped: bool = False
        self.stopped_by: SwapError | None = None
        self._on_stop = on_stop
        self._writer = writer
        self._price = budget.price_usd
        self._on_the_wire = 0
        self._is_closing = False
        self._quiet = anyio.Event()

    @property
    def path(self) -> str:
        """The journal's file; empty without one."""
        return "" if self._writer is None else self._writer.path

    def stop(self, why: SwapError | None) -> None:
        """From now on nothing more is submitted."""
        if not self.is_stopped:
            self.is_stopped = True
            self.stopped_by = why
            self._on_stop()

    async def do(self, step: Callable[[Store], T]) -> T | None:
        """Writes a step of the journal; None without one.

        Raises:
            JournalError: the disk failed, or the step does not fit.
        """
        return None if self._writer is None else await self._writer.do(step)

    def post(self, step: Callable[[Store], object]) -> None:
        """Writes a step that nobody waits for."""
        if self._writer is not None:
            self._writer.post(step)

    def rescued(self, id: str, job: SwapJob, error: JournalError) -> None:
        """Keeps a job that the journal could not take, wherever that is possible."""
        assert self._writer is not None  # noqa: S101 - it has just failed
        where = " Keep this line: the journal is in memory only."
        try:
            if self._writer.path != IN_MEMORY:
                where = f" It is in {rescue(self._writer.path, id, job)}, which the next run reads."
        except OSError as exc:
            where = f" Not even a rescue file could be written ({exc.strerror or exc}): keep this line."
        log.error("%s. The job of %r is accepted and billed: %s%s", error, id, job.model_dump_json(), where)

    async def not_taken(self, requests: Mapping[int, SwapRequest]) -> dict[int, SwapOutcome]:
        """The outcomes of inputs that the batch did not take: earlier runs may have paid them."""
        state, error = OutcomeState.PENDING, self.stopped_by
        known: Mapping[int, Entry] = {}
        keys = {
            number: canonical_id(request.id) for number, request in requests.items() if request.id is not None
        }
        try:
            known = await self.do(lambda store: store.known_of(keys)) or {}
        except JournalError as exc:
            state, error = OutcomeState.UNKNOWN, exc
        return {
            number: SwapOutcome(request=request, state=state, error=error)
            if number not in known or known[number].state is OutcomeState.PENDING
            else outcome_of(known[number], request)
            for number, request in requests.items()
        }

    def keep_price(self) -> None:
        """Writes down what a swap is taken to cost, if the service has told more."""
        price = self.budget.price_usd
        if price != self._price:
            self._price = price
            self.post(lambda store: store.set_price(price))

    def left(self) -> None:
        """A POST is on its way whose answer will be written down."""
        self._on_the_wire += 1

    def came_back(self) -> None:
        """That answer was written down, or none will come."""
        self._on_the_wire -= 1
        if not self._on_the_wire:
            self._quiet.set()
            self._quiet = anyio.Event()
            if self._is_closing and self._writer is not None:
                self._writer.close()

    async def aclose(self) -> None:
        """Waits for answers on their way, and closes the journal.

        When plain asyncio cancellation cuts the wait short, the last of them closes it.
        """
        self._is_closing = True
        with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE + _CLEANUP):
            while self._on_the_wire:
                await self._quiet.wait()
        if self._writer is not None:
            await self._writer.aclose()


class Account:
    """The row and the money of one swap. It is the `Record` of its submit.

    Attributes:
        in_doubt: How many of its POSTs may have been accepted, besides that of its job.
        is_on_the_wire: Whether a POST is on its way.
    """

    def __init__(self, books: Books, id: str, on_told: Callable[[SwapJob | None], None]) -> None:
        self.in_doubt = 0
        self.is_on_the_wire = False
        self._books = books
        self._id = id
        self._on_told = on_told
        self._number: int | None = None
        self._earlier = 0
        self._reserved = 0

    def opened(self, entry: Entry) -> None:
        """From now on this is the account of a row. What that may still have to pay is held already."""
        self._number = entry.number
        # One that FAILED is here to be sent again, as one that is PENDING: its job is over.
        is_to_be_sent = entry.state in {OutcomeState.PENDING, OutcomeState.FAILED}
        has_job = entry.job is not None and not is_to_be_sent
        self.in_doubt = self._earlier = max(0, entry.posts - has_job)

    @property
    def is_in_doubt(self) -> bool:
        """Whether a POST of this run may have been accepted."""
        return self.in_doubt > self._earlier

    def adopt(self) -> None:
        """The row's job is waited for again."""
        self._adopt(self.in_doubt + 1)

    def _adopt(self, posts: int) -> None:
        for _ in range(posts):
            self._books.budget.adopt()
        self._reserved += posts

    async def restart(self, entry: Entry) -> None:
        """A swap that failed or was rejected in an earlier run is to be sent again.

        Raises:
            JournalError: the disk failed.
        """
        if entry.state is not OutcomeState.PENDING:
            await self._books.do(
                partial(Store.step, number=entry.number, state=OutcomeState.PENDING, manual=True)
            )

    async def reserve(self) -> None:
        """Makes sure of the price of one POST.

        Raises:
            BudgetExceededError: it would be too much.
        """
        # Its own POSTs in doubt are under way only then: nobody could wait for them to be given back.
        await self._books.budget.reserve()
        self._reserved += 1
        self._adopt(self.in_doubt)

    # The record of a submit

    async def intend(self, in_doubt: int) -> None:
        """Reserves and writes down the intent."""
        books = self._books
        if books.is_stopped:
            raise Stopped("the batch submits nothing more")
        try:
            if self._reserved < in_doubt + 1:
                books.budget.reserve_at_once()
                self._reserved += 1
            await self._step(OutcomeState.SENDING, posts=in_doubt + 1)
        except (BudgetExceededError, JournalError) as exc:
            books.stop(exc)
            raise
        self.is_on_the_wire = True
        books.left()

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Writes down what became of a POST."""
        self.in_doubt = in_doubt
        try:
            if job is not None:
                await self._step(OutcomeState.ACCEPTED, posts=in_doubt + 1, job=job)
            else:
                await self._step(self._unfinished(in_doubt), posts=in_doubt)
        except JournalError as exc:
            if job is not None:
                self._books.rescued(self._id, job, exc)
            self._books.stop(exc)
        finally:
            self._came_back()
            self._on_told(job)

    def withdrawn(self, in_doubt: int) -> None:
        """Takes an intent back."""
        self._post(self._unfinished(in_doubt), posts=in_doubt)
        self._came_back()

    def _unfinished(self, in_doubt: int) -> OutcomeState:
        """The state between two POSTs: after a crash a swap is sent again only if none is in doubt."""
        return OutcomeState.PENDING if in_doubt == self._earlier else OutcomeState.SENDING

    def _came_back(self) -> None:
        if self.is_on_the_wire:
            self.is_on_the_wire = False
            self._books.came_back()

    # The end

    async def ended(
        self,
        state: OutcomeState,
        *,
        held: int,
        result: SwapResult | None = None,
        error: SwapError | None = None,
    ) -> None:
        """Writes down how it ended. `held` POSTs may still have to be paid, besides that of a `result`.

        A journal that fails now stops the batch; the swap ends as it ends.
        """
        done = result is not None
        self._pay(held, result)
        try:
            job = None if error is None else error.job
            # A `stop` in this moment must not let it be told as not started.
            with anyio.CancelScope(shield=True):
                await self._step(state, posts=held + done, job=job, result=result, error=error)
        except JournalError as exc:
            self._books.stop(exc)

    def let_go(self, *, accepted: bool = False) -> None:
        """Nobody goes on with the swap. What was not sent is given back, the rest may have to be paid."""
        self._pay(self.in_doubt + self.is_on_the_wire + accepted)

    def _pay(self, held: int, result: SwapResult | None = None) -> None:
        budget = self._books.budget
        if result is not None:
            budget.settle(result.cost_usd)
            self._books.keep_price()
            self._reserved -= 1
        while self._reserved > held:
            budget.release()
            self._reserved -= 1
        for _ in range(self._reserved):
            budget.keep()
        self._reserved = 0

    async def saved(self, result: SwapResult) -> None:
        """Writes down where the picture is."""
        try:
            await self._step(OutcomeState.SAVED, result=result)
        except JournalError as exc:
            self._books.stop(exc)

    async def _step(
        self,
        state: OutcomeState,
        *,
        posts: int | None = None,
        job: SwapJob | None = None,
        result: SwapResult | None = None,
        error: SwapError | None = None,
    ) -> None:
        if self._number is not None:
            number = self._number
            await self._books.do(
                lambda store: store.step(number, state, posts=posts, job=job, result=result, error=error)
            )

    def _post(self, state: OutcomeState, *, posts: int) -> None:
        if self._number is not None:
            self._books.post(partial(Store.step, number=self._number, state=state, posts=posts))
