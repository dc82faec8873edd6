"""The rules for adding orders: once for each id, for the same pictures, and within the bounds."""

from __future__ import annotations

from datetime import datetime, timedelta

import anyio
import pytest

from segmind_swap import (
    BudgetExceededError,
    LimitExceededError,
    OutcomeState,
    ServiceStoppedError,
    SwapError,
)

from ...._protocols.entry import EntryConflict
from ...._protocols.orders import Halt, OrderLimits, Orders, OrderSource
from .._values import PRICE_USD, URLS, a_swap, an_order, an_outcome, open_ledger
from .source import MIDNIGHT, NEXT_DAY, NO_FACE, NOON, OfOrders, S

NO_LIMITS = OrderLimits()
_FULL = OrderLimits(max_queued=0, daily_budget_usd=0.0, max_per_owner=0, max_per_owner_a_day=0)
"""No order can be added."""


class AddingContract(OfOrders):
    """The rules for adding orders."""

    def test_a_new_order_has_a_pending_entry_and_is_found_by_its_id(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.ordering(source) as orders:
                assert (await orders.last_change(), await orders.find(["a"])) == (0, {})
                order, is_new = await orders.add(an_order("Caf\xe9", owner="ann"), limits=NO_LIMITS)
                assert is_new
                assert (order.id, order.owner, order.state) == ("Caf\xe9", "ann", S.PENDING)
                assert order.pictures == an_order("Caf\xe9").pictures
                assert (order.entry.version, order.entry.input) == (1, a_swap("Caf\xe9"))
                assert order.ordered_at.utcoffset() == timedelta(0)
                assert await orders.find(["CAFE\u0301", "b"]) == {"CAFE\u0301": order}

        self.run(test, backend)

    def test_many_calls_for_one_id_at_once_add_one_order(self, source: OrderSource, backend: str) -> None:
        ids = [str(number) for number in range(8)]
        added: list[str] = []

        async def test() -> None:
            async with self.ordering(source) as first, self.ordering(source) as second:

                async def add(orders: Orders, id: str) -> None:
                    order, is_new = await orders.add(an_order(id), limits=NO_LIMITS)
                    added.extend([order.id] * is_new)

                async with anyio.create_task_group() as group:
                    for id in ids * 4:
                        group.start_soon(add, first, id)
                        group.start_soon(add, second, id)
                assert sorted(added) == ids
                assert len(await first.unfinished()) == len(ids)

        self.run(test, backend)

    def test_other_pictures_are_refused_and_change_nothing(self, source: OrderSource, backend: str) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order("a"), limits=NO_LIMITS)
                with pytest.raises(EntryConflict, match="other pictures"):
                    await orders.add(an_order("A", pictures="q"), limits=NO_LIMITS)
                await self.lead(ledger, order, S.FAILED)
                with pytest.raises(EntryConflict, match="other pictures"):
                    await orders.add(an_order("A", pictures="q"), limits=NO_LIMITS, pay_again=True)
                found = await self.current(orders)
                assert (found.number, found.state) == (order.number, S.FAILED)

        self.run(test, backend)

    @pytest.mark.parametrize("state", list(OutcomeState))
    def test_a_known_id_is_joined_whatever_its_state_and_whatever_the_limits(
        self, source: OrderSource, backend: str, state: OutcomeState
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(owner="ann"), limits=NO_LIMITS)
                await (orders.cancel("a") if state is S.ABANDONED else self.lead(ledger, order, state))
                await orders.set_halt(Halt(reason=NO_FACE, until=None))
                before = await orders.last_change()
                joined, is_new = await orders.add(an_order(owner="bob", files="z"), limits=_FULL)
                assert (joined.number, joined.state, joined.owner, is_new) == (
                    order.number,
                    state,
                    "ann",
                    False,
                )
                assert joined.pictures == order.pictures
                assert await orders.last_change() == before
                if state is S.SENDING:
                    await ledger.refuse(order.entry, in_doubt=0)

        self.run(test, backend)

    def test_a_swap_of_a_batch_gets_an_order_that_is_paid_only_if_it_was_not_sent(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                await ledger.take(a_swap("pending"))
                entry = await ledger.take(a_swap("done"))
                await ledger.reserve(entry)
                await ledger.claim(entry, in_doubt=0, urls=URLS)
                await ledger.refuse(entry, in_doubt=0)
                await ledger.finish(entry, an_outcome(S.REJECTED), unsettled_posts=0)
                with pytest.raises(LimitExceededError):
                    await orders.add(an_order("pending"), limits=_FULL)
                assert await orders.find(["pending"]) == {}
                pending, is_new = await orders.add(an_order("pending"), limits=NO_LIMITS)
                assert (pending.state, is_new) == (S.PENDING, True)
                done, is_new = await orders.add(an_order("done"), limits=_FULL)
                assert (done.state, is_new, done.entry.number) == (S.REJECTED, False, entry.number)
                with pytest.raises(EntryConflict):
                    await orders.add(an_order("done", pictures="q"), limits=NO_LIMITS)

        self.run(test, backend)

    def test_each_bound_of_the_number_of_orders_refuses_the_next_one(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                for id in ("a", "b"):
                    await orders.add(an_order(id, owner="ann"), limits=NO_LIMITS)
                queued = OrderLimits(max_queued=2)
                with pytest.raises(LimitExceededError) as caught:
                    await orders.add(an_order("c"), limits=queued)
                assert (caught.value.limit, caught.value.maximum) == ("max_queued", 2)
                await self.lead(ledger, await self.current(orders, "a"), S.ACCEPTED)
                owned = OrderLimits(max_queued=2, max_per_owner=2)
                with pytest.raises(LimitExceededError) as caught:
                    await orders.add(an_order("c", owner="ann"), limits=owned)
                assert (caught.value.limit, caught.value.maximum) == ("max_per_owner", 2)
                assert await orders.find(["c"]) == {}
                await orders.add(an_order("c", owner="bob"), limits=owned)
                await orders.add(an_order("d"), limits=OrderLimits(max_per_owner=0, max_per_owner_a_day=0))
                await self.lead(ledger, await self.current(orders, "b"), S.FAILED)
                await orders.add(an_order("e", owner="ann"), limits=OrderLimits(max_per_owner=2))

        self.run(test, backend)

    def test_the_orders_of_an_owner_count_in_a_day_unless_they_ended_free(
        self, source: OrderSource, backend: str
    ) -> None:
        limits = OrderLimits(max_per_owner_a_day=3)

        async def test() -> None:
            set_time = self.at(source, NOON)
            async with self.serving(source) as (orders, ledger):

                async def add(id: str) -> None:
                    await orders.add(an_order(id, owner="ann"), limits=limits)

                for id, state in (("a", S.FAILED), ("b", S.REJECTED), ("c", S.UNKNOWN), ("d", S.SAVED)):
                    await add(id)
                    await self.lead(ledger, await self.current(orders, id), state)
                    if state is S.REJECTED:
                        await add("cancelled")
                        await orders.cancel("cancelled")
                        await orders.add(an_order("a", owner="ann"), limits=limits, pay_again=True)
                        await orders.cancel("a")
                with pytest.raises(LimitExceededError) as caught:
                    await add("e")
                assert (caught.value.limit, caught.value.maximum) == ("max_per_owner_a_day", 3)
                set_time(NEXT_DAY)
                await add("e")

        self.run(test, backend)

    def test_two_processes_cannot_pass_a_bound_together(self, source: OrderSource, backend: str) -> None:
        added: list[str] = []

        async def test() -> None:
            async with self.ordering(source) as first, self.ordering(source) as second:

                async def add(orders: Orders, id: str) -> None:
                    try:
                        await orders.add(an_order(id), limits=OrderLimits(max_queued=3))
                        added.append(id)
                    except LimitExceededError:
                        pass

                async with anyio.create_task_group() as group:
                    for number in range(10):
                        group.start_soon(add, first, f"first {number}")
                        group.start_soon(add, second, f"second {number}")
                assert len(added) == 3
                assert sorted(order.id for order in await first.unfinished()) == sorted(added)

        self.run(test, backend)

    def test_while_the_service_is_halted_no_order_is_added_in_any_process(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            set_time = self.at(source, NOON)
            async with self.ordering(source) as orders, self.ordering(source) as other:
                assert await other.halt() is None
                await orders.set_halt(Halt(reason=NO_FACE, until=NOON + timedelta(seconds=60)))
                halt = await other.halt()
                assert halt is not None
                assert (str(halt.reason), halt.until) == (str(NO_FACE), NOON + timedelta(seconds=60))
                with pytest.raises(ServiceStoppedError, match="there is no face") as caught:
                    await other.add(an_order(), limits=NO_LIMITS)
                assert caught.value.seconds == pytest.approx(60.0)
                assert isinstance(caught.value.reason, SwapError)
                set_time(NOON + timedelta(seconds=61))
                assert await other.halt() is None
                await other.add(an_order(), limits=NO_LIMITS)
                await other.set_halt(Halt(reason=NO_FACE, until=None))
                with pytest.raises(ServiceStoppedError) as caught:
                    await orders.add(an_order("b"), limits=NO_LIMITS)
                assert caught.value.seconds is None
                await orders.set_halt(None)
                await other.add(an_order("b"), limits=NO_LIMITS)

        self.run(test, backend)

    def test_the_money_of_a_day_is_that_of_its_posts_and_of_the_orders_that_are_not_sent(
        self, source: OrderSource, backend: str
    ) -> None:
        limits = OrderLimits(daily_budget_usd=3.5 * PRICE_USD, price_usd=PRICE_USD)

        async def test() -> None:
            set_time = self.at(source, NOON)
            async with self.serving(source, daily_budget_usd=3.5 * PRICE_USD) as (orders, ledger):

                async def is_full(resets_at: datetime) -> None:
                    with pytest.raises(BudgetExceededError) as caught:
                        await orders.add(an_order("new"), limits=limits)
                    assert caught.value.resets_at == resets_at
                    assert caught.value.committed_usd == pytest.approx(3 * PRICE_USD)

                for id in ("a", "b", "c"):
                    await orders.add(an_order(id), limits=limits)
                await is_full(MIDNIGHT)
                entry = (await self.current(orders, "a")).entry
                await ledger.reserve(entry)
                await is_full(MIDNIGHT)
                await ledger.claim(entry, in_doubt=0, urls=URLS)
                await is_full(MIDNIGHT)
                await ledger.refuse(entry, in_doubt=0)
                await is_full(MIDNIGHT)
                ledger.release(entry, unsettled_posts=0)
                await self.lead(ledger, await self.current(orders, "a"), S.UNKNOWN)
                await self.lead(ledger, await self.current(orders, "b"), S.FAILED)
                await is_full(MIDNIGHT)
                await self.lead(ledger, await self.current(orders, "c"), S.REJECTED)
                await orders.add(an_order("d"), limits=limits)
                await is_full(MIDNIGHT)
                await orders.cancel("d")
                await orders.add(an_order("e"), limits=limits)
                await is_full(MIDNIGHT)
                set_time(NEXT_DAY)
                for id in ("f", "g"):
                    await orders.add(an_order(id), limits=limits)
                await is_full(MIDNIGHT + timedelta(days=1))

        self.run(test, backend)

    def test_a_price_that_the_ledger_knows_to_be_higher_counts(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source, price_usd=0.3):
                pass
            async with self.ordering(source) as orders:
                with pytest.raises(BudgetExceededError):
                    await orders.add(an_order(), limits=OrderLimits(daily_budget_usd=0.2, price_usd=0.1))

        self.run(test, backend)

    def test_what_was_spent_today_is_known_again_after_a_restart_and_forgotten_tomorrow(
        self, source: OrderSource, backend: str
    ) -> None:
        budget_usd = 4.5 * PRICE_USD
        limits = OrderLimits(daily_budget_usd=budget_usd, price_usd=PRICE_USD)

        async def test() -> None:
            set_time = self.at(source, NOON)
            async with self.serving(source, daily_budget_usd=budget_usd) as (orders, ledger):
                for id, state in (("a", S.UNKNOWN), ("b", S.FAILED), ("c", S.SAVED)):
                    await orders.add(an_order(id), limits=limits)
                    await self.lead(ledger, await self.current(orders, id), state)
                await orders.add(an_order("d"), limits=limits)
                in_flight = await self.current(orders, "d")
            ledger = await open_ledger(source, daily_budget_usd=budget_usd)
            await self.lead(ledger, in_flight, S.SENDING)
            await self.crash(ledger)
            async with self.serving(source, daily_budget_usd=budget_usd) as (orders, ledger):
                with pytest.raises(BudgetExceededError):
                    await orders.add(an_order("e"), limits=limits)
                with pytest.raises(BudgetExceededError):
                    await ledger.reserve(await ledger.take(a_swap("e")))
            set_time(NEXT_DAY)
            async with self.serving(source, daily_budget_usd=budget_usd) as (orders, ledger):
                await orders.add(an_order("f"), limits=limits)
                await self.lead(ledger, await self.current(orders, "f"), S.SAVED)

        self.run(test, backend)
