"""The rules for an order that follows another one of the same id, and is paid again."""

from __future__ import annotations

import anyio
import pytest

from segmind_swap import LimitExceededError, OutcomeState

from ...._protocols.orders import OrderLimits, Orders, OrderSource
from .._values import PRICE_USD, a_job, a_swap, a_version, an_order
from .adding import NO_LIMITS
from .source import OfOrders, S

_DONE = (S.COMPLETED, S.SAVED)
_ENDED = (S.FAILED, S.REJECTED, S.UNKNOWN, S.EXPIRED, S.UNREADABLE, S.ABANDONED)
_POSTS = {S.FAILED: 1, S.UNKNOWN: 1, S.EXPIRED: 1, S.UNREADABLE: 1}
"""How many POSTs of an entry in each state stay counted."""


class PayingAgainContract(OfOrders):
    """The rules for orders that are paid again."""

    @pytest.mark.parametrize("state", [S.PENDING, S.SENDING, S.ACCEPTED])
    def test_an_order_that_has_not_ended_is_joined_and_not_paid_again(
        self, source: OrderSource, backend: str, state: OutcomeState
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, state)
                again, is_new = await orders.add(an_order(), limits=NO_LIMITS, pay_again=True)
                assert (again.number, again.state, is_new) == (order.number, state, False)
                if state is S.SENDING:
                    await ledger.refuse(order.entry, in_doubt=0)

        self.run(test, backend)

    @pytest.mark.parametrize("state", _DONE)
    def test_a_swap_that_is_done_gets_another_version_which_costs_once_more(
        self, source: OrderSource, backend: str, state: OutcomeState
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, state)
                again, is_new = await orders.add(an_order(files="z"), limits=NO_LIMITS, pay_again=True)
                assert is_new
                assert (again.state, again.entry.version, again.pictures) == (
                    S.PENDING,
                    2,
                    an_order(files="z").pictures,
                )
                assert again.number > order.number
                assert again.entry.number != order.entry.number
                await self.lead(ledger, again, S.SAVED)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                found = await self.current(orders)
                assert (found.number, found.state, found.entry.version) == (again.number, S.SAVED, 2)

        self.run(test, backend)

    def test_the_picture_of_a_completed_order_is_still_to_be_saved_when_another_order_has_followed(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, S.COMPLETED)
                again, _ = await orders.add(an_order(), limits=NO_LIMITS, pay_again=True)
                left = await orders.unfinished()
                assert [(o.number, o.state) for o in left] == [
                    (order.number, S.COMPLETED),
                    (again.number, S.PENDING),
                ]
                before = await orders.last_change()
                result = left[0].entry.result
                assert result is not None
                await ledger.save(left[0].entry, result.model_copy(update={"path": "a.png"}))
                assert [o.number for o in await orders.unfinished()] == [again.number]
                assert await orders.changed_after(before) == [], "nobody waits for that order"

        self.run(test, backend)

    @pytest.mark.parametrize("state", _ENDED)
    def test_an_entry_that_ended_without_a_picture_is_pending_again_and_its_money_stays_counted(
        self, source: OrderSource, backend: str, state: OutcomeState
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await (orders.cancel("a") if state is S.ABANDONED else self.lead(ledger, order, state))
                assert (await self.current(orders)).state is state
                before = await orders.last_change()
                again, is_new = await orders.add(an_order(files="z"), limits=NO_LIMITS, pay_again=True)
                assert (again.state, is_new, again.entry.error) == (S.PENDING, True, None)
                assert again.pictures == an_order(files="z").pictures
                assert (again.entry.number, again.entry.version) == (order.entry.number, 1)
                assert [o.number for o in await orders.changed_after(before)] == [again.number]
                posts = _POSTS.get(state, 0)
                assert ledger.committed_usd == pytest.approx(posts * PRICE_USD)
                await self.lead(ledger, again, S.SAVED)
                assert ledger.committed_usd == pytest.approx((posts + 1) * PRICE_USD)
            async with self.serving(source) as (orders, ledger):
                assert ledger.committed_usd == pytest.approx((posts + 1) * PRICE_USD)
                assert (await self.current(orders)).state is S.SAVED

        self.run(test, backend)

    def test_two_calls_at_once_pay_once_more(self, source: OrderSource, backend: str) -> None:
        added: list[bool] = []

        async def test() -> None:
            async with self.serving(source) as (orders, ledger), self.ordering(source) as other:
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, S.SAVED)

                async def add(orders: Orders) -> None:
                    _, is_new = await orders.add(an_order(), limits=NO_LIMITS, pay_again=True)
                    added.append(is_new)

                async with anyio.create_task_group() as group:
                    for _ in range(5):
                        group.start_soon(add, orders)
                        group.start_soon(add, other)
            assert added.count(True) == 1

        self.run(test, backend)

    def test_an_order_that_is_paid_again_is_bounded_as_any_other(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                for id, state in (("failed", S.FAILED), ("saved", S.SAVED)):
                    order, _ = await orders.add(an_order(id), limits=NO_LIMITS)
                    await self.lead(ledger, order, state)
                    before = await orders.last_change()
                    with pytest.raises(LimitExceededError):
                        await orders.add(an_order(id), limits=OrderLimits(max_queued=0), pay_again=True)
                    assert (await self.current(orders, id)).state is state
                    assert await orders.last_change() == before

        self.run(test, backend)

    def test_an_order_that_is_paid_again_has_the_pictures_of_the_id_also_after_a_redo_with_others(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, S.SAVED)
                (redone,) = await ledger.begin_versions([a_version(pictures="q")])
                assert (await self.current(orders)).number == order.number, "a redo is no order"
                await ledger.reserve(redone)
                await ledger.claim(redone, in_doubt=0, urls=("hero", "street"))
                await ledger.accept(redone, a_job(9), in_doubt=0)
                failed = redone.outcome().model_copy(update={"state": S.FAILED, "job": a_job(9)})
                await ledger.finish(redone, failed, unsettled_posts=0)
                again, is_new = await orders.add(an_order(), limits=NO_LIMITS, pay_again=True)
                assert (is_new, again.entry.version, again.entry.fingerprint) == (True, 3, "p")
                assert again.entry.input == a_swap()

        self.run(test, backend)
