"""What 429s show about the account's limit. Time is a number here."""

from __future__ import annotations

import math
import random
from collections import deque

import pytest

from segmind_swap._config import RateLimit
from segmind_swap._models import Call
from segmind_swap._policy.rate_limit import RateLimitEstimate

MINUTE = 60.0


class Account:
    """A service that accepts so many requests in each fixed window of a minute, and its one client.

    Every submit leaves as soon as it may, and is answered at once.
    """

    def __init__(
        self, per_minute: int, *, given: RateLimit | None = None, used: int = 0, since: float = 0.0
    ) -> None:
        self.limit = RateLimitEstimate(given or RateLimit())
        self.per_minute = per_minute
        self.now = 0.0
        self.accepted: list[float] = []
        self.rejected: list[float] = []
        self._used = used
        self._window_began = -since
        self._opens_at = 0.0

    def run(self, seconds: float, *, every: float = 0.01) -> None:
        """Submits without a pause; `every` is the least time between two, while no limit is known."""
        end = self.now + seconds
        while True:
            at = max(self._opens_at, self.limit.next_at(self.now), self.now)
            if at > self.now:
                if at >= end:
                    break
                self.now = at
                continue
            self.limit.observe_sent(self.now)
            self._answer()
            self.now += every if self.limit.per_minute is None else 1e-6
            if self.now >= end:
                break
        self.now = end

    def _answer(self) -> None:
        passed = math.floor((self.now - self._window_began) / MINUTE + 1e-9)
        if passed:
            self._window_began += passed * MINUTE
            self._used = 0
        if self._used < self.per_minute:
            self._used += 1
            self.accepted.append(self.now)
            self.limit.observe_accepted(Call.SUBMIT, self.now)
        else:
            self.rejected.append(self.now)
            self._opens_at = max(self.now + 0.5, self._window_began + MINUTE)
            self.limit.observe_429(Call.SUBMIT, self.now, self._opens_at, is_announced=True)

    def share(self, since: float) -> float:
        """Which part of what the service would have accepted since then was used."""
        minutes = (self.now - since) / MINUTE
        return sum(moment >= since for moment in self.accepted) / (self.per_minute * minutes)


@pytest.mark.parametrize("per_minute", [5, 7, 10, 30, 60, 120, 500, 1000])
def test_an_unknown_limit_is_found_and_used_from_the_second_minute_on(per_minute: int) -> None:
    account = Account(per_minute)
    account.run(60 * MINUTE if per_minute < 500 else 10 * MINUTE)
    assert account.share(MINUTE) >= 0.99
    assert account.limit.per_minute == pytest.approx(per_minute, rel=0.03, abs=1)
    assert len(account.rejected) <= 1 + 6, "one to find it, then after 2, 4, 8, 16 and 32 minutes"


@pytest.mark.parametrize(("used", "since"), [(40, 30.0), (59, 50.0), (60, 10.0), (30, 5.0)])
def test_a_minute_that_others_had_used_before_does_not_count(used: int, since: float) -> None:
    """As after a restart in the middle of a batch."""
    account = Account(60, used=used, since=since)
    account.run(30 * MINUTE)
    assert account.share(3 * MINUTE) >= 0.98
    assert account.limit.per_minute == pytest.approx(60, abs=1.2)


def test_a_limit_that_falls_is_noticed_within_two_minutes() -> None:
    account = Account(120)
    account.run(5 * MINUTE)
    account.per_minute = 40
    account.run(2 * MINUTE)
    before = len(account.rejected)
    account.run(10 * MINUTE)
    assert account.limit.per_minute == pytest.approx(40, abs=1)
    assert len(account.rejected) - before <= 3


def test_a_limit_that_rises_is_found_again_by_two_of_a_hundred_at_a_time() -> None:
    account = Account(60)
    account.run(5 * MINUTE)
    account.per_minute = 90
    account.run(3 * 60 * MINUTE)
    assert account.limit.per_minute == pytest.approx(90, rel=0.03)


def test_what_was_given_is_never_exceeded_whatever_the_service_would_allow() -> None:
    account = Account(100, given=RateLimit(requests_per_minute=30))
    account.run(30 * MINUTE)
    assert len(account.accepted) <= 30 * 30 + 1
    assert account.rejected == []


