"""The rules for the budget of a UTC day, for every `Ledger`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from segmind_swap import BudgetExceededError, OutcomeState

from ...._protocols.ledger import LedgerSource
from .._values import PRICE_USD, SHORT, URLS, a_job, a_swap, accepted, an_outcome, claim, claimed
from .source import OfALedger

_MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
_BEFORE = _MIDNIGHT - timedelta(hours=1)
_AFTER = _MIDNIGHT + timedelta(hours=1)
_TWO = 2.5 * PRICE_USD
"""Room for two POSTs."""


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time."""
        return self.now


def until_midnight(seconds: float) -> Callable[[], datetime]:
    """A clock that runs, and reaches midnight after some seconds."""
    started = time.monotonic()
    return lambda: _MIDNIGHT + timedelta(seconds=time.monotonic() - started - seconds)


class DaysContract(OfALedger):
    """The rules for the budget of a UTC day, also for a ledger that stores no entries."""

    def test_a_post_for_which_the_day_has_no_room_is_refused_until_the_next_midnight(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            self.set_clock(source, Clock(_BEFORE))
            async with self.opened(source, daily_budget_usd=_TWO) as ledger:
                first = await accepted(ledger, "a", a_job(1))
                second = await accepted(ledger, "b", a_job(2))
                ledger.release(first, unsettled_posts=1)
                ledger.release(second, unsettled_posts=1)
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.reserve(await ledger.take(a_swap("c")))
                assert caught.value.resets_at == _MIDNIGHT
                assert caught.value.budget_usd == pytest.approx(_TWO)
                assert caught.value.committed_usd == pytest.approx(2 * PRICE_USD)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)

        self.run(test, backend)

    def test_a_budget_without_a_day_has_no_time_at_which_it_begins_anew(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            self.set_clock(source, Clock(_BEFORE))
            async with self.opened(source, budget_usd=0.1, daily_budget_usd=_TWO) as ledger:
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.reserve(await ledger.take(a_swap()))
                assert caught.value.resets_at is None

        self.run(test, backend)

    def test_a_new_day_has_the_whole_budget_at_once_and_money_of_the_old_one_makes_no_room(
        self, source: LedgerSource, backend: str
    ) -> None:
        clock = Clock(_BEFORE)

        async def test() -> None:
            self.set_clock(source, clock)
            async with self.opened(source, daily_budget_usd=_TWO) as ledger:
                old = [await claimed(ledger, "a"), await claimed(ledger, "b")]
                clock.now = _AFTER
                new = [await claimed(ledger, "c"), await claimed(ledger, "d")]
                for entry in old:
                    await ledger.refuse(entry, in_doubt=0)
                    await ledger.finish(entry, an_outcome(OutcomeState.REJECTED), unsettled_posts=0)
                for number, entry in enumerate(new):
                    await ledger.accept(entry, a_job(number), in_doubt=0)
                    ledger.release(entry, unsettled_posts=1)
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.reserve(await ledger.take(a_swap("e")))
                assert caught.value.committed_usd == pytest.approx(2 * PRICE_USD)

        self.run(test, backend)

    def test_a_price_that_was_reserved_before_midnight_counts_in_the_day_of_its_post(
        self, source: LedgerSource, backend: str
    ) -> None:
        clock = Clock(_BEFORE)

        async def test() -> None:
            self.set_clock(source, clock)
            async with self.opened(source, daily_budget_usd=_TWO) as ledger:
                late = await ledger.take(a_swap("a"))
                await ledger.reserve(late)
                clock.now = _AFTER
                await ledger.claim(late, in_doubt=0, urls=URLS)
                for entry in (late, await claimed(ledger, "b")):
                    await ledger.accept(entry, a_job(entry.number), in_doubt=0)
                    ledger.release(entry, unsettled_posts=1)
                with pytest.raises(BudgetExceededError):
                    await ledger.reserve(await ledger.take(a_swap("c")))

        self.run(test, backend)

    def test_a_post_that_was_refused_after_midnight_is_sent_again_only_if_the_new_day_has_room(
        self, source: LedgerSource, backend: str
    ) -> None:
        clock = Clock(_BEFORE)

        async def test() -> None:
            self.set_clock(source, clock)
            async with self.opened(source, daily_budget_usd=_TWO) as ledger:
                old = [await claimed(ledger, "a"), await claimed(ledger, "b")]
                clock.now = _AFTER
                new = await accepted(ledger, "c", a_job(1))
                for entry in old:
                    await ledger.refuse(entry, in_doubt=0)
                await ledger.claim(old[0], in_doubt=0, urls=URLS)
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.claim(old[1], in_doubt=0, urls=URLS)
                assert caught.value.resets_at == _MIDNIGHT + timedelta(days=1)
                clock.now = _AFTER + timedelta(days=1)
                await ledger.claim(old[1], in_doubt=0, urls=URLS)
                for number, entry in enumerate(old):
                    await ledger.accept(entry, a_job(2 + number), in_doubt=0)
                for entry in (*old, new):
                    ledger.release(entry, unsettled_posts=1)
                assert ledger.committed_usd == pytest.approx(3 * PRICE_USD)

        self.run(test, backend)

    def test_a_price_that_is_given_back_makes_room_in_the_day_of_its_post(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            self.set_clock(source, Clock(_BEFORE))
            async with self.opened(source, daily_budget_usd=1.5 * PRICE_USD) as ledger:
                refused = await claimed(ledger, "refused")
                await ledger.refuse(refused, in_doubt=0)
                await ledger.finish(refused, an_outcome(OutcomeState.REJECTED), unsettled_posts=0)
                withdrawn = await claimed(ledger, "withdrawn")
                ledger.withdraw(withdrawn, in_doubt=0)
                ledger.release(withdrawn, unsettled_posts=0)
                reserved = await ledger.take(a_swap("reserved"))
                await ledger.reserve(reserved)
                ledger.release(reserved, unsettled_posts=0)
                doubtful = await claimed(ledger, "doubtful")
                await ledger.refuse(doubtful, in_doubt=1)
                await ledger.finish(doubtful, an_outcome(OutcomeState.UNKNOWN), unsettled_posts=1)
                with pytest.raises(BudgetExceededError):
                    await ledger.reserve(await ledger.take(a_swap("a")))

        self.run(test, backend)

    @pytest.mark.parametrize("failed_runs_are_free", [False, True])
    def test_a_failed_run_counts_in_its_day_unless_failed_runs_are_free(
        self, source: LedgerSource, backend: str, failed_runs_are_free: bool
    ) -> None:
        async def test() -> None:
            self.set_clock(source, Clock(_BEFORE))
            async with self.opened(
                source, daily_budget_usd=1.5 * PRICE_USD, failed_runs_are_free=failed_runs_are_free
            ) as ledger:
                failed = await accepted(ledger, "a", a_job())
                await ledger.finish(failed, an_outcome(OutcomeState.FAILED, job=a_job()), unsettled_posts=0)
                new = await ledger.take(a_swap("b"))
                if failed_runs_are_free:
                    await ledger.reserve(new)
                else:
                    with pytest.raises(BudgetExceededError):
                        await ledger.reserve(new)

        self.run(test, backend)

    def test_a_reported_cost_above_the_price_counts_in_the_day_from_then_on(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            self.set_clock(source, Clock(_BEFORE))
            async with self.opened(source, daily_budget_usd=0.8) as ledger:
                for number, cost_usd in ((1, None), (2, 0.4)):
                    entry = await accepted(ledger, str(number), a_job(number))
                    outcome = an_outcome(OutcomeState.COMPLETED, cost_usd=cost_usd)
                    await ledger.finish(entry, outcome, unsettled_posts=0)
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.reserve(await ledger.take(a_swap("b")))
                assert caught.value.committed_usd == pytest.approx(PRICE_USD + 0.4)

        self.run(test, backend)

    def test_each_post_in_doubt_counts_in_the_day_of_its_claim(
        self, source: LedgerSource, backend: str
    ) -> None:
        clock = Clock(_BEFORE)

        async def test() -> None:
            self.set_clock(source, clock)
            async with self.opened(source, daily_budget_usd=_TWO) as ledger:
                entry = await ledger.take(a_swap("a"))
                await claim(ledger, entry, in_doubt=1)
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.claim(entry, in_doubt=2, urls=URLS)
                assert caught.value.resets_at == _MIDNIGHT
                await ledger.refuse(entry, in_doubt=2)
                clock.now = _AFTER
                await ledger.claim(entry, in_doubt=2, urls=URLS)
                await ledger.accept(entry, a_job(), in_doubt=2)
                other = await accepted(ledger, "b", a_job(2))
                ledger.release(entry, unsettled_posts=3)
                ledger.release(other, unsettled_posts=1)
                with pytest.raises(BudgetExceededError):
                    await ledger.reserve(await ledger.take(a_swap("c")))

        self.run(test, backend)

    def test_a_swap_that_waits_for_money_goes_on_at_midnight(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            self.set_clock(source, until_midnight(4 * SHORT))
            async with self.opened(source, daily_budget_usd=1.5 * PRICE_USD) as ledger:
                waited_for = await accepted(ledger, "a", a_job())
                late = await ledger.take(a_swap("b"))
                with anyio.fail_after(self.patience / 2):
                    await ledger.reserve(late)
                ledger.release(late, unsettled_posts=0)
                ledger.release(waited_for, unsettled_posts=1)

        self.run(test, backend)
