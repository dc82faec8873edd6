"""What the rules make of services of every kind. Each figure is a promise of the documentation."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from segmind_swap._config import RateLimit
from segmind_swap._models import Call
from segmind_swap._policy.rate.state import MINUTE

from .simulation import Account, Bucket, Client, Clock, FixedWindow, Limit, SlidingLog, saturated

UNTOLD_TOLD = pytest.mark.parametrize("is_told", [False, True], ids=["untold", "told"])
FIXED = {5: 30, 20: 20, 60: 15, 120: 12, 500: 6, 1000: 4}
"""Minutes watched for each limit."""


def step(before: float, after: float, at: float) -> Limit:
    return lambda now: before if now < at else after


# A limit that stays


@UNTOLD_TOLD
@pytest.mark.parametrize("per_minute", FIXED)
def test_a_constant_limit_is_found_and_used(per_minute: int, is_told: bool) -> None:
    account = Account(FixedWindow(per_minute), is_told=is_told)
    saturated(account, FIXED[per_minute])
    assert account.share(per_minute, MINUTE, FIXED[per_minute] * MINUTE) >= (
        0.985 if per_minute >= 20 else 0.95
    )
    found = sum(moment < 1.5 * MINUTE for moment, _ in account.limited)
    assert found <= 16, "429s to find the limit"
    if per_minute >= 60:
        assert account.per_hundred(2 * MINUTE) < 2.0


@UNTOLD_TOLD
@pytest.mark.parametrize("begun", [7.0, 15.0, 30.0, 45.0, 59.0])
def test_a_minute_of_the_service_that_had_begun_before_the_client_costs_that_minute_only(
    begun: float, is_told: bool
) -> None:
    account = Account(FixedWindow(60, phase=-begun), is_told=is_told)
    saturated(account, 15)
    first = 2 * MINUTE - begun
    assert account.share(60, first, first + 12 * MINUTE) >= 0.985
    assert account.per_hundred(first + MINUTE) < 2.0


@UNTOLD_TOLD
@pytest.mark.parametrize("per_minute", [60, 500])
def test_a_limit_of_any_minute_is_used_without_running_into_it(per_minute: int, is_told: bool) -> None:
    account = Account(SlidingLog(per_minute), is_told=is_told)
    minutes = 10 if per_minute < 500 else 6
    saturated(account, minutes)
    assert account.share(per_minute, MINUTE, minutes * MINUTE) >= 0.975
    assert account.per_hundred(3 * MINUTE) < 2.0


@UNTOLD_TOLD
@pytest.mark.parametrize("per_minute", [60, 500])
def test_a_bucket_is_kept_empty_with_few_429s(per_minute: int, is_told: bool) -> None:
    account = Account(Bucket(per_minute), is_told=is_told)
    minutes = 10 if per_minute < 500 else 6
    saturated(account, minutes)
    assert account.share(per_minute, MINUTE, minutes * MINUTE) >= (0.985 if per_minute == 60 else 0.95)
    assert account.per_hundred(3 * MINUTE) <= 4.0


@pytest.mark.parametrize("latency", [1.0, 2.0, 5.0])
def test_answers_that_take_seconds_hide_neither_the_limit_nor_what_was_accepted(latency: float) -> None:
    """What left lately is not answered yet. This must not look like requests that were refused."""
    account = Account(FixedWindow(60))
    saturated(account, 15, latency=latency)
    assert account.share(60, MINUTE, 15 * MINUTE) >= 0.975
    assert account.per_hundred(3 * MINUTE) < 4.5
    raised = Account(FixedWindow(step(60, 500, 5 * MINUTE)))
    saturated(raised, 12, latency=latency)
    assert raised.share(500, 10 * MINUTE, 12 * MINUTE) >= 0.9


@pytest.mark.parametrize("latency", [1.0, 5.0])
def test_where_there_is_no_limit_twice_as_many_are_in_flight_after_each_minute(latency: float) -> None:
    account = Account(FixedWindow(1e9))
    saturated(account, 5, latency=latency)
    minutes = account.in_minutes(5)
    assert minutes == pytest.approx([8 * 2**n * MINUTE / latency for n in range(5)], rel=0.2)
    assert account.limited == []


def test_a_service_that_is_very_slow_is_not_asked_by_more_and_more() -> None:
    account = Account(FixedWindow(1e9))
    saturated(account, 5, latency=30.0)
    assert account.in_minutes(5) == [16] * 5


def test_a_service_that_never_answers_is_not_asked_by_more_and_more() -> None:
    client = Client(Account(FixedWindow(1e9)), latency=1e9)
    client.saturate()
    client.run(60)
    assert len(client.in_flight) == 8


# A limit that moves


@pytest.mark.parametrize(("before", "after"), [(60, 500), (60, 90), (20, 200), (100, 1000)])
@pytest.mark.parametrize("at", [300.0, 325.0, 350.0])
def test_a_raise_of_up_to_tenfold_is_used_within_three_minutes(before: int, after: int, at: float) -> None:
    account = Account(FixedWindow(step(before, after, at)))
    saturated(account, at / MINUTE + 4)
    begins = [at + second for second in range(0, 181, 5)]
    assert max(account.share(after, begin, begin + MINUTE) for begin in begins) >= 0.9


@UNTOLD_TOLD
@pytest.mark.parametrize(("before", "after"), [(500, 60), (120, 40), (60, 50)])
@pytest.mark.parametrize("at", [300.0, 310.0, 345.0])
def test_a_drop_is_obeyed_from_the_second_window_on(
    before: int, after: int, at: float, is_told: bool
) -> None:
    account = Account(FixedWindow(step(before, after, at)), is_told=is_told)
    saturated(account, 12)
    second = 7 * MINUTE if at > 300.0 else 6 * MINUTE
    assert account.share(after, second, 12 * MINUTE) >= 0.9


def test_what_others_use_is_given_up_and_taken_again() -> None:
    account = Account(FixedWindow(120, others=lambda now: 60.0 if 180 <= now < 600 else 0.0))
    saturated(account, 16)
    assert account.share(60, 4 * MINUTE, 10 * MINUTE) >= 0.9
    assert account.share(120, 13 * MINUTE, 16 * MINUTE) >= 0.97


def test_two_clients_of_an_account_share_the_limit() -> None:
    account, clock = Account(FixedWindow(120)), Clock()
    clients = [Client(account, clock, seed=seed) for seed in (1, 2)]
    for client in clients:
        client.saturate()
    clock.run(15 * MINUTE)
    assert account.share(120, MINUTE, 15 * MINUTE) >= 0.98
    took = [len(client.delays[Call.SUBMIT]) for client in clients]
    assert sum(took) ** 2 / (2 * sum(number**2 for number in took)) >= 0.87, "Jain's index"


# A 429 that lies


def ten_minutes(call: Call, numbers: Sequence[int] = ()) -> int:
    account = Account(FixedWindow(60), spurious={call: numbers})
    client = Client(account)
    client.saturate(20, then=(lambda: client.poll_later(polls=1)) if call is Call.POLL else None)
    client.run(10)
    return len(account.accepted)


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
def test_one_spurious_429_costs_a_hundredth_of_ten_minutes_wherever_it_falls(call: Call) -> None:
    undisturbed = ten_minutes(call)
    for number in (1, 2, 3, 10, 59, 61, 100, 119, 121, 130, 200):
        assert ten_minutes(call, [number]) >= 0.99 * undisturbed, number


@pytest.mark.parametrize(("per_minute", "seed"), [(60, 1), (60, 2), (120, 1), (500, 1), (500, 2)])
def test_one_429_of_a_hundred_at_random_leaves_most_of_the_limit(per_minute: int, seed: int) -> None:
    account = Account(FixedWindow(per_minute), random=0.01)
    account.dice.seed(seed)
    saturated(account, 10 if per_minute < 500 else 6)
    assert account.share(per_minute, MINUTE, (10 if per_minute < 500 else 6) * MINUTE) >= 0.93


def longest_delay(client: Client, since: float) -> float:
    """How long a submit waited that came after a moment."""
    waited = [delay for came_at, delay in client.delays[Call.SUBMIT] if came_at >= since]
    queued = [client.clock.now - came_at for came_at, _ in client.waiting[Call.SUBMIT]]
    assert waited
    return max([*waited, *queued])


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
@pytest.mark.parametrize("hint", [None, 5.0])
def test_a_web_back_end_without_a_limit_is_not_slowed_by_a_spurious_429(
    call: Call, hint: float | None
) -> None:
    """A swap a minute, and 30 a minute later: what was learned in the quiet time must not hold them up."""
    account = Account(FixedWindow(1e9), spurious={call: [5]}, hint=hint)
    client = Client(account)
    client.arrive(lambda now: 60.0 if now < 600 else 2.0)
    client.run(20)
    assert longest_delay(client, 0.0) <= 7.0
    assert client.rules.state.rate is None


@pytest.mark.parametrize("random", [0.003, 0.01])
def test_demand_below_the_limit_is_not_delayed_by_what_429s_at_random_have_taught(random: float) -> None:
    account = Account(FixedWindow(60), random=random)
    client = Client(account)
    client.arrive(lambda now: 60.0 if now < 600 else 1.5)
    client.run(25)
    assert longest_delay(client, 0.0) <= 8.0


def test_a_client_that_had_met_the_limit_serves_a_later_demand_below_it_at_once() -> None:
    account = Account(FixedWindow(60))
    client = saturated(account, 5)
    client.waiting[Call.SUBMIT].clear()
    client.clock.run(6 * MINUTE)
    client.in_flight.clear()
    client.waiting[Call.SUBMIT].clear()
    arrived = client.clock.now
    client.arrive(lambda now: 1.5)
    client.run(10)
    assert longest_delay(client, arrived) <= 5.0


# Polls


@UNTOLD_TOLD
@pytest.mark.parametrize("per_minute", [60, 120])
def test_where_polls_count_this_is_found_and_submits_get_their_share(per_minute: int, is_told: bool) -> None:
    account = Account(FixedWindow(per_minute), is_told=is_told, polls_count=True)
    client = Client(account)
    client.saturate(400, then=lambda: client.poll_later(polls=2))
    client.run(9)
    assert client.rules.state.count_polls
    assert account.share(per_minute / 3, 5 * MINUTE, 9 * MINUTE) >= 0.9


@pytest.mark.parametrize("number", [1, 3, 20, 300])
def test_a_spurious_429_on_a_poll_does_not_make_polls_count(number: int) -> None:
    account = Account(FixedWindow(60), spurious={Call.POLL: [number]})
    client = Client(account)
    client.saturate(20, then=lambda: client.poll_later(polls=2))
    client.run(6)
    assert not client.rules.state.count_polls


def test_polls_that_meet_429s_at_random_do_not_count() -> None:
    account = Account(FixedWindow(60), random=0.01)
    client = Client(account)
    client.saturate(20, then=lambda: client.poll_later(polls=2))
    client.run(20)
    assert not client.rules.state.count_polls


def test_a_belief_that_polls_count_ends_where_they_do_not() -> None:
    account = Account(FixedWindow(60))
    client = Client(account)
    client.rules.believe_polls_count(0.0, until=600.0)
    client.saturate(20, then=lambda: client.poll_later(polls=2))
    client.run(18)
    assert not client.rules.state.count_polls
    assert account.share(60, 14 * MINUTE, 18 * MINUTE) >= 0.9


# What was given, or learned before


@UNTOLD_TOLD
def test_a_limit_that_was_given_too_high_is_lowered(is_told: bool) -> None:
    account = Account(FixedWindow(30), is_told=is_told)
    saturated(account, 15, given=RateLimit(requests_per_minute=60))
    assert account.share(30, 2 * MINUTE, 15 * MINUTE) >= 0.97


def test_a_limit_that_was_given_and_is_right_meets_no_429() -> None:
    account = Account(FixedWindow(60))
    saturated(account, 15, given=RateLimit(requests_per_minute=60))
    assert account.share(60, 0.0, 15 * MINUTE) >= 0.99
    assert account.limited == []


@pytest.mark.parametrize(("start_at", "limit"), [(60, 60), (30, 60), (500, 60), (60, 300)])
def test_a_rate_to_start_at_is_used_at_once_and_corrected(start_at: float, limit: int) -> None:
    account = Account(FixedWindow(limit))
    saturated(account, 12, given=RateLimit(start_at=start_at))
    first = account.in_minutes(1)[0]
    assert first == pytest.approx(min(start_at, limit), abs=1)
    assert account.share(limit, 5 * MINUTE, 12 * MINUTE) >= 0.97


# Odd services


@pytest.mark.parametrize("hint", [None, 0.0, 1.0, 120.0])
def test_a_service_that_refuses_everything_is_asked_a_few_times_a_minute_and_used_again_at_once(
    hint: float | None,
) -> None:
    account = Account(FixedWindow(step(0, 1e9, 60 * MINUTE)), hint=hint)
    account.spurious[Call.SUBMIT] = range(1, 10_000)
    client = Client(account)
    client.saturate()
    client.run(60)
    assert len(account.limited) <= 8 * 60 + 8
    assert account.accepted == []
    account.spurious.clear()
    account.service = FixedWindow(60)
    client.run(8)
    assert account.share(60, 64 * MINUTE, 68 * MINUTE) >= 0.95


def test_a_limit_below_the_lowest_that_is_documented_is_used_all_the_same() -> None:
    account = Account(FixedWindow(1))
    saturated(account, 20)
    assert account.in_minutes(20) == [1] * 20
    assert len(account.limited) <= 8 * 20


def test_hints_that_are_nonsense_leave_half_of_the_limit() -> None:
    account = Account(FixedWindow(60), random=0.01, hint=20.0)
    saturated(account, 15)
    assert account.share(60, MINUTE, 15 * MINUTE) >= 0.5


def test_a_limit_of_the_polls_alone_costs_the_submits_little() -> None:
    account = Account(FixedWindow(60), polls=FixedWindow(60))
    client = Client(account)
    client.saturate(20, then=lambda: client.poll_later(polls=1))
    client.run(30)
    assert account.share(60, 20 * MINUTE, 30 * MINUTE) >= 0.85


@pytest.mark.parametrize("call", [Call.UPLOAD, Call.CREDITS])
def test_a_limit_of_uploads_or_credits_says_nothing_about_submits(call: Call) -> None:
    account = Account(FixedWindow(1e9), spurious={call: range(1, 1000)})
    client = Client(account)
    client.arrive(lambda now: 2.0)
    for _ in range(5):
        client.send(call)
    client.run(5)
    assert client.rules.state.rate is None
    assert longest_delay(client, 0.0) == 0.0
    assert len(account.limited) <= 8 * 5 + 5