def test_a_limit_that_was_given_too_high_is_lowered_and_carefully_raised_again() -> None:
    account = Account(30, given=RateLimit(requests_per_minute=60))
    account.run(30 * MINUTE)
    assert account.share(2 * MINUTE) >= 0.98
    assert len(account.rejected) <= 7


def test_a_slow_hour_does_not_raise_a_limit_that_nobody_has_tried() -> None:
    account = Account(60)
    account.run(2 * MINUTE)
    for _ in range(60):
        account.run(0.5)
        account.now += MINUTE
    assert account.limit.per_minute == 60


def test_one_429_in_a_quiet_hour_makes_no_fewer_than_five_a_minute() -> None:
    limit = RateLimitEstimate(RateLimit())
    limit.next_at(0.0)
    limit.observe_sent(0.0)
    limit.observe_accepted(Call.SUBMIT, 0.0)
    limit.observe_sent(600.0)
    limit.observe_accepted(Call.SUBMIT, 600.0)
    limit.observe_429(Call.SUBMIT, 620.0, 640.0, is_announced=True)
    limit.next_at(640.0)
    assert limit.per_minute == 5.0


def test_a_429_before_anything_was_accepted_tells_nothing() -> None:
    limit = RateLimitEstimate(RateLimit())
    limit.observe_sent(0.0)
    limit.observe_429(Call.SUBMIT, 1.0, 61.0, is_announced=True)
    assert limit.next_at(30.0) == 61.0
    assert limit.next_at(61.0) == 61.0
    assert limit.per_minute is None


def test_a_second_429_straight_after_a_reset_is_no_news() -> None:
    """Resets are told in whole seconds; whoever comes a little early learns nothing about the limit."""
    account = Account(60)
    account.run(30.0)
    assert account.limit.next_at(60.0) == 60.0
    assert account.limit.per_minute == 60
    account.limit.observe_429(Call.SUBMIT, 60.0, 60.5, is_announced=True)
    account.limit.next_at(60.5)
    assert account.limit.per_minute == 60


def test_answers_that_come_after_the_429_to_what_left_before_it_are_counted() -> None:
    limit = RateLimitEstimate(RateLimit())
    for number in range(12):
        limit.observe_sent(0.1 * number)
    limit.observe_429(Call.SUBMIT, 1.2, 60.0, is_announced=True)
    for number in range(10):
        limit.observe_accepted(Call.SUBMIT, 0.1 * number)
    limit.next_at(60.0)
    assert limit.per_minute == 10


def test_those_after_the_first_stay_half_an_interval_away_from_the_resets_to_come() -> None:
    account = Account(6)
    account.run(5 * MINUTE)
    offsets = {round(moment % MINUTE, 1) for moment in account.accepted if moment > 2 * MINUTE}
    assert offsets == {5.0, 15.0, 25.0, 35.0, 45.0, 55.0}


# Polls


def test_a_429_on_a_poll_shows_that_polls_count_and_both_kinds_are_counted_from_then_on() -> None:
    limit = RateLimitEstimate(RateLimit())
    assert not limit.counts(Call.POLL)
    for number in range(20):
        limit.observe_sent(number)
        limit.observe_accepted(Call.SUBMIT, number)
        limit.observe_accepted(Call.POLL, number + 0.5)
    limit.observe_429(Call.POLL, 20.0, 60.0, is_announced=True)
    limit.next_at(60.0)
    assert limit.counts(Call.POLL)
    assert limit.per_minute == 40


def test_while_polls_are_not_known_to_count_only_submits_make_the_limit() -> None:
    limit = RateLimitEstimate(RateLimit())
    for number in range(20):
        limit.observe_sent(number)
        limit.observe_accepted(Call.SUBMIT, number)
        limit.observe_accepted(Call.POLL, number + 0.5)
    limit.observe_429(Call.SUBMIT, 20.0, 60.0, is_announced=True)
    limit.next_at(60.0)
    assert limit.per_minute == 20


