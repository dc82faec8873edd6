"""The rules, moment by moment. What they make of whole services is in `test_rules_services`."""

from __future__ import annotations

import math

import pytest

from segmind_swap._config import RateLimit, RetryPolicy
from segmind_swap._models import Call
from segmind_swap._policy.rate.rules import RateRules
from segmind_swap._policy.rate.state import Closure, Stage


def rules_of(
    requests_per_minute: float | None = None, *, start_at: float | None = None, count_polls: bool = False
) -> RateRules:
    return RateRules(
        RateLimit(requests_per_minute=requests_per_minute, start_at=start_at, count_polls=count_polls),
        RetryPolicy(),
    )


def stage_of(rules: RateRules) -> Stage:
    """The stage, which a type checker does not take for the one before."""
    return rules.state.stage


def limited(rules: RateRules, call: Call, left_at: float, *, hint: float | None = None) -> float:
    """A 429 to a request of the current epoch, answered at once."""
    epoch = rules.closure(call).epoch
    return rules.limited(call, left_at=left_at, epoch=epoch, now=left_at, hint=hint)


def accepted(rules: RateRules, call: Call, left_at: float, *, now: float | None = None) -> None:
    epoch = rules.closure(call).epoch
    rules.accepted(call, left_at=left_at, epoch=epoch, now=left_at if now is None else now)


def sent(rules: RateRules, count: int, begin: float, every: float, call: Call = Call.SUBMIT) -> float:
    """Sends so many requests of a busy client, each accepted at once. Returns when the next would leave."""
    for number in range(count):
        rules.leaves(call, begin + number * every, others_wait=True)
        accepted(rules, call, begin + number * every)
    return begin + count * every


def busy(rate: float, *, given: float | None = None) -> RateRules:
    """A client that has used its rate for a minute: the next request tries more."""
    rules = rules_of(given)
    rules.believe(rate, reason="a test")
    sent(rules, int(rate), 100.0, 60.0 / rate)
    return rules


# The pace


def test_without_a_rate_requests_leave_as_they_come() -> None:
    rules = rules_of()
    rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
    assert rules.ready_at(Call.SUBMIT, 100.0) <= 100.0
    assert rules.trying is None


def test_with_a_rate_each_request_leaves_an_interval_after_the_one_before() -> None:
    rules = rules_of(60)
    rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
    assert rules.ready_at(Call.SUBMIT, 100.0) == pytest.approx(100.95)
    rules.leaves(Call.SUBMIT, 100.95, others_wait=True)
    assert rules.ready_at(Call.SUBMIT, 101.0) == pytest.approx(101.95)
    assert rules.ready_at(Call.POLL, 101.0) <= 101.0
    assert rules.ready_at(Call.UPLOAD, 101.0) <= 101.0


def test_a_request_that_leaves_a_little_late_delays_no_other_and_a_pause_is_not_made_up_for() -> None:
    rules = rules_of(60)
    rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
    rules.leaves(Call.SUBMIT, 100.99, others_wait=True)
    assert rules.ready_at(Call.SUBMIT, 101.0) == pytest.approx(101.95)
    rules.leaves(Call.SUBMIT, 300.0, others_wait=True)
    assert rules.ready_at(Call.SUBMIT, 300.0) == pytest.approx(300.95)


def test_the_first_request_after_the_limit_was_used_up_puts_the_next_off_by_half_an_interval() -> None:
    rules = rules_of(60)
    rules.state.shift = 0.5
    rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
    assert rules.ready_at(Call.SUBMIT, 100.0) == pytest.approx(101.45)
    assert rules.state.shift == 0.0


def test_the_first_request_begins_the_clock_and_the_first_guess_of_a_window() -> None:
    rules = rules_of()
    rules.leaves(Call.POLL, 50.0, others_wait=False)
    assert rules.state.first_at is None, "a poll does not count"
    rules.leaves(Call.SUBMIT, 100.0, others_wait=False)
    state = rules.state
    assert state.first_at == state.since == state.busy_since == state.phase == state.used_up_at == 100.0
    rules.leaves(Call.SUBMIT, 110.0, others_wait=True)
    assert (state.first_at, state.busy_since) == (100.0, 100.0)
    rules.leaves(Call.SUBMIT, 120.0, others_wait=False)
    assert (state.busy_since, state.is_busy) == (120.0, False)


