"""The money of a UTC day: what is claimed today counts today, and nothing of it tomorrow."""

from datetime import UTC, date, datetime, timedelta

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from segmind_swap import BudgetExceededError
from segmind_swap._policy.budget import Budget, Spent, micro_of
from segmind_swap._policy.daily_budget import DailyBudget, check_day, midnight, next_midnight, utc_now

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
PRICE = 100_000


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def a_day(limit_usd: float = 0.3, *, spent: Spent | None = None, clock: Clock | None = None) -> DailyBudget:
    return DailyBudget(limit_usd, spent=spent or Spent(), now=clock or Clock())


def test_a_day_is_a_day_of_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
    assert midnight(NOON) == datetime(2026, 11, 30, tzinfo=UTC)
    assert next_midnight(midnight(NOON)) == datetime(2026, 12, 1, tzinfo=UTC)
    assert a_day().seconds_left == 12 * 3600


def test_the_limit_of_a_day_is_spent_to_the_cent_and_the_error_says_until_when() -> None:
    check_day(0.3, committed_micro_usd=200_000, price_micro_usd=PRICE, now=NOON)
    with pytest.raises(BudgetExceededError, match=r"\$0.30 a day .* \$0.20 of 2026-11-30") as caught:
        check_day(0.3, committed_micro_usd=200_001, price_micro_usd=PRICE, now=NOON)
    assert caught.value.resets_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert (caught.value.budget_usd, caught.value.committed_usd) == (0.3, 0.200001)


def test_what_was_spent_earlier_in_the_day_counts_until_midnight() -> None:
    clock = Clock()
    day = a_day(spent=Spent(settled_micro_usd=150_000, unsettled_posts=1), clock=clock)
    assert not day.has_room(PRICE)
    assert day.spent_micro_usd(PRICE) == (date(2026, 11, 30), 250_000)
    clock.now += timedelta(hours=12)
    assert day.has_room(PRICE)
    assert day.spent_micro_usd(PRICE) == (date(2026, 12, 1), 0)


def test_a_clock_that_is_set_back_does_not_begin_a_day_again() -> None:
    clock = Clock(next_midnight(NOON))
    day = a_day(spent=Spent(unsettled_posts=3), clock=clock)
    clock.now -= timedelta(minutes=1)
    assert not day.has_room(PRICE)
    clock.now += timedelta(minutes=2)
    assert not day.has_room(PRICE)


def test_a_reserved_price_takes_room_and_is_not_spent() -> None:
    day = a_day()
    day.reserve()
    assert day.spent_micro_usd(PRICE)[1] == 0
    claimed = day.claim()
    assert day.spent_micro_usd(PRICE)[1] == PRICE
    day.unclaim(claimed)
    assert day.spent_micro_usd(PRICE)[1] == 0
    assert day.has_room(3 * PRICE) is False
    day.unreserve()
    assert day.has_room(3 * PRICE)


def test_a_budget_needs_room_in_the_day_and_in_all() -> None:
    budget = Budget(0.5, price_usd=0.1, spent=Spent(), daily=a_day(0.2))
    for _ in range(2):
        budget.reserve_at_once()
    with pytest.raises(BudgetExceededError) as caught:
        budget.reserve_at_once()
    assert caught.value.resets_at is not None
    assert budget.committed_usd == pytest.approx(0.2)
    budget = Budget(0.1, price_usd=0.1, spent=Spent(), daily=a_day(0.2))
    budget.reserve_at_once()
    with pytest.raises(BudgetExceededError) as caught:
        budget.reserve_at_once()
    assert caught.value.resets_at is None


async def test_who_waits_for_money_goes_on_at_midnight_and_not_before() -> None:
    started = anyio.current_time()

    def now() -> datetime:
        return NOON + timedelta(seconds=anyio.current_time() - started)

    daily = DailyBudget(0.1, spent=Spent(), now=now)
    budget = Budget(None, price_usd=0.1, spent=Spent(), daily=daily)
    await budget.reserve()
    daily.claim()
    with anyio.fail_after(24 * 3600):
        await budget.reserve()
    assert anyio.current_time() - started == pytest.approx(12 * 3600)


class Day(RuleBasedStateMachine):
    """A day's budget beside a list of what each POST is worth, over some midnights."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.day = a_day(1.0, clock=self.clock)
        self.reserved = 0
        self.claimed: list[date] = []
        self.settled: list[tuple[date, int]] = []

    @property
    def today(self) -> date:
        return self.clock.now.date()

    @rule(hours=st.integers(0, 20))
    def wait(self, hours: int) -> None:
        self.clock.now += timedelta(hours=hours)

    @precondition(lambda self: self.day.has_room(PRICE))
    @rule()
    def reserve(self) -> None:
        self.day.reserve()
        self.reserved += 1

    @precondition(lambda self: self.reserved)
    @rule(is_sent=st.booleans())
    def end_reservation(self, is_sent: bool) -> None:
        if not is_sent:
            self.day.unreserve()
        else:
            try:
                self.day.check_claim(PRICE)
            except BudgetExceededError:
                return
            self.claimed.append(self.day.claim())
            assert self.claimed[-1] == self.today
        self.reserved -= 1

    @precondition(lambda self: self.claimed)
    @rule(end=st.sampled_from(["unclaim", "release", "settle"]), data=st.data())
    def end_claim(self, end: str, data: st.DataObject) -> None:
        day = self.claimed.pop(data.draw(st.integers(0, len(self.claimed) - 1)))
        if end == "settle":
            self.day.settle(day, micro_of(0.11))
            self.settled.append((day, micro_of(0.11)))
        elif end == "release":
            self.day.release(day)
        else:
            self.day.unclaim(day)
            self.reserved += 1

    @invariant()
    def each_post_counts_in_the_day_of_its_claim(self) -> None:
        spent = PRICE * self.claimed.count(self.today)
        spent += sum(cost for day, cost in self.settled if day == self.today)
        assert self.day.spent_micro_usd(PRICE) == (self.today, spent)
        # A cost above the price may be reported when all is claimed.
        assert spent <= 1_000_000 + (micro_of(0.11) - PRICE) * len(self.settled)
        assert self.day.has_room(PRICE) == (spent + (self.reserved + 1) * PRICE <= 1_000_000)


TestDay = Day.TestCase
TestDay.settings = settings(max_examples=60, stateful_step_count=40)
