"""That the services count as they should, that a run is the same each time, and that figures are right."""

import math
from dataclasses import replace

import pytest

from .findings import Finding, Found, at_least
from .rates.cases import Case
from .rates.criteria import CRITERIA
from .rates.families import all_cases
from .rates.figures import cost, fairness, goodput, per_hundred_later, seconds_after_raise, to_find
from .rates.gates import OURS, WHO
from .rates.limiters import FixedWindow, Limiter, SlidingLog, TokenBucket
from .rates.row import findings
from .rates.run import first_good_minute, run
from .rates.service import Service, Spurious, Terms
from .rates.shown import SHOWN, possible
from .rates.steps import Steps
from .table import lines, page

_SIX = Steps.always(6)


def _taken(limiter: Limiter, *moments: float) -> list[bool]:
    return [limiter.take(now) for now in moments]


def test_steps_add_up_over_their_changes() -> None:
    steps = Steps.always(60).then(30.0, 120).then(60.0, 0.0)
    assert [steps.at(now) for now in (0.0, 29.9, 30.0, 61.0)] == [60, 60, 120, 0]
    assert math.isclose(steps.between(0.0, 90.0), 30 + 60)


def test_a_fixed_window_that_had_begun_before_ends_earlier() -> None:
    limiter = FixedWindow(Steps.always(2), begun=45.0)
    assert _taken(limiter, 0.0, 1.0, 14.9) == [True, True, False]
    assert _taken(limiter, 15.0, 16.0, 74.9, 75.0) == [True, True, False, True]
    assert math.isclose(limiter.resets_in(20.0), 55.0)


def test_a_change_of_a_fixed_window_holds_at_once() -> None:
    limiter = FixedWindow(Steps.always(2).then(10.0, 3).then(60.0, 1))
    assert _taken(limiter, 0.0, 1.0, 2.0) == [True, True, False]
    assert _taken(limiter, 10.0, 11.0, 60.0, 61.0) == [True, False, True, False]


def test_a_sliding_log_looks_back_a_minute() -> None:
    limiter = SlidingLog(Steps.always(2))
    assert _taken(limiter, 0.0, 30.0, 59.9, 60.0, 60.1, 90.0) == [True, True, False, True, False, True]
    assert math.isclose(limiter.resets_in(100.0), 20.0)


def test_a_bucket_keeps_its_burst_and_fills_evenly() -> None:
    limiter = TokenBucket(Steps.always(6), burst=2)
    assert _taken(limiter, 0.0, 0.0, 0.0, 9.0, 10.0, 100.0, 100.0, 100.0) == [
        *(True, True, False, False, True),
        *(True, True, False),
    ]
    assert math.isclose(limiter.resets_in(100.0), 10.0)


def test_others_use_up_a_part_while_they_are_there() -> None:
    terms = Terms(limit=_SIX, others=Steps.always(0).then(60.0, 3).then(120.0, 0))
    service = Service(terms)
    accepted = [
        sum(isinstance(service.submit(0, now), int) for now in range(minute * 60 + 50, minute * 60 + 60))
        for minute in range(3)
    ]
    assert accepted == [6, 3, 6]
    assert [terms.allowed(start, start + 60.0) for start in (0.0, 60.0, 120.0)] == [6, 3, 6]


def test_a_spurious_429_meets_the_request_that_was_named_and_no_other() -> None:
    spurious = (Spurious(number=2, hint=5.0), Spurious(request="poll", at=30.0))
    service = Service(Terms(limit=Steps.always(math.inf), spurious=spurious))
    assert service.submit(0, 0.0) == 0
    assert service.submit(0, 0.0) == {"retry-after": "5.000"}
    assert service.submit(0, 0.0) == 1
    assert service.poll(0, 29.0) is False
    assert service.poll(0, 31.0) == {}
    assert service.poll(0, 32.0) is False
    assert service.log.refused == [(0.0, "submit"), (31.0, "poll")]


