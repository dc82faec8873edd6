"""What an episode of 429s shows, to the number. Moments are given; nothing runs."""

from __future__ import annotations

import pytest

from segmind_swap._policy.rate.episode import at_least, conclude, more_than
from segmind_swap._policy.rate.state import Closure, RateState, Stage


def evenly(count: int, begin: float, seconds: float) -> list[float]:
    """So many moments after `begin`, the last one at the end of the stretch."""
    return [begin + seconds * (number + 1) / count for number in range(count)]


def a_state(rate: float | None = 60.0, *, accepted: list[float] | None = None) -> RateState:
    """A busy client that has used 60 a minute until 200 s, for three minutes."""
    return RateState(
        rate=rate,
        submits=evenly(180, 20.0, 180.0) if accepted is None else accepted,
        first_at=20.0,
        since=20.0,
        busy_since=20.0,
        is_busy=True,
        next_at=201.0,
    )


def an_episode(
    failed_at: float = 200.0,
    *,
    trials: int = 2,
    is_told: bool = False,
    was_busy: bool = True,
) -> Closure:
    return Closure(
        trials=trials,
        is_told=is_told,
        was_busy=was_busy,
        last_failed_at=failed_at,
        met_at=failed_at,
        window=2,
    )


def stage_of(state: RateState) -> Stage:
    """The stage, which a type checker does not take for the one before."""
    return state.stage


def concluded(
    state: RateState, closure: Closure, accepted_at: float | None = None, *, given: float | None = None
) -> RateState:
    at = closure.last_failed_at + 1.0 if accepted_at is None else accepted_at
    conclude(state, closure, at, given=given)
    return state


def test_more_is_two_of_a_hundred_or_one() -> None:
    assert more_than(RateState(rate=49.0)) == 1.0
    assert more_than(RateState(rate=500.0)) == 10.0
    assert more_than(RateState()) == 1.0


def test_no_limit_is_believed_to_be_lower_than_five() -> None:
    assert at_least(3.0) == 5.0
    assert at_least(7.0) == 7.0


# The bracket


def test_an_unknown_limit_is_what_was_accepted_in_the_minute_before_the_last_failed_trial() -> None:
    state = concluded(a_state(None, accepted=evenly(42, 100.0, 90.0)), an_episode(200.0))
    assert state.rate == 42 * 50 // 90 + 1 == 24
    assert state.reason == "found by a 429"
    assert (state.stage, state.since) == (Stage.HOLD, 201.0)


@pytest.mark.parametrize("rate", [59.5, 60.0])
def test_a_rate_inside_the_bracket_stays(rate: float) -> None:
    state = concluded(a_state(rate), an_episode())
    assert (state.rate, state.changes) == (rate, 0)


def test_a_rate_below_what_was_accepted_rises_at_once() -> None:
    state = concluded(a_state(40.0), an_episode())
    assert state.rate == 60.0
    assert state.reason == "429s showed that the limit is higher"


def test_a_rate_above_what_was_accepted_falls_with_the_second_episode_to_the_larger_of_both() -> None:
    state = concluded(a_state(100.0), an_episode(200.0))
    assert (state.rate, state.low_at, state.low) == (100.0, 200.0, 60.0)
    state.submits = evenly(50, 240.0, 60.0)
    concluded(state, an_episode(300.0))
    assert state.rate == 60.0
    assert state.reason == "429s showed that the limit is lower"


@pytest.mark.parametrize(("later", "falls"), [(150.0, True), (150.1, False)])
def test_a_second_episode_counts_for_two_windows_and_a_bit(later: float, falls: bool) -> None:
    state = concluded(a_state(100.0), an_episode(200.0))
    failed_at = 200.0 + later
    state.submits = evenly(50, failed_at - 60.0, 60.0)
    concluded(state, an_episode(failed_at))
    assert state.rate == (60.0 if falls else 100.0)


