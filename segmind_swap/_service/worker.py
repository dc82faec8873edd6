"""`Worker`: in the process that holds the lock, runs the orders as one batch, and pauses after errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import anyio

from .._batch.outcomes import Outcomes
from .._batch.runner import BatchOptions, run_batch
from .._errors import (
    ConfigurationError,
    JournalError,
    JournalInUseError,
    NotFoundError,
    PermissionDeniedError,
    SwapError,
)
from .._models import Call
from .._policy.daily_budget import utc_now
from .._protocols.orders import Order, Orders, OrderSource
from .alerts import warn_of_end
from .halting import Halting
from .order_queue import OrderQueue
from .pauses import MISTAKE_PAUSE, is_of_the_ledger, journal_pause, pause_after
from .spool import Spool

if TYPE_CHECKING:
    from .._swap.session import Session
    from .._swap.uploads import Uploads

log = logging.getLogger("segmind_swap")

_LOCK_INTERVAL = 1.0
"""Seconds between two attempts to get the lock. So another process takes over within two seconds."""
_SWEEP_INTERVAL = 600.0


class Worker:
    """Waits for the lock, and then submits and waits for the orders, as long as it runs.

    Args:
        session: The session.
        uploads: The uploads of the session.
        source: Opens the ledger.
        options: The options of the batch.
        orders: The orders.
        spool: The pictures of the orders.
        halting: Whether orders may be submitted.
        on_outcome: Called after each outcome: the orders have changed.
    """

    def __init__(
        self,
        session: Session,
        uploads: Uploads,
        source: OrderSource,
        options: BatchOptions,
        *,
        orders: Orders,
        spool: Spool,
        halting: Halting,
        on_outcome: Callable[[], None],
    ) -> None:
        self._session = session
        self._uploads = uploads
        self._source = source
        self._options = options
        self._orders = orders
        self._spool = spool
        self._halting = halting
        self._on_outcome = on_outcome
        self._batch: run_batch | None = None
        self._queue: OrderQueue | None = None
        self._refused_last = False
        self._turn = anyio.Event()
        self._failures = 0

    @property
    def submits(self) -> bool:
        """Whether this process has the lock."""
        return self._batch is not None

    def notice(self, order: Order) -> None:
        """Takes an order that is new, or that has another state."""
        if self._queue is not None:
            self._queue.notice(order)

    async def changed(self, orders: Sequence[Order]) -> None:
        """As `notice`. Removes the pictures that are not needed any more."""
        for order in orders:
            self.notice(order)
        if not self.submits:
            return
        await self._spool.remove(
            [name for order in orders if not order.state.needs_pictures for name in order.pictures]
        )

    def stop_one(self, order: Order) -> None:
        """Gives the slot of an order that was cancelled to another one."""
        if self._batch is not None:
            self._batch.stop_one(order.id)

    def wake(self) -> None:
        """Looks again at whether the service may submit."""
        self._turn.set()
        self._turn = anyio.Event()
        if self._queue is not None:
            self._queue.wake()

    async def run(self) -> None:
        """Works, without an end. An exception is logged, and is not the end."""
        try:
            while not self._is_closing():
                pause = await self._run_once()
                await anyio.sleep(pause)
        finally:
            # The watcher may not know yet what ended last. A process that never got the lock cleans up, too:
            # nobody needs the pictures, and the process with the lock may have been killed.
            with anyio.CancelScope(shield=True):
                await self._clean()

    async def _run_once(self) -> float:
        """One run. Returns the seconds until the next one."""
        try:
            await self._run()
        except JournalInUseError:
            return _LOCK_INTERVAL
        except JournalError as exc:
            self._failures += 1
            pause = journal_pause(self._failures)
            log.warning("the service submits nothing for %g s: %s", pause, exc)
            return pause
        except ConfigurationError as exc:
            if not self._is_closing():
                log.warning("the service submits nothing for %g s: %s", MISTAKE_PAUSE, exc)
                return MISTAKE_PAUSE
        except Exception:
            log.exception("the service submits nothing for %g s, because of a mistake", MISTAKE_PAUSE)
            return MISTAKE_PAUSE
        return 0.0

    def _is_closing(self) -> bool:
        """Whether the client is closed."""
        try:
            self._session.http.check_open(Call.SUBMIT)
        except ConfigurationError:
            return True
        return False

    async def _run(self) -> None:
        """One run: from the moment in which this process gets the lock, to an error that stops the batch.

        Raises:
            JournalInUseError: another process has the lock.
            JournalError: the ledger failed.
            Exception: the first exception of the batch.
        """
        # A journal that was moved must not be opened: an empty one would be made in its place, over its log.
        await self._halting.refresh()
        queue = OrderQueue(
            self._orders,
            self._spool,
            self._halting,
            are_saved=self._options.save_to is not None,
            max_futile=self._options.max_futile,
            max_failed=self._options.max_failed,
            refused_last=self._refused_last,
        )
        change = await self._orders.last_change()
        batch = run_batch(self._session, self._uploads, queue, self._options, self._source)
        # Before the queue reads the orders: what changes while it reads must not be missed.
        self._queue = queue
        try:
            async with batch as outcomes:
                # What was being sent when the process before was killed is UNKNOWN now, without an outcome.
                for order in await self._orders.changed_after(change):
                    warn_of_end(self._orders.name, order.id, order.state)
                self._batch = batch
                log.info("the service of %s submits in this process now", self._orders.name)
                try:
                    await self._work(queue, outcomes)
                finally:
                    self._batch = self._queue = None
                    log.info("the service of %s does not submit in this process any more", self._orders.name)
        finally:
            self._queue = None

    async def _work(self, queue: OrderQueue, outcomes: Outcomes) -> None:
        """Reads the outcomes, until the batch is stopped and may begin again."""
        has_ended = False
        failure: Exception | None = None

        async def read() -> None:
            nonlocal has_ended, failure
            try:
                async for outcome in outcomes:
                    self._failures = 0
                    await queue.ended(outcome, is_closing=self._is_closing)
                    warn_of_end(self._orders.name, outcome.request.id or "", outcome.state)
                    self._on_outcome()
            except Exception as exc:
                failure = exc
            has_ended = True
            queue.closed.set()
            self.wake()

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            group.start_soon(self._keep_clean)
            await queue.closed.wait()
            reason = outcomes.stopped_by
            try:
                if reason is not None and failure is None:
                    if is_of_the_ledger(reason):
                        raise reason
                    await self._pause(reason)
                    # Swaps in flight go on, and at most until the service may submit again.
                    with anyio.CancelScope(deadline=self._halting.submits_at):
                        while not has_ended and not self._halting.may_submit:
                            await self._turn.wait()
                else:
                    while not has_ended:
                        await self._turn.wait()
            except Exception as exc:
                failure = failure or exc
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _pause(self, reason: SwapError) -> None:
        """Pauses the submits after an error."""
        pause = pause_after(reason, utc_now())
        self._refused_last = isinstance(reason, NotFoundError | PermissionDeniedError)
        until = "until a person resumes it" if pause.seconds is None else f"for {pause.seconds:.0f} s"
        log.warning("the service of %s submits nothing %s: %s", self._orders.name, until, reason)
        if pause.is_told:
            await self._halting.halt(reason, seconds=pause.seconds)
        elif pause.seconds is not None:
            self._halting.pause(pause.seconds)

    async def _keep_clean(self) -> None:
        while True:
            await self._clean()
            await anyio.sleep(_SWEEP_INTERVAL)

    async def _clean(self) -> None:
        """Removes the pictures that are not needed any more, also those that killed processes have left."""
        try:
            names = await self._spool.names()
            await self._spool.remove(await self._orders.settled_pictures(names))
            await self._spool.sweep(await self._orders.spooled())
        except JournalError as exc:
            log.warning("the pictures of swaps that were sent are not removed now: %s", exc)