def test_requests_that_isolated_429s_have_cost_are_made_up_for_but_not_above_what_was_given() -> None:
    for given, interval in ((None, 0.9), (60.0, 1.0), (63.0, 60 / 63)):
        rules = rules_of(given)
        rules.state.rate = 60.0
        rules.state.hold = 1e9
        rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
        sent(rules, 56, 101.0, 1.0)
        accepted(rules, Call.SUBMIT, 161.0)
        assert stage_of(rules) is Stage.HOLD
        rules.state.next_at = 0.0
        rules.leaves(Call.SUBMIT, 162.0, others_wait=True)
        assert rules.ready_at(Call.SUBMIT, 162.0) == pytest.approx(161.95 + interval)


def test_a_minute_in_which_the_limit_was_used_up_or_nobody_waited_is_not_made_up_for() -> None:
    for used_up_at, busy_since in ((110.0, 100.0), (100.0, 110.0)):
        rules = rules_of()
        rules.state.rate = 60.0
        rules.state.hold = 1e9
        rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
        sent(rules, 56, 101.0, 1.0)
        accepted(rules, Call.SUBMIT, 161.0)
        rules.state.next_at = 0.0
        rules.state.used_up_at, rules.state.busy_since = used_up_at, busy_since
        rules.leaves(Call.SUBMIT, 162.0, others_wait=True)
        assert rules.ready_at(Call.SUBMIT, 162.0) == pytest.approx(162.95)


def test_answers_under_way_are_not_taken_for_requests_that_were_refused() -> None:
    rules = rules_of(start_at=60)
    rules.state.hold = 1e9
    for second in range(120):
        rules.leaves(Call.SUBMIT, 100.0 + second, others_wait=True)
        if second >= 20:
            rules.accepted(Call.SUBMIT, left_at=80.0 + second, epoch=0, now=100.0 + second)
    assert rules.ready_at(Call.SUBMIT, 219.0) == pytest.approx(220.0, abs=0.06), "no hurry"
    rules.state.hold = 60.0
    rules.leaves(Call.SUBMIT, 220.0, others_wait=True)
    assert stage_of(rules) is Stage.LEAN


# More than the believed rate


@pytest.mark.parametrize(
    ("rate", "given", "trying"), [(10, None, 11), (49, None, 50), (100, None, 102), (20, 20.5, 20.5)]
)
def test_after_a_busy_minute_two_of_a_hundred_more_are_tried_or_one_and_no_more_than_was_given(
    rate: float, given: float | None, trying: float
) -> None:
    rules = busy(rate, given=given)
    assert stage_of(rules) is Stage.HOLD
    rules.leaves(Call.SUBMIT, 160.0, others_wait=True)
    assert (rules.state.stage, rules.trying) == (Stage.LEAN, trying)


@pytest.mark.parametrize(
    ("at", "others_wait", "used"), [(159.9, True, 60), (160.0, False, 60), (160.0, True, 53)]
)
def test_nothing_more_is_tried_too_early_or_without_others_who_wait_or_while_less_was_used(
    at: float, others_wait: bool, used: int
) -> None:
    rules = rules_of(start_at=60)
    sent(rules, used, 100.0, 60.0 / used)
    rules.leaves(Call.SUBMIT, at, others_wait=others_wait)
    assert stage_of(rules) is Stage.HOLD


def test_where_the_given_rate_is_reached_nothing_more_is_tried() -> None:
    rules = busy(60, given=60)
    rules.leaves(Call.SUBMIT, 160.0, others_wait=True)
    assert (rules.state.stage, rules.trying, rules.is_at_most) == (Stage.HOLD, 60, True)


def test_a_first_guess_is_tried_as_soon_as_it_is_used() -> None:
    rules = rules_of()
    rules.believe(60.0, reason="a test", is_guess=True)
    sent(rules, 53, 100.0, 0.1)
    assert stage_of(rules) is Stage.HOLD
    sent(rules, 3, 105.3, 0.1)
    assert stage_of(rules) is Stage.LEAN


def test_after_a_lean_minute_the_addition_doubles_every_five_seconds_up_to_twice_what_is_accepted() -> None:
    rules = busy(60)
    rules.leaves(Call.SUBMIT, 160.0, others_wait=True)
    sent(rules, 60, 160.0, 1.0)
    assert stage_of(rules) is Stage.LEAN
    rules.leaves(Call.SUBMIT, 220.0, others_wait=True)
    assert (rules.state.stage, rules.state.extra) == (Stage.GROW, 1.2)
    rules.leaves(Call.SUBMIT, 225.0, others_wait=True)
    assert rules.state.extra == pytest.approx(2.4)
    rules.leaves(Call.SUBMIT, 240.0, others_wait=True)
    assert rules.state.extra == pytest.approx(19.2)
    accepted(rules, Call.SUBMIT, 240.0)
    rules.leaves(Call.SUBMIT, 300.0, others_wait=True)
    assert rules.state.extra == 60.0
    sent(rules, 25, 301.0, 0.1)
    rules.state.grown_at = 290.0
    rules.leaves(Call.SUBMIT, 310.9, others_wait=True)
    assert rules.state.extra == 2 * 25 * 6 - 60


