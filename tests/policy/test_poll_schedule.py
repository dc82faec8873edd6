"""When to poll a job next, and when to believe that it is gone."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._config import PollPolicy, RetryPolicy
from segmind_swap._errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    SwapError,
)
from segmind_swap._models import SwapState, SwapStatus
from segmind_swap._policy.poll_schedule import ENDS_POLLING, PollHistory, first_poll_age, next_poll

AT_ONCE = RetryPolicy(initial_delay=0)
ANSWER = SwapStatus(state=SwapState.PROCESSING)
FAILURE = ConnectionFailedError("no answer")
MISSING = NotFoundError("no such job", status_code=404)
LIMITED = RateLimitError("later", status_code=429)


class Plan:
    """The polls of one job: its history, stepped."""

    def __init__(self, interval: float = 7.0, retry: RetryPolicy = AT_ONCE) -> None:
        self.history = PollHistory()
        self._policy = PollPolicy(interval=interval)
        self._retry = retry

    def after(self, seen: SwapStatus | SwapError, now: float = 0.0) -> float | None:
        delay, self.history = next_poll(self.history, seen, policy=self._policy, retry=self._retry, now=now)
        return delay


@pytest.mark.parametrize(("first_after", "expected"), [(None, 7.0), (0.0, 0.0), (60.0, 60.0)])
def test_the_first_poll_comes_at_the_age_that_was_asked_for(
    first_after: float | None, expected: float
) -> None:
    assert first_poll_age(PollPolicy(interval=7.0, first_after=first_after)) == expected


@pytest.mark.parametrize("interval", [0.1, 7.0, 60.0])
def test_after_an_answer_the_next_poll_comes_after_the_interval(interval: float) -> None:
    plan = Plan(interval)
    assert [plan.after(ANSWER) for _ in range(5)] == [interval] * 5


@pytest.mark.parametrize(
    "failure",
    [FAILURE, ResponseError("not JSON"), ServerError("500", status_code=500), SwapError("anything")],
)
def test_after_a_failure_the_next_poll_never_comes_sooner_than_usual(failure: SwapError) -> None:
    plan = Plan(7.0, retry=RetryPolicy(initial_delay=1.0, max_delay=30.0))
    delays = [plan.after(failure) or 0.0 for _ in range(500)]
    assert min(delays) == 7.0
    assert delays[:3] == [7.0] * 3
    assert 20.0 < max(delays) <= 30.0


def test_an_answer_ends_a_series_of_failures() -> None:
    plan = Plan(1.0, retry=RetryPolicy(initial_delay=1.0, max_delay=1e6))
    for _ in range(20):
        plan.after(FAILURE)
    plan.after(ANSWER)
    assert plan.after(FAILURE) == 1.0


def test_a_short_backoff_does_not_make_a_long_interval_shorter() -> None:
    plan = Plan(60.0, retry=RetryPolicy(max_delay=1.0))
    assert {plan.after(FAILURE) for _ in range(50)} == {60.0}
    assert {plan.after(MISSING, 0.0) for _ in range(50)} == {60.0}


def test_a_429_is_no_failure_and_changes_nothing() -> None:
    plan = Plan(retry=RetryPolicy(initial_delay=1e3, max_delay=1e6))
    plan.after(MISSING, 5.0)
    before = plan.history
    assert [plan.after(LIMITED, 9.0) for _ in range(3)] == [7.0] * 3
    assert plan.history == before == PollHistory(failures=1, missing=1, missing_since=5.0)


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
    plan = Plan(interval)
    assert [plan.after(MISSING, time) is None for time in times] == believed


@pytest.mark.parametrize("between", [ANSWER, FAILURE], ids=["an answer", "a failure"])
def test_any_other_answer_between_starts_the_count_and_the_clock_again(
    between: SwapStatus | SwapError,
) -> None:
    plan = Plan()
    assert plan.after(MISSING, 0.0) is not None
    assert plan.after(MISSING, 100.0) is not None
    plan.after(between)
    assert plan.after(MISSING, 200.0) is not None
    assert plan.after(MISSING, 215.0) is not None
    assert plan.after(MISSING, 229.0) is not None
    assert plan.after(MISSING, 230.0) is None


def test_a_job_that_stays_gone_stays_believed_to_be_gone() -> None:
    plan = Plan()
    for time in (0.0, 15.0):
        plan.after(MISSING, time)
    assert [plan.after(MISSING, time) for time in (30.0, 31.0, 1000.0)] == [None] * 3


@settings(max_examples=150, deadline=None, database=None)
@given(
    st.floats(0.1, 600),
    st.floats(0, 100),
    st.lists(st.tuples(st.sampled_from(["answer", "failure", "missing"]), st.floats(0, 100)), max_size=30),
)
def test_whatever_happens_no_delay_is_shorter_than_the_interval_and_the_end_is_deserved(
    interval: float, longest: float, happenings: list[tuple[str, float]]
) -> None:
    plan = Plan(interval, retry=RetryPolicy(max_delay=longest))
    seen: dict[str, SwapStatus | SwapError] = {"answer": ANSWER, "failure": FAILURE, "missing": MISSING}
    now = 0.0
    missing: list[float] = []
    for what, after in happenings:
        now += after
        delay = plan.after(seen[what], now)
        missing = [*missing, now] if what == "missing" else []
        assert plan.history.missing == len(missing)
        if delay is None:
            assert len(missing) >= 3
            assert missing[-1] - missing[0] >= max(30.0, 2 * interval)
        else:
            assert interval <= delay <= max(interval, longest)


def test_the_history_is_a_plain_value_that_a_row_can_hold_and_a_step_changes_no_history() -> None:
    history = PollHistory(failures=2, missing=1, missing_since=7.5)
    assert PollHistory(**json.loads(json.dumps(asdict(history)))) == history
    next_poll(history, MISSING, policy=PollPolicy(), retry=AT_ONCE, now=9.0)
    assert history == PollHistory(2, 1, 7.5)
    assert PollHistory() == PollHistory(failures=0, missing=0, missing_since=None)


def test_what_the_next_poll_would_only_repeat_ends_the_polls() -> None:
    assert set(ENDS_POLLING) == {ConfigurationError}


REFUSED = (AuthenticationError("no", status_code=401), PermissionDeniedError("no", status_code=403))


@pytest.mark.parametrize("refusal", REFUSED, ids=["401", "403"])
def test_a_refusal_before_any_answer_ends_the_polls(refusal: SwapError) -> None:
    assert Plan().after(refusal) is None


@pytest.mark.parametrize("refusal", REFUSED, ids=["401", "403"])
@pytest.mark.parametrize(("interval", "delay"), [(0.1, 10.0), (7.0, 10.0), (60.0, 60.0)])
def test_a_refusal_after_an_answer_is_asked_again_three_times_over_thirty_seconds(
    refusal: SwapError, interval: float, delay: float
) -> None:
    plan = Plan(interval)
    plan.after(ANSWER)
    assert [plan.after(refusal, n * delay) for n in range(4)] == [delay, delay, delay, None]


def test_only_refusals_in_a_row_end_the_polls() -> None:
    plan = Plan()
    plan.after(ANSWER)
    for between in (ANSWER, FAILURE, MISSING):
        for n in range(3):
            assert plan.after(REFUSED[1], n * 10.0) == 10.0
        plan.after(between, 30.0)
    assert plan.after(REFUSED[1], 40.0) == 10.0
    for n in range(3):
        plan.after(LIMITED, 41.0 + n)
    assert [plan.after(REFUSED[1], at) for at in (50.0, 60.0, 70.0)] == [10.0, 10.0, None]


def test_a_refusal_with_a_passing_cause_is_asked_again_although_nothing_was_answered() -> None:
    delays, history = [], PollHistory()
    for n in range(4):
        delay, history = next_poll(
            history, REFUSED[1], policy=PollPolicy(), retry=AT_ONCE, now=n * 10.0, may_pass=n == 0
        )
        delays.append(delay)
    assert delays == [10.0, 10.0, 10.0, None]


@pytest.mark.parametrize("seen", [FAILURE, MISSING, LIMITED, ServerError("no", status_code=501)])
def test_the_next_poll_waits_for_the_time_that_the_server_names(seen: SwapError) -> None:
    delay, _ = next_poll(PollHistory(), seen, policy=PollPolicy(), retry=AT_ONCE, now=0.0, hint=50.0)
    assert delay == 50.0


def test_an_answer_without_a_picture_is_asked_for_three_times() -> None:
    history, unreadable = PollHistory(), OutputError("there is no picture", body=b"{}")
    delays = []
    for seen in (unreadable, ServerError("it broke", status_code=500), unreadable, MISSING, unreadable):
        delay, history = next_poll(history, seen, policy=PollPolicy(), retry=AT_ONCE, now=0.0)
        delays.append(delay)
    assert delays == [7.0, 7.0, 7.0, 7.0, None]
    _, history = next_poll(PollHistory(unreadable=2), ANSWER, policy=PollPolicy(), retry=AT_ONCE, now=0.0)
    assert history == PollHistory(was_answered=True)