@pytest.mark.parametrize("call", [Call.UPLOAD, Call.CREDITS])
def test_a_429_to_an_upload_or_a_question_about_credits_says_nothing_about_the_limit(call: Call) -> None:
    limit = RateLimitEstimate(RateLimit())
    for number in range(20):
        limit.observe_sent(number)
        limit.observe_accepted(Call.SUBMIT, number)
        limit.observe_accepted(call, number)
    limit.observe_429(call, 20.0, 60.0, is_announced=True)
    limit.next_at(60.0)
    assert limit.per_minute is None


# Other limiters


class Bucket:
    """A service that lets `burst` requests pass at once, and then one in each `refill` seconds."""

    def __init__(self, burst: int, refill: float) -> None:
        self._refill = refill
        self._burst = burst
        self._level = float(burst)
        self._at = 0.0

    def wait(self, now: float) -> float | None:
        self._level = min(self._burst, self._level + (now - self._at) / self._refill)
        self._at = now
        if self._level >= 1.0:
            self._level -= 1.0
            return None
        return (1.0 - self._level) * self._refill


def test_a_bucket_that_fills_by_the_second_is_used_without_running_into_it_all_the_time() -> None:
    bucket, limit = Bucket(10, 1.0), RateLimitEstimate(RateLimit())
    now = opens_at = 0.0
    accepted: deque[float] = deque()
    rejected = 0
    while now < 30 * MINUTE:
        at = max(opens_at, limit.next_at(now))
        if at > now:
            now = at
            continue
        limit.observe_sent(now)
        wait = bucket.wait(now)
        if wait is None:
            accepted.append(now)
            limit.observe_accepted(Call.SUBMIT, now)
        else:
            rejected += 1
            opens_at = now + max(wait, 0.5)
            limit.observe_429(Call.SUBMIT, now, opens_at, is_announced=True)
        now += 0.05
    assert len(accepted) >= 0.8 * 60 * 30
    assert rejected <= 0.1 * len(accepted)


@pytest.mark.parametrize("seed", range(5))
def test_requests_that_leave_late_put_nobody_off(seed: int) -> None:
    """A loop is busy for some milliseconds, again and again: as many leave in a minute all the same."""
    late = random.Random(seed)
    limit = RateLimitEstimate(RateLimit(requests_per_minute=6000))
    now, left = 0.0, 0
    while now < MINUTE:
        now = max(now, limit.next_at(now)) + late.uniform(0.0, 0.004)
        limit.observe_sent(now)
        left += 1
    assert left >= 0.99 * 6000


def test_submits_that_meet_a_limit_which_polls_have_used_up_show_that_polls_count() -> None:
    """No poll need ever meet a 429 for that; without it, the limit would seem to fall further and further."""
    limit = RateLimitEstimate(RateLimit())
    for number in range(60):
        limit.observe_sent(0.01 * number)
        limit.observe_accepted(Call.SUBMIT, 0.01 * number)
    limit.observe_429(Call.SUBMIT, 0.7, 60.0, is_announced=True)
    limit.next_at(60.0)
    assert limit.per_minute == 60
    for number in range(20):
        limit.observe_sent(60.0 + number)
        limit.observe_accepted(Call.SUBMIT, 60.0 + number)
        limit.observe_accepted(Call.POLL, 60.2 + number)
        limit.observe_accepted(Call.POLL, 60.4 + number)
    limit.observe_429(Call.SUBMIT, 80.0, 120.0, is_announced=True)
    limit.next_at(120.0)
    assert limit.counts(Call.POLL)
    assert limit.per_minute == 60


def test_a_limit_that_fell_while_few_polls_left_is_lower_and_polls_do_not_count() -> None:
    account = Account(60)
    account.run(3 * MINUTE)
    account.per_minute = 30
    account.run(5 * MINUTE)
    assert not account.limit.counts(Call.POLL)
    assert account.limit.per_minute == pytest.approx(30, abs=1)


# Exactly


def sent(limit: RateLimitEstimate, count: int, start: float, seconds: float) -> None:
    """So many submits, evenly over some seconds, all accepted."""
    for number in range(count):
        at = start + number * seconds / count
        limit.next_at(at)
        limit.observe_sent(at)
        limit.observe_accepted(Call.SUBMIT, at)