def test_a_lean_minute_that_was_not_used_leads_back() -> None:
    rules = busy(60)
    rules.leaves(Call.SUBMIT, 160.0, others_wait=True)
    rules.leaves(Call.SUBMIT, 220.0, others_wait=False)
    assert (rules.state.stage, rules.state.rate) == (Stage.HOLD, 60.0)


def test_growth_ends_with_what_was_tried_when_nobody_waits() -> None:
    rules = rules_of()
    rules.believe(60.0, reason="a test")
    rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
    rules.state.begin_growth(100.0, extra=20.0)
    rules.leaves(Call.SUBMIT, 101.0, others_wait=False)
    assert (rules.state.stage, rules.state.rate) == (Stage.HOLD, 80.0)
    assert rules.state.reason == "more was accepted, until nobody waited"


def test_a_minute_that_is_held_longer_is_held_longer() -> None:
    rules = busy(60)
    rules.state.hold = 120.0
    sent(rules, 60, 160.0, 1.0)
    assert stage_of(rules) is Stage.HOLD
    rules.leaves(Call.SUBMIT, 220.0, others_wait=True)
    assert stage_of(rules) is Stage.LEAN


# In flight


def test_of_an_unknown_limit_eight_may_be_unanswered_and_twice_as_many_after_each_busy_minute() -> None:
    rules = rules_of()
    assert rules.most_in_flight(Call.SUBMIT, 0.0) == 8
    assert rules.most_in_flight(Call.POLL, 0.0) == math.inf
    assert rules.most_in_flight(Call.UPLOAD, 0.0) == math.inf
    now = sent(rules, 120, 100.0, 0.5)
    assert rules.most_in_flight(Call.SUBMIT, now) == 8
    now = sent(rules, 1, now, 0.5)
    assert rules.most_in_flight(Call.SUBMIT, now) == 16
    now = sent(rules, 119, now, 0.5)
    assert rules.most_in_flight(Call.SUBMIT, now) == 16
    now = sent(rules, 2, now, 0.5)
    assert rules.most_in_flight(Call.SUBMIT, now) == 32
    rules.leaves(Call.SUBMIT, now, others_wait=False)
    assert rules.most_in_flight(Call.SUBMIT, now) == 32, "a moment in which nobody waits changes nothing"
    for _ in range(20):
        now = sent(rules, 2500, now, 0.024)
    assert rules.most_in_flight(Call.SUBMIT, now) == 8 * 128


@pytest.mark.parametrize(("a_minute", "bound"), [(12, 8), (59, 8), (62, 64), (130, 128)])
def test_the_bound_doubles_only_where_a_minute_has_many_requests(a_minute: int, bound: int) -> None:
    rules = rules_of()
    sent(rules, 5 * a_minute, 100.0, 60.0 / a_minute)
    assert rules.most_in_flight(Call.SUBMIT, 400.0) == bound


def test_a_known_rate_bounds_nothing_but_growth() -> None:
    rules = busy(60)
    assert rules.most_in_flight(Call.SUBMIT, 160.0) == math.inf
    rules.state.begin_growth(160.0, extra=1.2)
    assert rules.most_in_flight(Call.SUBMIT, 160.0) == 8
    assert rules.most_in_flight(Call.SUBMIT, 160.0, before_growth=5) == 13
    sent(rules, 40, 160.0, 0.25)
    assert rules.most_in_flight(Call.SUBMIT, 169.9, before_growth=5) == 5 * 4 + 8


# 429s


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS])
def test_a_429_closes_the_way_for_its_kind_only(call: Call) -> None:
    rules = rules_of()
    assert limited(rules, call, 100.0, hint=30.0) == 30.0
    assert {kind: rules.ready_at(kind, 100.0) for kind in Call if kind is not Call.DOWNLOAD} == {
        kind: 130.0 if kind is call else 0.0 for kind in Call if kind is not Call.DOWNLOAD
    }
    assert rules.state.limited_at == 100.0


