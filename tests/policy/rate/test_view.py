"""What is believed, as users see it; and a belief that an earlier client had."""

from __future__ import annotations

import pytest

from segmind_swap._config import RateLimit, RetryPolicy
from segmind_swap._models import Call, Rate
from segmind_swap._policy.rate.rules import RateRules
from segmind_swap._policy.rate.view import DAY, adopt, describe

from .simulation import Account, FixedWindow, saturated


def rules_of(given: RateLimit | None = None) -> RateRules:
    return RateRules(given or RateLimit(), RetryPolicy())


def test_at_first_nothing_is_known() -> None:
    assert describe(rules_of(), 100.0) == Rate()


def test_a_limit_that_was_found_is_told_with_the_next_try_and_the_last_429() -> None:
    client = saturated(Account(FixedWindow(60)), 1.5)
    rate = describe(client.rules, 90.0)
    assert (rate.per_minute, rate.trying, rate.stage) == (60.0, 60.0, "hold")
    assert rate.reason == "found by a 429"
    assert rate.next_try_in == pytest.approx(30.0, abs=2)
    assert rate.limited_ago == 90.0 - max(moment for moment, _ in client.account.limited) - 0.2
    assert rate.closed_for == 0.0


def test_what_is_tried_above_the_limit_is_told() -> None:
    rules = rules_of(RateLimit(start_at=60.0))
    rules.state.begin_lean(10.0, extra=2.0)
    rate = describe(rules, 20.0)
    assert (rate.stage, rate.per_minute, rate.trying, rate.next_try_in) == ("lean", 60.0, 62.0, None)


def test_a_closed_way_is_told() -> None:
    rules = rules_of()
    rules.leaves(Call.SUBMIT, 10.0, others_wait=True)
    rules.limited(Call.SUBMIT, left_at=10.0, epoch=0, now=11.0, hint=40.0)
    assert describe(rules, 21.0).closed_for == 30.0
    assert describe(rules, 21.0).limited_ago == 10.0
    assert describe(rules, 60.0).closed_for == 0.0
    assert describe(rules, 60.0).stage == "unknown"


def test_where_the_given_limit_is_used_no_next_try_is_told() -> None:
    rules = rules_of(RateLimit(requests_per_minute=60))
    assert describe(rules, 0.0).next_try_in is None
    rules.believe(30.0, reason="a test")
    assert describe(rules, 0.0).next_try_in == 60.0


def test_polls_that_count_are_told_with_the_time_that_is_left() -> None:
    rules = rules_of()
    rules.believe_polls_count(100.0, until=700.0)
    assert describe(rules, 130.0).count_polls
    assert describe(rules, 130.0).count_polls_for == 570.0
    by_the_user = rules_of(RateLimit(count_polls=True))
    assert describe(by_the_user, 130.0).count_polls
    assert describe(by_the_user, 130.0).count_polls_for is None


# A belief of an earlier client


@pytest.mark.parametrize(
    ("age", "is_guess", "learned", "expected"),
    [
        (60.0, False, Rate(per_minute=60.0), False),
        (DAY, False, Rate(per_minute=60.0), False),
        (DAY + 1, False, Rate(per_minute=60.0), True),
        (60.0, True, Rate(per_minute=60.0), True),
        (60.0, False, Rate(per_minute=60.0, is_guess=True), True),
    ],
)
def test_an_old_or_a_strange_belief_is_a_first_guess_only(
    age: float, is_guess: bool, learned: Rate, expected: bool
) -> None:
    rules = rules_of()
    adopt(rules, learned, 100.0, age=age, is_guess=is_guess)
    rate = describe(rules, 100.0)
    assert (rate.per_minute, rate.is_guess) == (60.0, expected)
    assert rate.reason == "learned in an earlier run"


def test_the_belief_that_polls_count_does_not_outlive_its_lease() -> None:
    learned = Rate(per_minute=60.0, count_polls=True, count_polls_for=300.0)
    rules = rules_of()
    adopt(rules, learned, 100.0, age=200.0, is_guess=False)
    rate = describe(rules, 100.0)
    assert (rate.per_minute, rate.count_polls, rate.count_polls_for, rate.is_guess) == (
        60.0,
        True,
        100.0,
        False,
    )
    rules = rules_of()
    adopt(rules, learned, 100.0, age=300.0, is_guess=False)
    rate = describe(rules, 100.0)
    assert (rate.per_minute, rate.count_polls, rate.is_guess) == (60.0, False, True), (
        "shared by polls: a guess"
    )


def test_what_this_client_has_learned_is_worth_more() -> None:
    limited = rules_of()
    limited.leaves(Call.SUBMIT, 10.0, others_wait=False)
    limited.limited(Call.SUBMIT, left_at=10.0, epoch=0, now=11.0, hint=None)
    for rules in (limited, rules_of(RateLimit(start_at=30.0))):
        before = describe(rules, 12.0)
        adopt(rules, Rate(per_minute=60.0), 12.0, age=1.0, is_guess=False)
        assert describe(rules, 12.0) == before


def test_a_belief_of_an_earlier_client_never_exceeds_what_was_given() -> None:
    rules = rules_of(RateLimit(requests_per_minute=30))
    adopt(rules, Rate(per_minute=60.0), 0.0, age=1.0, is_guess=False)
    assert describe(rules, 0.0).per_minute == 30.0


def test_an_earlier_client_that_knew_nothing_changes_nothing() -> None:
    rules = rules_of()
    adopt(rules, Rate(), 100.0, age=1.0, is_guess=False)
    assert describe(rules, 100.0) == Rate()