def test_what_met_a_client_with_nobody_waiting_changes_nothing_but_begins_the_minute_anew() -> None:
    state = concluded(a_state(100.0), an_episode(was_busy=False))
    concluded(state, an_episode(260.0, was_busy=False))
    assert (state.rate, state.changes, state.low_at) == (100.0, 0, None)
    assert state.since == 261.0


def test_a_first_guess_is_replaced_by_the_first_episode_in_either_direction() -> None:
    for guess in (30.0, 1000.0):
        state = a_state(guess)
        state.is_guess = True
        concluded(state, an_episode())
        assert (state.rate, state.is_guess) == (60.0, False)


def test_the_limit_of_a_quiet_client_is_no_lower_than_five() -> None:
    assert concluded(a_state(None, accepted=[150.0]), an_episode()).rate == 5.0


def test_what_was_given_is_never_exceeded_by_what_is_believed() -> None:
    assert concluded(a_state(40.0), an_episode(), given=50.0).rate == 50.0
    assert concluded(a_state(1.0, accepted=[150.0, 199.0]), an_episode(), given=2.0).rate == 2.0


@pytest.mark.parametrize(("first_at", "stage"), [(152.0, Stage.GROW), (151.0, Stage.HOLD)])
def test_a_limit_that_was_met_soon_after_the_first_request_is_a_part_only(
    first_at: float, stage: Stage
) -> None:
    state = a_state(None)
    state.first_at = first_at
    concluded(state, an_episode())
    assert state.stage is stage


def test_after_a_limit_that_was_used_up_nothing_is_made_up_for() -> None:
    state = a_state()
    state.next_at = 150.0
    concluded(state, an_episode(), 230.0)
    assert (state.next_at, state.shift, state.used_up_at) == (230.0, 0.5, 230.0)


# The begin of a window


def test_the_begin_of_a_window_is_between_the_last_failed_and_the_first_accepted_request() -> None:
    state = concluded(a_state(), an_episode(200.0), 202.0)
    assert (state.phase_after, state.phase) == (200.0, 202.0)


def test_a_long_wait_of_the_clients_own_says_nothing_about_the_begin_of_a_window() -> None:
    state = concluded(a_state(), an_episode(200.0), 216.0)
    assert (state.phase_after, state.phase) == (None, None)
    concluded(state, an_episode(300.0, is_told=True), 316.0)
    assert (state.phase_after, state.phase) == (300.0, 316.0)


def test_each_episode_narrows_the_begin_of_a_window() -> None:
    state = concluded(a_state(), an_episode(200.0), 202.0)
    concluded(state, an_episode(320.5), 321.5)
    assert (state.phase_after, state.phase) == (320.5, 321.5)
    concluded(state, an_episode(379.0), 381.0)
    assert (state.phase_after, state.phase) == (380.5, 381.0)


def test_a_begin_that_contradicts_the_one_before_replaces_it() -> None:
    state = concluded(a_state(), an_episode(200.0), 202.0)
    concluded(state, an_episode(290.0), 292.0)
    assert (state.phase_after, state.phase) == (290.0, 292.0)


def test_the_first_guess_of_a_window_is_replaced_and_not_narrowed() -> None:
    state = a_state()
    state.phase = 20.0
    concluded(state, an_episode(200.5), 201.5)
    assert (state.phase_after, state.phase) == (200.5, 201.5)


# 429s of which the next request is accepted at once


def isolated(state: RateState, *moments: float, was_busy: bool = True) -> RateState:
    for moment in moments:
        concluded(state, an_episode(moment, trials=1, was_busy=was_busy))
    return state


def test_two_isolated_429s_in_a_minute_change_nothing() -> None:
    state = isolated(a_state(), 190.0, 200.0)
    assert (state.rate, state.changes, state.since) == (60.0, 0, 20.0)
    assert state.noise == [190.0, 200.0]


def test_the_third_in_a_minute_is_measured_by_what_was_accepted() -> None:
    state = isolated(a_state(100.0), 180.0, 190.0, 200.0)
    assert state.rate == 60.0
    assert state.reason == "too many 429s, one at a time"
    assert stage_of(state) is Stage.HOLD
    assert state.since == 201.0