def known(per_minute: int, *, given: float | None = None) -> RateLimitEstimate:
    """A limit that was found at 60 s, in the minute that began with the first request."""
    limit = RateLimitEstimate(RateLimit(requests_per_minute=given))
    sent(limit, per_minute, 0.0, 1.0)
    limit.observe_429(Call.SUBMIT, 1.0, 60.0, is_announced=True)
    limit.next_at(60.0)
    assert limit.per_minute == per_minute
    return limit


@pytest.mark.parametrize(("after", "expected"), [(59.9, 60), (59.76, 60), (59.7, 58), (30.0, 58)])
def test_a_429_at_the_very_end_of_a_minute_is_a_request_that_came_late_and_an_earlier_one_is_not(
    after: float, expected: int
) -> None:
    limit = known(60)
    sent(limit, 58, 60.0, 29.0)
    limit.observe_429(Call.SUBMIT, 60.0 + after, 120.0, is_announced=True)
    limit.next_at(120.0)
    assert limit.per_minute == expected


def test_a_small_fall_of_the_limit_is_noticed_in_its_first_minutes() -> None:
    account = Account(60)
    account.run(4 * MINUTE)
    account.per_minute = 56
    account.run(3 * MINUTE)
    before = len(account.rejected)
    account.run(MINUTE)
    assert account.limit.per_minute == 56
    assert len(account.rejected) == before


@pytest.mark.parametrize(
    ("per_minute", "given", "more"),
    [(10, None, 11), (49, None, 50), (100, None, 102), (20, 20.5, 20.5), (20, 30, 21)],
)
def test_after_two_busy_minutes_two_of_a_hundred_more_are_tried_or_one_and_no_more_than_was_given(
    per_minute: int, given: float | None, more: float
) -> None:
    limit = known(per_minute, given=given)
    sent(limit, 2 * per_minute, 60.0, 119.0)
    assert limit.per_minute == per_minute
    limit.observe_sent(180.0)
    assert limit.per_minute == more


def test_nothing_more_is_tried_while_less_than_nine_of_ten_are_used() -> None:
    limit = known(100)
    sent(limit, 160, 60.0, 119.0)
    limit.observe_sent(180.0)
    assert limit.per_minute == 100


def test_each_trial_that_fails_doubles_the_pause_before_the_next_and_one_that_holds_shortens_it() -> None:
    limit = known(100)
    sent(limit, 200, 60.0, 119.0)
    limit.observe_sent(180.0)
    limit.observe_429(Call.SUBMIT, 181.0, 182.0, is_announced=True)
    sent(limit, 400, 182.0, 238.0)
    assert limit.per_minute == 100, "two minutes were too short"
    limit.observe_sent(422.5)
    assert limit.per_minute == 102
    sent(limit, 400, 422.5, 239.0)
    limit.observe_sent(663.0)
    assert limit.per_minute == pytest.approx(104.04)
    sent(limit, 250, 663.0, 119.0)
    limit.observe_sent(783.5)
    assert limit.per_minute == pytest.approx(106.12, abs=0.01), "after two minutes again"


def test_of_a_minute_that_had_begun_before_the_second_429_is_the_first_that_counts() -> None:
    limit = RateLimitEstimate(RateLimit())
    sent(limit, 5, 100.0, 1.0)
    limit.observe_429(Call.SUBMIT, 101.0, 130.0, is_announced=True)
    limit.next_at(130.0)
    assert limit.per_minute is None
    sent(limit, 40, 130.0, 1.0)
    limit.observe_429(Call.SUBMIT, 131.0, 190.0, is_announced=True)
    limit.next_at(190.0)
    assert limit.per_minute == 45


def test_a_limiter_that_lets_requests_pass_again_at_once_is_measured_by_the_time_they_took() -> None:
    limit = RateLimitEstimate(RateLimit())
    sent(limit, 10, 100.0, 1.0)
    limit.observe_429(Call.SUBMIT, 101.0, 102.0, is_announced=True)
    limit.next_at(102.0)
    assert limit.per_minute is None, "it may have been the end of a minute that others had used"
    sent(limit, 20, 102.0, 17.0)
    limit.observe_429(Call.SUBMIT, 119.0, 120.0, is_announced=True)
    limit.next_at(120.0)
    assert limit.per_minute == 30 * 60 / 20
