"""`Running`: a service between the beginning and the end of its block, in one process."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import anyio

from .._batch.runner import BatchOptions, make_folder
from .._concurrency import BackgroundTask
from .._errors import ConfigurationError, SwapCancelledError, SwapError, UnknownIdError
from .._models import ImageInput, SwapResult
from .._outcome import OutcomeState
from .._protocols.orders import Order, OrderLimits, Orders, OrderSource
from .halting import Halting
from .intake import Intake, check_id
from .listeners import Listeners
from .spool import Spool
from .update import SwapUpdate, update_of
from .watcher import Watcher
from .worker import Worker

if TYPE_CHECKING:
    from .._swap.session import Session
    from .._swap.uploads import Uploads


class Running:
    """A service that is open. `start` opens it.

    Attributes:
        halting: Whether the service may submit.
        worker: Submits, if this process has the lock.
        listeners: Those who follow a swap.
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
        limits: OrderLimits,
        last_change: int,
    ) -> None:
        self._orders = orders
        self._are_saved = options.save_to is not None
        self.halting = Halting(orders, on_change=self._halt_changed)
        self.listeners = Listeners(self._find, are_saved=self._are_saved)
        self.worker = Worker(
            session,
            uploads,
            source,
            options,
            orders=orders,
            spool=spool,
            halting=self.halting,
            on_outcome=self._outcome_came,
        )
        self._watcher = Watcher(orders, self.halting, after=last_change, on_changes=self._publish)
        self._intake = Intake(
            session,
            orders,
            spool,
            limits=limits,
            are_saved=self._are_saved,
            on_change=self._changed_here,
        )
        self._detached = session.detached
        self._tasks: list[BackgroundTask] = []

    @classmethod
    async def start(
        cls,
        session: Session,
        uploads: Uploads,
        source: OrderSource,
        options: BatchOptions,
        *,
        spool: Spool,
        limits: OrderLimits,
    ) -> Running:
        """Opens the orders and the spool, and starts the watcher and the worker.

        Raises:
            ConfigurationError: the folder for the pictures cannot be made.
            JournalError: the orders or the spool cannot be used, or are of another service.
        """
        if options.save_to is not None:
            await make_folder(options.save_to)
        orders = await source.open_orders(origin=str(session.http.service.origin), workflow=session.workflow)
        try:
            await spool.open()
            running = cls(
                session,
                uploads,
                source,
                options,
                orders=orders,
                spool=spool,
                limits=limits,
                last_change=await orders.last_change(),
            )
            await running.halting.refresh()
            running.begin()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await orders.aclose()
            raise
        return running

    def begin(self) -> None:
        """Starts the watcher and the worker, as tasks of the client."""
        self._tasks += [self._detached.start_background(work) for work in (self._watch, self.worker.run)]

    async def aclose(self) -> None:
        """Ends the listeners, the watcher and the worker, and closes the orders. The lock is free then.

        POSTs in flight have up to 15 s to receive and record their responses.

        Raises:
            BaseException: an interrupt that was raised in a task of the service.
        """
        self.listeners.close()
        for task in self._tasks:
            task.cancel()
        try:
            for task in self._tasks:
                await task.ended()
        finally:
            with anyio.CancelScope(shield=True):
                await self._orders.aclose()
        for task in self._tasks:
            if task.error is not None:
                raise task.error

    def _halt_changed(self) -> None:
        self.worker.wake()

    def _outcome_came(self) -> None:
        self._watcher.poke()

    async def _watch(self) -> None:
        try:
            await self._watcher.run()
        finally:
            # The client may be closed before the service.
            self.listeners.close()

    async def _publish(self, changed: Sequence[Order]) -> None:
        for order in changed:
            self.listeners.publish(order)
        await self.worker.changed(changed)

    def _changed_here(self, order: Order) -> None:
        self.listeners.publish(order)
        self.worker.notice(order)
        self._watcher.poke()

    def _update_of(self, order: Order) -> SwapUpdate:
        return update_of(order, are_saved=self._are_saved)

    async def _find(self, id: str) -> Order:
        check_id(id)
        order = (await self._orders.find([id])).get(id)
        if order is None:
            raise _unknown(id)
        return order

    async def enqueue(
        self, id: str, reference: ImageInput, scene: ImageInput, *, owner: str | None, pay_again: bool
    ) -> SwapUpdate:
        """As `SwapService.enqueue`."""
        order = await self._intake.enqueue(id, reference, scene, owner=owner, pay_again=pay_again)
        return self._update_of(order)

    async def status(self, id: str) -> SwapUpdate:
        """As `SwapService.status`."""
        return self._update_of(await self._find(id))

    def updates(self, id: str, *, after: int | None) -> AsyncIterator[SwapUpdate]:
        """As `SwapService.updates`."""
        check_id(id)
        return self.listeners.updates(id, after=after)

    async def result(self, id: str) -> SwapResult:
        """As `SwapService.result`."""
        last: SwapUpdate | None = None
        async for update in self.updates(id, after=None):
            last = update
        job = None if last is None else last.job
        if last is None or not last.is_final:
            raise ConfigurationError(
                f"the service was closed before the swap {id!r} has ended; the swap stays recorded", job=job
            )
        if last.error is not None:
            # Each caller raises an error of its own: a traceback belongs to one caller.
            raise copy.copy(last.error)
        if last.result is None:
            raise SwapError(f"the swap {id!r} is {last.state}, and has no picture", job=job)
        return last.result

    async def cancel(self, id: str) -> bool:
        """As `SwapService.cancel`."""
        check_id(id)
        order = await self._orders.cancel(id)
        if order is None:
            raise _unknown(id)
        if order.state is not OutcomeState.ABANDONED or not isinstance(order.entry.error, SwapCancelledError):
            return False
        self.worker.stop_one(order)
        self._changed_here(order)
        return True


def _unknown(id: str) -> UnknownIdError:
    return UnknownIdError(f"the service has no swap {id!r}", id=id)
