"""`OrdersContract`: the rules for the `Orders` of a service."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from segmind_swap import JournalError, OutcomeState, SubmissionUnknownError, SwapCancelledError

from ...._protocols.entry import EntryCancelled
from ...._protocols.orders import Endings, Halt, OrderSource
from .._values import ORIGIN, PRICE_USD, SHORT, URLS, WORKFLOW, a_job, an_order, an_outcome, open_ledger
from .adding import NO_LIMITS, AddingContract
from .paying_again import PayingAgainContract
from .source import NO_FACE, NOON, S


class OrdersContract(AddingContract, PayingAgainContract):
    """The rules for the orders of a service, and for their ledger."""

    def test_each_state_of_an_order_is_a_change_with_a_higher_number(
        self, source: OrderSource, backend: str
    ) -> None:
        seen: list[tuple[str, OutcomeState]] = []

        async def test() -> None:
            async with self.serving(source) as (orders, ledger), self.ordering(source) as other:
                last = 0

                async def look() -> None:
                    nonlocal last
                    for order in await other.changed_after(last):
                        assert order.change > last
                        last = order.change
                        seen.append((order.id, order.state))
                    assert await other.last_change() == last

                a, _ = await orders.add(an_order("a"), limits=NO_LIMITS)
                await look()
                b, _ = await orders.add(an_order("b"), limits=NO_LIMITS)
                await ledger.reserve(a.entry)
                await ledger.claim(a.entry, in_doubt=0, urls=URLS)
                await look()
                await ledger.accept(a.entry, a_job(), in_doubt=0)
                await look()
                outcome = an_outcome(S.COMPLETED, job=a_job())
                await ledger.finish(a.entry, outcome, unsettled_posts=0)
                await orders.cancel("b")
                await look()
                assert outcome.result is not None
                await ledger.save(a.entry, outcome.result.model_copy(update={"path": "a.png"}))
                await look()
                await look()
                assert b.change > a.change

        self.run(test, backend)
        assert seen == [
            ("a", S.PENDING),
            ("b", S.PENDING),
            ("a", S.SENDING),
            ("a", S.ACCEPTED),
            ("a", S.COMPLETED),
            ("b", S.ABANDONED),
            ("a", S.SAVED),
        ]

    def test_many_changes_are_read_in_parts_and_none_is_left_out(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.ordering(source) as orders:

                async def add(number: int) -> None:
                    await orders.add(an_order(str(number)), limits=NO_LIMITS)

                async with anyio.create_task_group() as group:
                    for number in range(1100):
                        group.start_soon(add, number)
                changes = [0]
                while found := await orders.changed_after(changes[-1]):
                    changes += [order.change for order in found]
                assert changes == sorted(set(changes))
                assert len(changes) == 1101

        self.run(test, backend)

    def test_a_cancelled_order_is_never_claimed(self, source: OrderSource, backend: str) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await ledger.reserve(order.entry)
                cancelled = await orders.cancel("A")
                assert cancelled is not None
                assert (cancelled.state, cancelled.number) == (S.ABANDONED, order.number)
                assert isinstance(cancelled.entry.error, SwapCancelledError)
                with pytest.raises(EntryCancelled):
                    await ledger.claim(order.entry, in_doubt=0, urls=URLS)
                ledger.release(order.entry, unsettled_posts=0)
                assert ledger.committed_usd == 0.0
                found = await self.current(orders)
                assert (found.state, found.entry.posts) == (S.ABANDONED, ())
                assert await orders.unfinished() == []
                assert await orders.cancel("b") is None

        self.run(test, backend)

    @pytest.mark.parametrize("state", [state for state in OutcomeState if state is not S.PENDING])
    def test_an_order_that_was_claimed_is_not_cancelled(
        self, source: OrderSource, backend: str, state: OutcomeState
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await (orders.cancel("a") if state is S.ABANDONED else self.lead(ledger, order, state))
                before = await orders.last_change()
                cancelled = await orders.cancel("a")
                assert cancelled is not None
                assert (cancelled.number, cancelled.state) == (order.number, state)
                assert await orders.last_change() == before
                if state is S.SENDING:
                    await ledger.accept(order.entry, a_job(), in_doubt=0)
                    assert (await self.current(orders)).state is S.ACCEPTED

        self.run(test, backend)

    def test_an_order_that_is_cancelled_between_two_posts_is_not_sent_again(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await ledger.reserve(order.entry)
                await ledger.claim(order.entry, in_doubt=0, urls=URLS)
                await ledger.refuse(order.entry, in_doubt=0)
                await orders.cancel("a")
                with pytest.raises(EntryCancelled):
                    await ledger.claim(order.entry, in_doubt=0, urls=URLS)
                await ledger.finish(order.entry, an_outcome(S.REJECTED), unsettled_posts=0)
                assert ledger.committed_usd == 0.0
                found = await self.current(orders)
                assert found.state is S.ABANDONED, "its picture was refused meanwhile, which changes nothing"
                assert isinstance(found.entry.error, SwapCancelledError)

        self.run(test, backend)

    def test_what_is_cancelled_and_claimed_at_once_is_one_of_both(
        self, source: OrderSource, backend: str
    ) -> None:
        claimed: set[str] = set()
        cancelled: set[str] = set()
        ids = [str(number) for number in range(20)]

        async def test() -> None:
            async with self.serving(source) as (orders, ledger), self.ordering(source) as other:

                async def claim(id: str) -> None:
                    entry = (await self.current(orders, id)).entry
                    await ledger.reserve(entry)
                    try:
                        await ledger.claim(entry, in_doubt=0, urls=URLS)
                    except EntryCancelled:
                        ledger.release(entry, unsettled_posts=0)
                        return
                    claimed.add(id)
                    await ledger.accept(entry, a_job(int(id)), in_doubt=0)

                async def cancel(id: str) -> None:
                    order = await other.cancel(id)
                    assert order is not None
                    if order.state is S.ABANDONED:
                        cancelled.add(id)

                for id in ids:
                    await orders.add(an_order(id), limits=NO_LIMITS)
                async with anyio.create_task_group() as group:
                    for id in ids:
                        group.start_soon(claim, id)
                        group.start_soon(cancel, id)
                assert ledger.committed_usd == pytest.approx(len(claimed) * PRICE_USD)

        self.run(test, backend)
        assert claimed | cancelled == set(ids)
        assert not claimed & cancelled

    def test_a_rejected_order_with_an_earlier_post_in_doubt_is_unknown(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, S.UNKNOWN)
                again, _ = await orders.add(an_order(), limits=NO_LIMITS, pay_again=True)
                await orders.reject(again, NO_FACE)
                found = await self.current(orders)
                assert found.state is S.UNKNOWN
                assert str(NO_FACE) in str(found.entry.error)

        self.run(test, backend)

    def test_only_a_pending_order_that_no_other_has_followed_is_rejected(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                first, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await orders.reject(first, NO_FACE)
                rejected = await self.current(orders)
                assert (rejected.state, str(rejected.entry.error)) == (S.REJECTED, str(NO_FACE))
                second, _ = await orders.add(an_order(), limits=NO_LIMITS, pay_again=True)
                await orders.reject(first, NO_FACE)
                assert (await self.current(orders)).state is S.PENDING
                await self.lead(ledger, second, S.ACCEPTED)
                await orders.reject(second, NO_FACE)
                assert (await self.current(orders)).state is S.ACCEPTED

        self.run(test, backend)

    def test_why_a_picture_is_not_saved_is_kept_while_the_order_is_completed(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await orders.give_up(order, NO_FACE)
                assert (await self.current(orders)).entry.error is None
                await self.lead(ledger, order, S.COMPLETED)
                last = await orders.last_change()
                await orders.give_up(order, NO_FACE)
                (given_up,) = await orders.changed_after(last)
                assert (given_up.state, str(given_up.entry.error)) == (S.COMPLETED, str(NO_FACE))
                result = given_up.entry.result
                assert result is not None
                await ledger.save(given_up.entry, result.model_copy(update={"path": "a.png"}))
                await orders.give_up(order, NO_FACE)
                saved = await self.current(orders)
                assert (saved.state, saved.entry.error) == (S.SAVED, None)

        self.run(test, backend)

    def test_what_is_left_to_be_done_comes_in_the_order_of_its_urgency(
        self, source: OrderSource, backend: str
    ) -> None:
        states = {
            "pending": S.PENDING,
            "done": S.COMPLETED,
            "saved": S.SAVED,
            "late": S.ACCEPTED,
            "failed": S.FAILED,
            "early": S.ACCEPTED,
            "unreadable": S.UNREADABLE,
            "last": S.PENDING,
        }

        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                for id, state in states.items():
                    order, _ = await orders.add(an_order(id), limits=NO_LIMITS)
                    if state is not S.ACCEPTED:
                        await self.lead(ledger, order, state)
                for number, id in enumerate(("early", "late")):
                    entry = (await self.current(orders, id)).entry
                    await ledger.reserve(entry)
                    await ledger.claim(entry, in_doubt=0, urls=URLS)
                    await ledger.accept(entry, a_job(100 + number), in_doubt=0)
                left = [order.id for order in await orders.unfinished()]
                assert left == ["early", "late", "done", "pending", "last"]
                left = [order.id for order in await orders.unfinished(with_completed=False)]
                assert left == ["early", "late", "pending", "last"]

        self.run(test, backend)

    def test_the_files_of_orders_that_may_still_be_sent_are_named(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                for id, state in (("a", S.PENDING), ("b", S.SENDING), ("c", S.ACCEPTED), ("d", S.FAILED)):
                    order, _ = await orders.add(an_order(id), limits=NO_LIMITS)
                    await self.lead(ledger, order, state)
                await orders.add(an_order("d", files="e"), limits=NO_LIMITS, pay_again=True)
                needed = {name for id in ("a", "b", "e") for name in an_order(id).pictures}
                assert set(await orders.spooled()) == needed
                names = {name for id in "abcdef" for name in an_order(id).pictures}
                settled = {name for id in ("c", "d") for name in an_order(id).pictures}
                assert set(await orders.settled_pictures(names)) == settled, "that of no order is not"
                await ledger.refuse((await self.current(orders, "b")).entry, in_doubt=0)

        self.run(test, backend)

    def test_orders_outlive_a_crash_and_what_was_being_sent_is_unknown_which_is_a_change(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.ordering(source) as orders:
                ledger = await open_ledger(source)
                for id, state in (("a", S.PENDING), ("b", S.SENDING), ("c", S.ACCEPTED)):
                    order, _ = await orders.add(an_order(id, owner="ann"), limits=NO_LIMITS)
                    await self.lead(ledger, order, state)
                kept = await orders.find(["a", "c"])
                last = await orders.last_change()
                await self.crash(ledger)
            async with self.ordering(source) as orders:
                assert await orders.last_change() == last
                assert (await self.current(orders, "b")).state is S.SENDING
                async with self.opened(source) as ledger:
                    assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                    (change,) = await orders.changed_after(last)
                    assert (change.id, change.state) == ("b", S.UNKNOWN)
                    assert isinstance(change.entry.error, SubmissionUnknownError)
                    assert await orders.find(["a", "c"]) == kept
                    assert [order.id for order in await orders.unfinished()] == ["c", "a"]

        self.run(test, backend)

    def test_the_job_of_an_order_is_waited_for_again_with_its_money(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.serving(source) as (orders, ledger):
                order, _ = await orders.add(an_order(), limits=NO_LIMITS)
                await self.lead(ledger, order, S.ACCEPTED)
            async with (
                self.ordering(source) as orders,
                self.opened(source, budget_usd=1.5 * PRICE_USD, failed_runs_are_free=True) as ledger,
            ):
                (left,) = await orders.unfinished()
                ledger.resume(left.entry)
                ledger.release(left.entry, unsettled_posts=1)
                assert ledger.committed_usd == pytest.approx(PRICE_USD), "the wait may begin again"
                ledger.resume(left.entry)
                new, _ = await orders.add(an_order("b"), limits=NO_LIMITS)
                async with anyio.create_task_group() as group:
                    group.start_soon(ledger.reserve, new.entry)
                    await anyio.sleep(SHORT)
                    failed = an_outcome(S.FAILED, job=left.entry.job)
                    await ledger.finish(left.entry, failed, unsettled_posts=0)
                assert ledger.committed_usd == pytest.approx(PRICE_USD), "the new swap has got the money"
                assert (await self.current(orders)).state is S.FAILED

        self.run(test, backend)

    def test_halt_and_endings_are_known_in_every_process_and_after_a_restart(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            self.at(source, NOON)
            async with self.ordering(source) as orders:
                assert await orders.endings() == Endings()
                orders.keep_endings(Endings(futile=1))
                orders.keep_endings(Endings(futile=2, failed=3))
                await orders.set_halt(Halt(reason=NO_FACE, until=NOON + timedelta(seconds=5)))
            async with self.ordering(source) as orders:
                assert await orders.endings() == Endings(futile=2, failed=3)
                halt = await orders.halt()
                assert halt is not None
                assert str(halt.reason) == str(NO_FACE)

        self.run(test, backend)

    def test_orders_of_another_service_are_refused_and_a_closed_store_says_so(
        self, source: OrderSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.ordering(source) as orders:
                for origin, workflow in (("https://other.example", WORKFLOW), (ORIGIN, "other-v2")):
                    with pytest.raises(JournalError):
                        await source.open_orders(origin=origin, workflow=workflow)
            for call in (orders.find(["a"]), orders.add(an_order(), limits=NO_LIMITS), orders.cancel("a")):
                with pytest.raises(JournalError):
                    await call

        self.run(test, backend)
