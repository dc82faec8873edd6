"""When 429s show that polls use up the limit, too, and how long that is believed."""

from __future__ import annotations

import pytest

from segmind_swap._policy.rate.poll_evidence import (
    closure_shows_it,
    limited_poll,
    limited_submit,
    many_polls_are_limited,
    take_lease,
)
from segmind_swap._policy.rate.state import Closure, PollEvidence


def a_closure(begin: float, end: float, *, passed_at: float | None = None) -> Closure:
    return Closure(met_at=begin, last_failed_at=end, passed_at=passed_at, trials=2)


def evidence_of_submits(*moments: float) -> PollEvidence:
    evidence = PollEvidence()
    for moment in moments:
        limited_submit(evidence, moment)
    return evidence


def test_the_second_closure_without_an_accepted_submit_shows_it() -> None:
    evidence = evidence_of_submits(101.0, 161.0)
    assert not closure_shows_it(evidence, a_closure(100.0, 106.0), 107.0)
    assert closure_shows_it(evidence, a_closure(160.0, 166.0), 167.0)


def test_a_second_closure_more_than_three_minutes_later_is_a_first_one_again() -> None:
    evidence = evidence_of_submits(101.0)
    assert not closure_shows_it(evidence, a_closure(100.0, 106.0), 107.0)
    limited_submit(evidence, 287.0)
    assert not closure_shows_it(evidence, a_closure(281.0, 287.0), 287.1)
    limited_submit(evidence, 466.0)
    assert closure_shows_it(evidence, a_closure(461.0, 467.0), 467.1)


def test_one_closure_is_enough_where_polls_were_once_found_to_count() -> None:
    evidence = evidence_of_submits(101.0)
    evidence.was_found = True
    assert closure_shows_it(evidence, a_closure(100.0, 106.0), 107.0)


@pytest.mark.parametrize(
    ("closure", "submits", "expected"),
    [
        (a_closure(100.0, 105.0), [101.0], True),
        (a_closure(100.0, 104.9), [101.0], False),
        (a_closure(100.0, 106.0, passed_at=100.5), [101.0], False),
        (a_closure(100.0, 106.0, passed_at=106.0), [101.0], False),
        (a_closure(100.0, 106.0, passed_at=106.5), [101.0], True),
        (a_closure(100.0, 106.0), [], False),
        (a_closure(100.0, 106.0), [40.0], False),
        (a_closure(100.0, 106.0), [40.1], True),
        (a_closure(100.0, 106.0), [107.0], True),
    ],
)
def test_a_closure_says_something_if_it_was_long_no_submit_passed_and_one_had_met_a_429(
    closure: Closure, submits: list[float], expected: bool
) -> None:
    evidence = evidence_of_submits(*submits)
    evidence.was_found = True
    assert closure_shows_it(evidence, closure, 107.0) is expected


def test_a_told_time_makes_a_closure_long() -> None:
    evidence = evidence_of_submits(101.0)
    evidence.was_found = True
    closure = Closure(met_at=100.0, last_failed_at=100.0, told_until=107.0, trials=1)
    assert closure_shows_it(evidence, closure, 107.5)


@pytest.mark.parametrize(
    ("limited", "accepted", "submits", "expected"),
    [
        ([98, 99, 100], 27, [99], True),
        ([98, 99, 100], 28, [99], False),
        ([99, 100], 0, [99], False),
        ([98, 99, 100], 0, [], False),
        ([98, 99, 100], 0, [40], False),
        ([40, 99, 100], 0, [99], False),
    ],
)
def test_several_polls_of_a_minute_and_a_tenth_of_all_and_a_submit_show_it(
    limited: list[float], accepted: int, submits: list[float], expected: bool
) -> None:
    evidence = evidence_of_submits(*submits)
    for moment in limited:
        limited_poll(evidence, moment)
    polls = [50.0 + number for number in range(accepted)]
    assert many_polls_are_limited(evidence, polls, 100.0) is expected


def test_each_lease_is_twice_as_long_up_to_eighty_minutes() -> None:
    evidence = PollEvidence(suspected_at=1.0, limited_polls=[1.0])
    assert [take_lease(evidence) for _ in range(6)] == [600, 1200, 2400, 4800, 4800, 4800]
    assert evidence.was_found
    assert evidence.suspected_at is None
    assert evidence.limited_polls == []


def test_what_was_seen_is_forgotten_after_minutes() -> None:
    evidence = PollEvidence()
    for moment in range(100_000):
        limited_submit(evidence, float(moment))
        limited_poll(evidence, float(moment))
    assert len(evidence.limited_submits) == 180
    assert len(evidence.limited_polls) == 60