@pytest.mark.parametrize("who", WHO)
def test_a_run_is_the_same_each_time(who: str) -> None:
    terms = Terms(limit=Steps.always(30), hint="whole seconds", random=0.05, seed=7)
    case = Case(name="test", terms=terms, minutes=3, polling="usual")
    one, other = (run(case, who) for _ in range(2))
    assert one.all_accepted == other.all_accepted
    assert list(one.refused) == list(other.refused)
    assert 0 < len(one.all_accepted) <= 90
    assert one.requests
    assert to_find(one) >= 1


def test_the_limiter_of_the_first_wave_does_what_it_did_in_the_field() -> None:
    """One spurious 429 on the second submit, and it never recovers."""
    found = run(replace(SHOWN["60, one spurious 429 on the second submit"], minutes=5), "first wave")
    assert found.by_minute() == [14, 7, 8, 8, 9]
    assert goodput(found) == pytest.approx(32 / 240)
    assert per_hundred_later(found) == 0.0
    calm = run(Case(name="calm", terms=Terms(limit=Steps.always(60)), minutes=10), "AWS adaptive")
    terms = replace(calm.case.terms, spurious=(Spurious(number=2),))
    assert 0.8 < cost(run(replace(calm.case, terms=terms), "first wave"), calm) < 0.9


def test_a_new_client_continues_after_a_restart_and_two_share() -> None:
    case = Case(name="test", terms=Terms(limit=Steps.always(20)), minutes=4, restart_at=90.0)
    assert sum(run(case, "hint only").by_minute()) == 80
    pair = run(replace(case, minutes=6, restart_at=None, starts=(0.0, 10.0)), "AWS adaptive")
    assert sum(map(sum, (pair.by_minute(client) for client in (0, 1)))) == sum(pair.by_minute())
    assert 0.5 <= fairness(pair) <= 1.0


def test_the_first_good_minute_after_a_raise_is_found() -> None:
    slow = [float(second) for second in range(0, 120, 2)]
    fast = [120.0 + second / 2 for second in range(240)]
    assert first_good_minute([*slow, *fast], 0.0, 120) == pytest.approx(112.0, abs=1.0)
    assert first_good_minute(slow, 0.0, 120) is None
    case = Case(name="test", terms=Terms(limit=Steps.always(30).then(60.0, 60)), minutes=8, raised=(60.0, 60))
    found = run(case, "hint only")
    assert seconds_after_raise(found) < 60.0
    assert found.ended < 8 * 60


def test_every_case_is_judged_and_every_criterion_has_a_sample() -> None:
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases)
    for criterion in CRITERIA:
        concerned = [case for case in cases if criterion.holds_for(case)]
        assert any(case.is_sample or case.learnt for case in concerned), criterion.what
    for case in cases:
        assert case.name.startswith("calm/") or any(criterion.holds_for(case) for criterion in CRITERIA), (
            case.name
        )


def test_what_was_possible_is_known_for_each_case_that_is_drawn() -> None:
    for title, case in SHOWN.items():
        assert len(possible(case)) == case.minutes, title
        assert all(0 < value < 1000 for value in possible(case)), title


def test_the_table_has_a_column_for_each_of_the_others() -> None:
    case = Case(name="hint-exact/60", terms=Terms(limit=Steps.always(60), hint="exact"), minutes=3)
    found = findings({who: {case.name: run(case, who)} for who in (OURS, "hint only")})
    row = next(finding for finding in found if finding.what == "goodput, told the exact time")
    assert row.beside == {"hint only": pytest.approx(100.0, abs=1.0)}
    table = page(Found(row="limits", findings=[row, Finding(what="alone", figure=1.0, goal=at_least(1.0))]))
    assert table.startswith("| what | measured | goal |  | hint only | how |\n|---|---|---|---|---|---|\n")
    assert table.splitlines()[-1] == "| alone | 1 | at least 1 | reached |  |  |"
    assert "(hint only 100 %)" in next(lines(Found(row="limits", findings=[row])))
