"""What polls tell about how long swaps take, and when the first look is worth a request."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._config import PollPolicy
from segmind_swap._policy.durations import PRIOR, Durations
from segmind_swap._policy.poll_schedule import learned_first_poll_age


def known(*ages: float) -> Durations:
    durations = Durations()
    for age in ages:
        durations.add_lower_bound(age)
    return durations


def test_an_early_age_is_known_from_twenty_swaps_on_and_a_later_one_where_polls_are_scarce() -> None:
    assert known(*range(100, 119)).first_poll_age(is_scarce=False) is None
    assert known(*range(100, 120)).first_poll_age(is_scarce=False) == 101.0
    assert known(*range(100, 120)).first_poll_age(is_scarce=True) == 110.0


def test_one_in_twenty_of_the_last_128_ran_no_longer_than_the_early_age() -> None:
    durations = Durations()
    draw = random.Random(1)
    ages = [draw.lognormvariate(4.3, 0.3) for _ in range(500)]
    for age in ages:
        durations.add_lower_bound(age)
    latest = sorted(ages[-128:])
    assert durations.first_poll_age(is_scarce=False) == latest[6]


def test_what_was_long_ago_is_forgotten() -> None:
    durations = known(*[5.0] * 128, *[50.0] * 121)
    assert durations.first_poll_age(is_scarce=False) == 5.0
    durations.add_lower_bound(50.0)
    assert durations.first_poll_age(is_scarce=False) == 50.0


def test_a_job_that_was_done_at_the_first_look_counts_for_three_quarters_of_that_age() -> None:
    durations = Durations()
    for _ in range(20):
        durations.add_done_at_first_poll(40.0)
    assert durations.first_poll_age(is_scarce=False) == 30.0


def test_a_service_that_became_fast_is_noticed_within_a_few_swaps() -> None:
    durations = known(*[60.0] * 128)
    looks = 0
    while (early := durations.first_poll_age(is_scarce=False)) is not None and early > 5.0:
        durations.add_done_at_first_poll(early)
        looks += 1
    assert looks <= 9 * 7, "7 of 128 are one in twenty; each time, a quarter less"


def test_before_anything_is_known_one_of_many_is_looked_at_after_45_seconds_or_when_another_was_done() -> (
    None
):
    assert Durations().conservative == PRIOR == 45.0
    assert known(70.0).conservative == 45.0
    assert known(70.0, 12.0, 30.0).conservative == 12.0


def test_something_shorter_is_news_while_little_is_known_and_never_afterwards() -> None:
    durations = Durations()
    news = durations.changed
    durations.add_lower_bound(50.0)
    assert not news.is_set()
    durations.add_lower_bound(20.0)
    assert news.is_set()
    news = durations.changed
    durations.add_lower_bound(20.0)
    assert not news.is_set()
    for age in [60.0] * 17 + [1.0] * 10:
        durations.add_lower_bound(age)
    assert not news.is_set()


def test_one_scout_goes_at_a_time_and_none_once_something_is_known() -> None:
    durations = Durations()
    assert durations.try_probe()
    assert not durations.try_probe()
    durations.probe_done()
    assert durations.try_probe()
    durations.probe_done()
    durations.add_lower_bound(60.0)
    assert not durations.try_probe()


# What the schedule makes of it


@pytest.mark.parametrize(
    ("policy", "durations", "cautious", "expected"),
    [
        (PollPolicy(), Durations(), False, 7.0),
        (PollPolicy(), Durations(), True, 45.0),
        (PollPolicy(), known(20.0), True, 20.0),
        (PollPolicy(), known(20.0), False, 7.0),
        (PollPolicy(), known(3.0), True, 7.0),
        (PollPolicy(), known(*[60.0] * 20), False, 60.0),
        (PollPolicy(interval=90.0), known(*[60.0] * 20), True, 90.0),
        (PollPolicy(interval=90.0), Durations(), True, 90.0),
        (PollPolicy(first_after=30.0), Durations(), True, 30.0),
        (PollPolicy(first_after=0.0), Durations(), True, 0.0),
        (PollPolicy(first_after=30.0), known(*[60.0] * 20), False, 60.0),
        (PollPolicy(first_after=30.0), known(20.0), True, 30.0),
        (PollPolicy(learn=False), known(*[60.0] * 20), True, 7.0),
        (PollPolicy(learn=False, first_after=30.0), known(*[60.0] * 20), True, 30.0),
    ],
)
def test_the_first_look_is_at_the_early_age_or_else_as_was_asked_for(
    policy: PollPolicy, durations: Durations, cautious: bool, expected: float
) -> None:
    assert learned_first_poll_age(policy, durations, conservative=cautious) == expected


@given(st.floats(0.1, 100), st.lists(st.floats(0, 1000), max_size=200), st.booleans())
def test_no_first_look_that_was_learnt_comes_before_one_interval(
    interval: float, ages: list[float], cautious: bool
) -> None:
    policy = PollPolicy(interval=interval)
    assert learned_first_poll_age(policy, known(*ages), conservative=cautious) >= interval