def test_only_the_first_429_of_an_epoch_is_news() -> None:
    rules = rules_of()
    for _ in range(20):
        rules.limited(Call.SUBMIT, left_at=100.0, epoch=0, now=100.5, hint=None)
    closure = rules.closure(Call.SUBMIT)
    assert (closure.trials, closure.epoch, closure.opens_at) == (1, 1, 101.5)


def test_an_answer_to_a_request_that_left_before_the_closure_concludes_nothing() -> None:
    rules = rules_of()
    limited(rules, Call.SUBMIT, 100.0)
    rules.accepted(Call.SUBMIT, left_at=100.0, epoch=0, now=100.5)
    assert rules.closure(Call.SUBMIT).is_open_episode
    assert rules.closure(Call.SUBMIT).window == 1
    assert rules.state.submits == [100.0], "but it was accepted"
    rules.accepted(Call.SUBMIT, left_at=101.0, epoch=1, now=101.5)
    assert not rules.closure(Call.SUBMIT).is_open_episode


def test_a_429_is_one_of_a_busy_time_if_others_waited_when_the_last_request_left() -> None:
    for others_wait in (True, False):
        rules = rules_of()
        rules.leaves(Call.SUBMIT, 100.0, others_wait=others_wait)
        limited(rules, Call.SUBMIT, 100.0)
        assert rules.closure(Call.SUBMIT).was_busy is others_wait


@pytest.mark.parametrize(
    ("phase_after", "phase", "opens_at"),
    # The trial aims at the middle of the time in which a window may begin, unless that is known well.
    [
        (None, 41.2, 161.2),
        (40.95, 41.2, 161.2),
        (40.9, 41.25, 161.075),
        (40.4, 41.4, 160.9),
        (None, 45.0, 161.0),
    ],
)
def test_a_trial_is_put_off_to_the_expected_begin_of_a_window(
    phase_after: float | None, phase: float, opens_at: float
) -> None:
    rules = rules_of(start_at=60)
    rules.leaves(Call.SUBMIT, 100.0, others_wait=True)
    rules.state.phase_after, rules.state.phase = phase_after, phase
    limited(rules, Call.SUBMIT, 160.0)
    assert rules.closure(Call.SUBMIT).opens_at == pytest.approx(opens_at)


def test_an_episode_bounds_nothing_that_is_remembered() -> None:
    """A 429 to a call that is never made again, in a client that runs for days."""
    rules = rules_of()
    for call in (Call.CREDITS, Call.UPLOAD, Call.POLL):
        limited(rules, call, 0.0)
    sent(rules, 20_000, 1.0, 0.5)
    assert len(rules.state.submits) == 240
    rules = rules_of()
    limited(rules, Call.SUBMIT, 0.0)
    sent(rules, 20_000, 1.0, 0.5, Call.POLL)
    assert len(rules.state.polls) == 240


# What was given, or learned


def test_what_is_learned_elsewhere_never_exceeds_what_was_given() -> None:
    rules = rules_of(60)
    rules.believe(500.0, reason="a test")
    assert (rules.state.rate, rules.trying) == (60.0, 60.0)
    assert rules_of(60, start_at=30).trying == 30.0


# Polls


def found_to_count(rules: RateRules | None = None) -> RateRules:
    """Rules that find at 110 s that polls count: three polls and a submit met 429s."""
    rules = rules or rules_of()
    rules.leaves(Call.SUBMIT, 99.0, others_wait=True)
    limited(rules, Call.SUBMIT, 100.0)
    for moment in (104.0, 107.0, 110.0):
        limited(rules, Call.POLL, moment)
    assert rules.state.count_polls
    return rules


def test_polls_that_count_share_the_closure_the_pace_and_the_bound_of_submits() -> None:
    rules = found_to_count()
    closure = rules.closure(Call.POLL)
    assert closure is rules.closure(Call.SUBMIT)
    assert closure.opens_at == 114.0, "the later of both"
    assert closure.window == 1
    assert rules.counts(Call.POLL)
    assert not rules.counts(Call.UPLOAD)
    assert rules.most_in_flight(Call.POLL, 120.0) == 8
    assert rules.state.reason == "429s showed that polls use up the limit, too"
    assert rules.state.count_until == 710.0


def test_requests_in_flight_when_closures_are_shared_or_part_belong_to_no_epoch_of_theirs() -> None:
    rules = rules_of()
    before = {call: rules.closure(call).epoch for call in (Call.SUBMIT, Call.POLL)}
    found_to_count(rules)
    shared = rules.closure(Call.POLL).epoch
    assert shared > max(before.values())
    for call in (Call.SUBMIT, Call.POLL):
        rules.accepted(call, left_at=103.0, epoch=before[call], now=111.0)
    assert rules.closure(Call.SUBMIT).is_open_episode
    rules.ready_at(Call.POLL, 710.0)
    assert not rules.state.count_polls
    assert rules.closure(Call.POLL).epoch != shared
    rules.limited(Call.POLL, left_at=709.0, epoch=shared, now=711.0, hint=None)
    assert not rules.closure(Call.POLL).is_open_episode


