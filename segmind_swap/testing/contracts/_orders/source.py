"""What the tests of orders need from their implementation, and how they lead an order through its states."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from segmind_swap import OutcomeState, SwapError

from ...._protocols.ledger import Ledger
from ...._protocols.orders import Order, Orders, OrderSource
from .._ledger.source import OfALedger
from .._values import ORIGIN, URLS, WORKFLOW, a_job, an_outcome

S = OutcomeState
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 23, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
NO_FACE = SwapError("there is no face")


class OfOrders(OfALedger):
    """The tests of orders: their source, and the ways to open it."""

    @pytest.fixture
    def source(self) -> OrderSource:
        """The source of the orders and their ledger, with a new store for each test. To be overridden."""
        raise NotImplementedError("override the fixture `source`")

    @asynccontextmanager
    async def ordering(self, source: OrderSource) -> AsyncIterator[Orders]:
        """Opens the orders, as each process of an application does, and closes them at the end."""
        orders = await source.open_orders(origin=ORIGIN, workflow=WORKFLOW)
        try:
            yield orders
        finally:
            await orders.aclose()

    @asynccontextmanager
    async def serving(
        self, source: OrderSource, *, daily_budget_usd: float | None = None
    ) -> AsyncIterator[tuple[Orders, Ledger]]:
        """Opens orders and ledger, as the process does that submits, and closes them at the end."""
        async with (
            self.ordering(source) as orders,
            self.opened(source, daily_budget_usd=daily_budget_usd) as ledger,
        ):
            yield orders, ledger

    def at(self, source: OrderSource, now: datetime) -> Callable[[datetime], None]:
        """Sets the clock of the source. Returns a function that sets the clock again."""
        times = [now]
        self.set_clock(source, lambda: times[-1])
        return times.append

    async def current(self, orders: Orders, id: str = "a") -> Order:
        """The current order of an id."""
        return (await orders.find([id]))[id]

    async def lead(self, ledger: Ledger, order: Order, state: OutcomeState) -> None:
        """Leads the entry of a PENDING order into another state."""
        entry, job = order.entry, a_job(order.number)
        if state is S.PENDING:
            return
        await ledger.reserve(entry)
        await ledger.claim(entry, in_doubt=entry.in_doubt, urls=URLS)
        if state is S.SENDING:
            return
        if state in {S.REJECTED, S.UNKNOWN}:
            in_doubt = entry.in_doubt + (state is S.UNKNOWN)
            await ledger.refuse(entry, in_doubt=in_doubt)
            await ledger.finish(entry, an_outcome(state), unsettled_posts=in_doubt)
            return
        await ledger.accept(entry, job, in_doubt=entry.in_doubt)
        if state is S.ACCEPTED:
            ledger.release(entry, unsettled_posts=entry.in_doubt + 1)
            return
        is_settled = state in {S.COMPLETED, S.SAVED, S.FAILED}
        outcome = an_outcome(S.COMPLETED if state is S.SAVED else state, job=job)
        await ledger.finish(entry, outcome, unsettled_posts=entry.in_doubt + (not is_settled))
        if state is S.SAVED:
            assert outcome.result is not None
            await ledger.save(entry, outcome.result.model_copy(update={"path": "a.png"}))
