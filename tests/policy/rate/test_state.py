"""The state of the rules: counting moments, and the stages."""

from __future__ import annotations

import pytest

from segmind_swap._models import Call
from segmind_swap._policy.rate.state import (
    RateState,
    Stage,
    add,
    count,
    count_before,
    first_after,
    forget,
)


def test_moments_are_counted_after_the_first_bound_and_up_to_the_second() -> None:
    moments = [1.0, 2.0, 2.0, 3.0]
    assert count(moments, 1.0, 3.0) == 3
    assert count(moments, 0.0, 2.0) == 3
    assert count_before(moments, 1.0, 3.0) == 2
    assert count([], 0.0, 9.0) == count_before([], 0.0, 9.0) == 0


def test_moments_are_kept_in_order_and_old_ones_are_forgotten() -> None:
    moments: list[float] = []
    for moment in (5.0, 3.0, 4.0, 70.0, 64.5):
        add(moments, moment, keep=60.0)
    assert moments == [64.5, 70.0]
    forget(moments, before=64.5)
    assert moments == [70.0]


def test_the_first_moment_after_another_is_found() -> None:
    assert first_after([1.0, 2.0, 3.0], 2.0) == 3.0
    assert first_after([1.0, 2.0, 3.0], 0.0) == 1.0
    assert first_after([1.0], 1.0) is None


def test_polls_are_counted_among_the_accepted_while_they_count() -> None:
    state = RateState(submits=[1.0, 5.0], polls=[2.0, 5.0])
    assert (state.accepted(0.0, 5.0), state.accepted_before(0.0, 5.0)) == (2, 1)
    state.count_polls = True
    assert (state.accepted(0.0, 5.0), state.accepted_before(0.0, 5.0)) == (4, 2)


@pytest.mark.parametrize(
    ("latency", "until", "lately"), [(0.0, 100.0, 1), (10.0, 90.0, 3), (20.0, 80.0, 1), (500.0, 70.0, 0)]
)
def test_what_was_accepted_lately_is_counted_up_to_the_answers_that_are_known(
    latency: float, until: float, lately: int
) -> None:
    state = RateState(submits=[70.5, 80.1, 85.0, 90.0, 90.1], latency=latency)
    assert state.answered_until(100.0) == until
    assert state.accepted_lately(10.0, 100.0) == lately


def test_each_stage_begins_with_what_it_needs() -> None:
    state = RateState(rate=60.0, noise=[10.0, 90.0, 100.0], hold=120.0)
    state.begin_lean(120.0, extra=2.0)
    assert (state.stage, state.since, state.extra, state.quiet, state.noise) == (
        Stage.LEAN,
        120.0,
        2.0,
        2,
        [],
    )
    state.bad = 5
    state.begin_growth(180.0, extra=3.0)
    assert (state.stage, state.since, state.extra, state.bad, state.grown_at) == (
        Stage.GROW,
        180.0,
        3.0,
        0,
        180.0,
    )
    assert state.hold == 60.0
    state.begin_hold(200.0)
    assert (state.stage, state.since, state.extra) == (Stage.HOLD, 200.0, 0.0)


def test_a_belief_is_counted_as_a_change_only_if_it_is_another() -> None:
    state = RateState()
    state.believe(60.0, "found")
    state.believe(60.0, "found again")
    assert (state.rate, state.reason, state.changes) == (60.0, "found", 1)
    state.believe(80.0, "more", at_most=70.0)
    assert (state.rate, state.reason, state.changes) == (70.0, "more", 2)
    state.believe(90.0, "still more", at_most=70.0)
    assert (state.reason, state.changes) == ("more", 2)


def test_there_is_a_closure_for_each_kind_of_call_but_downloads() -> None:
    assert set(RateState().closures) == set(Call) - {Call.DOWNLOAD}
    assert RateState().closures[Call.POLL] is not RateState().closures[Call.POLL]