def test_isolated_429s_of_more_than_a_minute_ago_are_forgotten() -> None:
    assert isolated(a_state(100.0), 139.0, 190.0, 200.0).rate == 100.0


def test_of_many_requests_three_in_a_hundred_may_meet_one() -> None:
    state = a_state(600.0, accepted=evenly(720, 140.0, 72.0))
    for number in range(18):
        isolated(state, 201.0 + number / 20)
    assert state.changes == 0
    state.rate = 900.0
    assert isolated(state, 202.0).rate == 600.0


def test_what_is_measured_is_the_faster_of_the_minute_and_the_time_since_the_rate_was_believed() -> None:
    state = a_state(100.0, accepted=[*evenly(10, 140.0, 30.0), *evenly(45, 170.0, 30.0)])
    state.since = 170.0
    isolated(state, 198.0, 199.0, 200.0)
    assert state.rate == 90.0


def test_less_than_five_seconds_are_not_measured() -> None:
    state = a_state(100.0)
    state.busy_since = 196.0
    isolated(state, 198.0, 199.0, 200.0)
    assert (state.rate, state.changes) == (100.0, 0)


def test_isolated_429s_without_anybody_waiting_change_no_rate() -> None:
    assert isolated(a_state(100.0), 180.0, 190.0, 200.0, was_busy=False).rate == 100.0


def test_after_an_isolated_429_the_known_pace_goes_on_without_a_window() -> None:
    closure = an_episode(200.0, trials=1)
    state = concluded(a_state(), closure)
    assert closure.window is None
    assert state.next_at == 202.0, "no request early: a sliding log has no room"
    closure = an_episode(200.0, trials=1)
    state = concluded(a_state(None), closure)
    assert closure.window == 2
    assert (state.next_at, state.rate) == (201.0, None)


def test_an_isolated_429_ends_a_lean_minute_that_was_quiet_before() -> None:
    state = a_state()
    state.begin_lean(150.0, extra=1.2)
    isolated(state, 200.0)
    assert (state.stage, state.rate, state.hold) == (Stage.HOLD, 60.0, 60.0)


def test_a_lean_minute_that_ends_in_its_first_half_is_tried_again_after_two_minutes() -> None:
    for failed_at, hold in ((178.9, 120.0), (179.1, 60.0)):
        state = a_state()
        state.begin_lean(150.0, extra=1.2)
        isolated(state, failed_at)
        assert (state.stage, state.hold) == (Stage.HOLD, hold)


def test_a_lean_minute_goes_on_while_it_is_no_louder_than_the_minute_before() -> None:
    state = a_state()
    state.noise = [110.0, 120.0]
    state.begin_lean(150.0, extra=1.2)
    isolated(state, 160.0, 170.0, 180.0)
    assert stage_of(state) is Stage.LEAN
    isolated(state, 190.0)
    assert stage_of(state) is Stage.HOLD


def test_growth_ends_when_more_than_three_of_a_hundred_meet_a_429() -> None:
    state = a_state(60.0, accepted=evenly(100, 150.0, 40.0))
    state.begin_growth(150.0, extra=40.0)
    isolated(state, 197.0, 198.0)
    assert stage_of(state) is Stage.GROW
    isolated(state, 199.0)
    assert stage_of(state) is Stage.GROW
    isolated(state, 200.0)
    assert (state.stage, state.rate) == (Stage.HOLD, 80.0)
    assert state.reason == "more was accepted, until 429s came"


def test_growth_never_makes_the_rate_exceed_what_was_given() -> None:
    state = a_state(60.0, accepted=[])
    state.begin_growth(150.0, extra=40.0)
    concluded(state, an_episode(200.0, trials=1), given=70.0)
    assert state.rate == 70.0


def test_a_sure_429_ends_growth_with_the_bracket() -> None:
    state = a_state(40.0)
    state.begin_growth(150.0, extra=40.0)
    concluded(state, an_episode(200.0))
    assert (state.stage, state.rate, state.extra) == (Stage.HOLD, 60.0, 0.0)
