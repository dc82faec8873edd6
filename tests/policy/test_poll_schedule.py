"""When to look at a job next, and when to believe that it is gone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._config import PollPolicy, RetryPolicy
from segmind_swap._policy.poll_schedule import Schedule

AT_ONCE = RetryPolicy(initial_delay=0)


def schedule(
    interval: float = 7.0, first_after: float | None = None, retry: RetryPolicy = AT_ONCE
) -> Schedule:
    return Schedule(PollPolicy(interval=interval, first_after=first_after), retry)


@pytest.mark.parametrize(("first_after", "expected"), [(None, 7.0), (0.0, 0.0), (60.0, 60.0)])
def test_the_first_poll_comes_at_the_age_that_was_asked_for(
    first_after: float | None, expected: float
) -> None:
    assert schedule(first_after=first_after).first() == expected


@pytest.mark.parametrize("interval", [0.1, 7.0, 60.0])
def test_after_an_answer_the_next_poll_comes_after_the_interval(interval: float) -> None:
    plan = schedule(interval)
    assert [plan.after_answer() for _ in range(5)] == [interval] * 5


def test_after_a_failure_the_next_poll_never_comes_sooner_than_usual() -> None:
    plan = schedule(7.0, retry=RetryPolicy(initial_delay=1.0, max_delay=30.0))
    delays = [plan.after_failure() for _ in range(500)]
    assert min(delays) == 7.0
    assert delays[:3] == [7.0] * 3
    assert 20.0 < max(delays) <= 30.0


def test_an_answer_ends_a_series_of_failures() -> None:
    plan = schedule(1.0, retry=RetryPolicy(initial_delay=1.0, max_delay=1e6))
    for _ in range(20):
        plan.after_failure()
    plan.after_answer()
    assert plan.after_failure() == 1.0


def test_a_short_backoff_does_not_make_a_long_interval_shorter() -> None:
    plan = schedule(60.0, retry=RetryPolicy(max_delay=1.0))
    assert {plan.after_failure() for _ in range(50)} == {60.0}
    assert {plan.after_missing(0.0) for _ in range(50)} == {60.0}


# "No such job"


@pytest.mark.parametrize(
    ("interval", "times", "believed"),
    [
        (7.0, [0, 7, 14, 21, 28, 35], [False, False, False, False, False, True]),
        (7.0, [0, 15, 30], [False, False, True]),
        (7.0, [0, 15, 29.9, 30], [False, False, False, True]),
        (7.0, [0, 3600], [False, False]),
        (7.0, [0, 3600, 3601], [False, False, True]),
        (60.0, [0, 60, 119, 120], [False, False, False, True]),
        (1.0, [0, 1, 2, 3, 30], [False, False, False, False, True]),
        (7.0, [1000, 1007, 1029, 1030], [False, False, False, True]),
        (7.0, [-100, -85, -70], [False, False, True]),
    ],
)
def test_it_takes_three_answers_over_two_intervals_and_thirty_seconds(
    interval: float, times: list[float], believed: list[bool]
) -> None:
    plan = schedule(interval)
    assert [plan.after_missing(time) is None for time in times] == believed


@pytest.mark.parametrize("between", ["after_answer", "after_failure"])
def test_any_other_answer_between_starts_the_count_and_the_clock_again(between: str) -> None:
    plan = schedule()
    assert plan.after_missing(0.0) is not None
    assert plan.after_missing(100.0) is not None
    getattr(plan, between)()
    assert plan.after_missing(200.0) is not None
    assert plan.after_missing(215.0) is not None
    assert plan.after_missing(229.0) is not None
    assert plan.after_missing(230.0) is None


def test_a_job_that_stays_gone_stays_believed_to_be_gone() -> None:
    plan = schedule()
    for time in (0.0, 15.0):
        plan.after_missing(time)
    assert [plan.after_missing(time) for time in (30.0, 31.0, 1000.0)] == [None] * 3


@settings(max_examples=150, deadline=None, database=None)
@given(
    st.floats(0.1, 600),
    st.floats(0, 100),
    st.lists(st.tuples(st.sampled_from(["answer", "failure", "missing"]), st.floats(0, 100)), max_size=30),
)
def test_whatever_happens_no_delay_is_shorter_than_the_interval_and_the_end_is_deserved(
    interval: float, longest: float, happenings: list[tuple[str, float]]
) -> None:
    plan = schedule(interval, retry=RetryPolicy(max_delay=longest))
    now = 0.0
    missing: list[float] = []
    for what, after in happenings:
        now += after
        match what:
            case "answer":
                delay: float | None = plan.after_answer()
            case "failure":
                delay = plan.after_failure()
            case _:
                delay = plan.after_missing(now)
        missing = [*missing, now] if what == "missing" else []
        if delay is None:
            assert len(missing) >= 3
            assert missing[-1] - missing[0] >= max(30.0, 2 * interval)
        else:
            assert interval <= delay <= max(interval, longest)