def test_the_episode_that_shows_it_goes_on_and_shows_the_limit_of_both() -> None:
    rules = rules_of()
    for moment in range(60, 100):
        rules.leaves(Call.SUBMIT, float(moment), others_wait=True)
        rules.accepted(Call.SUBMIT, left_at=float(moment), epoch=0, now=float(moment))
        if moment % 2:
            rules.accepted(Call.POLL, left_at=moment + 0.5, epoch=0, now=moment + 0.5)
    found_to_count(rules)
    assert rules.state.rate is None
    rules.leaves(Call.SUBMIT, 120.0, others_wait=True)
    accepted(rules, Call.SUBMIT, 120.0)
    assert rules.state.rate == 40 + 20


def test_where_a_rate_was_given_polls_share_it() -> None:
    rules = found_to_count(rules_of(60))
    assert rules.state.rate == 60.0


def test_the_belief_is_a_lease_after_which_submits_keep_their_share() -> None:
    rules = rules_of()
    rules.believe_polls_count(0.0, until=600.0)
    rules.believe(60.0, reason="a test")
    for second in range(500, 600):
        call = Call.SUBMIT if second % 3 == 1 else Call.POLL
        rules.leaves(call, float(second), others_wait=True)
        accepted(rules, call, float(second))
    rules.ready_at(Call.POLL, 599.9)
    assert rules.state.count_polls
    assert rules.ready_at(Call.POLL, 600.0) <= 600.0
    assert not rules.state.count_polls
    assert rules.state.rate == 20.0
    assert rules.state.reason == "polls are tried without the limit again"
    assert rules.most_in_flight(Call.POLL, 600.0) == 8
    assert rules.most_in_flight(Call.POLL, 660.0) == math.inf
    assert rules.closure(Call.POLL).window == 1


def test_a_client_that_was_idle_at_the_end_of_the_lease_keeps_the_rate() -> None:
    """Otherwise the demand that comes next would wait for minutes: five requests each."""
    rules = rules_of()
    rules.believe_polls_count(0.0, until=600.0)
    rules.believe(60.0, reason="a test")
    rules.leaves(Call.SUBMIT, 700.0, others_wait=True)
    assert (rules.state.count_polls, rules.state.rate) == (False, 60.0)


def test_what_the_user_said_of_polls_has_no_end() -> None:
    rules = rules_of(count_polls=True)
    rules.leaves(Call.POLL, 0.0, others_wait=True)
    assert rules.counts(Call.POLL)
    rules.ready_at(Call.POLL, 1e9)
    assert rules.counts(Call.POLL)
    rules.believe_polls_count(1e9, until=2e9)
    assert rules.state.count_until is None


def test_a_lease_that_is_over_is_not_believed() -> None:
    rules = rules_of()
    rules.believe_polls_count(100.0, until=100.0)
    assert not rules.state.count_polls


def test_the_second_closure_of_polls_without_a_submit_shows_that_they_count() -> None:
    rules = rules_of()
    for begin in (100.0, 160.0):
        limited(rules, Call.SUBMIT, begin)
        limited(rules, Call.POLL, begin, hint=8.0)
        accepted(rules, Call.POLL, begin + 8.0)
    assert rules.state.count_polls


@pytest.mark.parametrize("passed_at", [161.0, 165.9])
def test_a_submit_that_passes_meanwhile_shows_that_they_do_not(passed_at: float) -> None:
    rules = rules_of()
    for begin in (100.0, 160.0):
        limited(rules, Call.SUBMIT, begin)
        limited(rules, Call.POLL, begin, hint=8.0)
        if begin == 160.0:
            accepted(rules, Call.SUBMIT, passed_at)
        accepted(rules, Call.POLL, begin + 8.0)
    assert not rules.state.count_polls


def test_a_state_that_was_read_elsewhere_takes_the_place_of_this_one() -> None:
    rules, other = rules_of(), busy(60)
    rules.state = other.state
    assert rules.trying == 60.0
    rules.state.closures[Call.SUBMIT] = Closure(opens_at=500.0)
    assert rules.ready_at(Call.SUBMIT, 170.0) == 500.0
