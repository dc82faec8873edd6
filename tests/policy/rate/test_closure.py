"""How long a 429 closes the way, and when an episode of 429s shows that the limit was used up."""

from __future__ import annotations

import pytest

from segmind_swap._config import RetryPolicy
from segmind_swap._policy.rate.closure import fail, is_sure, lasted, prolong, shows_phase, widen
from segmind_swap._policy.rate.state import Closure


def failed(
    closure: Closure,
    now: float,
    *,
    hint: float | None = None,
    rate: float | None = None,
    window_at: float | None = None,
    retry: RetryPolicy | None = None,
    jitter: float = 1.0,
) -> float:
    """Seconds until the way reopens after a 429 to a request that left at `now`, answered at once."""
    fail(
        closure,
        left_at=now,
        now=now,
        hint=hint,
        rate=rate,
        window_at=window_at,
        retry=retry or RetryPolicy(),
        jitter=jitter,
    )
    return closure.opens_at - now


def waits(count: int, **settings: float | RetryPolicy | None) -> list[float]:
    """The waits after 429s in a row, each to the lone trial after the wait before."""
    closure, now, found = Closure(), 100.0, []
    for _ in range(count):
        found.append(failed(closure, now, **settings))  # type: ignore[arg-type]
        now = closure.opens_at
    return found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1, 2, 4, 8, 16, 16, 16]),
        ({"retry": RetryPolicy(initial_delay=2.0)}, [2, 4, 8, 16, 30, 30]),
        ({"retry": RetryPolicy(initial_delay=2.0, max_delay=600)}, [2, 4, 8, 16, 32, 32]),
        ({"retry": RetryPolicy(initial_delay=0.0)}, [0.5, 0.5, 0.5]),
        ({"retry": RetryPolicy(max_delay=0.0)}, [0.5, 0.5, 0.5]),
        ({"rate": 60.0}, [1, 2, 4, 8, 16, 16]),
        ({"rate": 600.0}, [0.5, 1, 2, 4, 8, 16, 16]),
        ({"rate": 1e6}, [0.25, 0.5, 1, 2, 4, 8, 16, 16]),
        ({"rate": 600.0, "retry": RetryPolicy(initial_delay=0.0)}, [0.25, 0.25]),
        ({"jitter": 1.2}, [1.2, 2.4, 4.8]),
    ],
)
def test_without_a_hint_each_wait_is_twice_the_one_before_up_to_a_bound(
    settings: dict[str, float | RetryPolicy], expected: list[float]
) -> None:
    assert waits(len(expected), **settings) == pytest.approx(expected)


def test_the_waits_stay_bounded_where_a_service_refuses_for_days() -> None:
    assert waits(5000)[-1] == 16.0


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (0.0, [0.5, 2, 4, 8, 16, 16]),
        (1.0, [1, 2, 4, 8, 16, 16]),
        (3.0, [3, 3, 4, 8, 16, 16]),
        (3.5, [3.5, 3.5, 3.5, 3.5]),
        (60.0, [60, 60, 60]),
    ],
)
def test_a_long_hint_is_obeyed_as_it_is_and_a_short_one_that_proves_too_early_escalates(
    hint: float, expected: list[float]
) -> None:
    assert waits(len(expected), hint=hint) == pytest.approx(expected)


def test_a_hint_after_a_429_without_one_is_obeyed() -> None:
    closure = Closure()
    failed(closure, 0.0)
    assert failed(closure, 1.0, hint=40.0) == 40.0
    assert closure.is_told
    assert closure.told_until == 41.0


@pytest.mark.parametrize(
    ("window_in", "expected"),
    [(0.2, 1.0), (0.25, 0.25), (1.4, 1.4), (1.5, 1.5), (1.6, 1.0), (59.0, 1.0)],
)
def test_a_trial_is_put_off_or_brought_forward_to_a_window_that_is_near(
    window_in: float, expected: float
) -> None:
    # A wait for a known rate may be as short as a quarter of a second.
    closure = Closure()
    wait = failed(closure, 100.0, rate=60.0, window_at=100.0 + window_in)
    assert wait == pytest.approx(expected)
    is_aimed = expected == window_in
    assert closure.failures == (0 if is_aimed else 1)
    assert closure.trials == 1, "the episode goes on, whatever the waits"
    assert failed(closure, closure.opens_at, rate=60.0) == pytest.approx(1.0 if is_aimed else 2.0)


def test_a_hint_is_worth_more_than_the_window_that_is_expected() -> None:
    assert failed(Closure(), 100.0, hint=20.0, window_at=101.0) == 20.0


def test_a_later_429_never_opens_the_way_earlier() -> None:
    closure = Closure()
    failed(closure, 0.0, hint=60.0)
    failed(closure, 1.0, hint=5.0)
    assert closure.opens_at == 60.0
    prolong(closure, now=2.0, hint=1.0)
    assert closure.opens_at == 60.0


def test_a_429_that_is_no_news_prolongs_by_its_hint_only() -> None:
    closure = Closure()
    failed(closure, 0.0)
    prolong(closure, now=0.5, hint=None)
    assert closure.opens_at == 1.0
    prolong(closure, now=0.5, hint=0.0)
    assert closure.opens_at == 1.0
    prolong(closure, now=0.9, hint=0.0)
    assert closure.opens_at == 1.4
    prolong(closure, now=1.0, hint=30.0)
    assert closure.opens_at == 31.0
    assert (closure.trials, closure.epoch, closure.is_told) == (1, 1, False)


def test_the_window_starts_at_one_doubles_and_ends_after_sixty_four() -> None:
    closure = Closure(window=32)
    failed(closure, 0.0)
    found = []
    for _ in range(7):
        found.append(closure.window)
        widen(closure)
    assert found == [1, 2, 4, 8, 16, 32, 64]
    assert closure.window is None
    widen(closure)
    assert closure.window is None
    prolong(closure, now=1.0, hint=None)
    assert closure.window == 1


def test_an_episode_begins_with_its_first_429_and_forgets_the_one_before() -> None:
    closure = Closure()
    failed(closure, 0.0, hint=10.0)
    failed(closure, 10.0)
    assert (closure.met_at, closure.last_failed_at, closure.trials, closure.epoch) == (0.0, 10.0, 2, 2)
    closure.is_open_episode = False
    assert failed(closure, 50.0) == 1.0
    assert (closure.met_at, closure.last_failed_at, closure.trials, closure.epoch) == (50.0, 50.0, 1, 3)
    assert not closure.is_told
    assert closure.told_until is None


@pytest.mark.parametrize(
    ("trials", "is_told", "passed_after", "expected"),
    [
        (1, False, 1.0, False),
        (1, False, 30.0, False),
        (2, False, 1.0, True),
        (1, True, 3.0, False),
        (1, True, 3.1, True),
        (2, True, 1.0, True),
    ],
)
def test_a_lone_429_may_be_an_accident_but_not_a_second_one_or_a_long_wait_that_was_told(
    trials: int, is_told: bool, passed_after: float, expected: bool
) -> None:
    closure = Closure(trials=trials, is_told=is_told, last_failed_at=100.0)
    assert is_sure(closure, 100.0 + passed_after) is expected


@pytest.mark.parametrize(
    ("is_told", "passed_after", "expected"),
    [(False, 2.9, True), (False, 3.0, False), (True, 40.0, True)],
)
def test_the_begin_of_a_window_is_known_if_the_trials_were_close_or_the_end_was_told(
    is_told: bool, passed_after: float, expected: bool
) -> None:
    closure = Closure(trials=2, is_told=is_told, last_failed_at=100.0)
    assert shows_phase(closure, 100.0 + passed_after) is expected


@pytest.mark.parametrize(("told_until", "end"), [(None, 7.0), (30.0, 28.0), (8.0, 7.0)])
def test_a_closure_lasted_until_its_last_trial_or_almost_until_the_told_time(
    told_until: float | None, end: float
) -> None:
    closure = Closure(met_at=1.0, last_failed_at=7.0, told_until=told_until)
    assert lasted(closure) == (1.0, end)
