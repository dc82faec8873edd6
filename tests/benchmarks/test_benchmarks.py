"""That the benchmarks run, and that their figures make sense; what they cost is no business of a test."""

import math
from pathlib import Path

import pytest

from .crowd import ideal
from .findings import QUICK, Finding, Found, at_least, at_most
from .rows import ROWS
from .service import Conditions, Service
from .table import lines, with_figures
from .trial import trial


def test_a_row_in_virtual_time_counts_every_poll() -> None:
    found = ROWS["polls"](QUICK)
    fixed = {finding.what: finding.figure for finding in found.findings if "fixed" in finding.what}
    # 72 s in the middle, every 7.1 s: ten or eleven polls, the last of them half an interval late.
    assert 9 < fixed["polls a swap, fixed 7 s"] < 13
    assert 2.5 < fixed["mean delay of detection, fixed 7 s"] < 4.5
    assert all(finding.is_reached for finding in found.findings if "gap" in finding.what)
    assert len(list(lines(found))) == len(found.findings)


@pytest.mark.parametrize("client", ["segmind-swap", "bare httpx"])
def test_a_client_in_its_own_process_does_all_swaps(client: str) -> None:
    run = trial(client, Conditions(latency=0.01, duration=0.3), swaps=12, in_flight=6, interval=0.1)
    assert (run.used.done, run.used.failed, run.used.is_complete) == (12, 0, True), run.used.error
    assert run.seen.jobs == run.seen.done == run.seen.requests["submit"] == 12
    assert run.seen.requests["poll"] >= 12
    assert run.seen.in_flight <= 6
    assert run.used.cpu > 0


def test_a_client_that_is_not_done_in_time_says_so() -> None:
    run = trial("bare httpx", Conditions(duration=60.0), swaps=2, in_flight=2, interval=0.2, deadline=0.5)
    assert not run.used.is_complete
    assert run.used.done == 0


def test_a_fixed_window_accepts_its_limit_and_no_more() -> None:
    service = Service(Conditions(per_minute=3, counts_polls=True))
    assert [service.submit(now) for now in (50.0, 51.0)] == [0, 1]
    assert service.poll(0, 52.0) is False
    assert service.submit(53.0) is None
    assert service.resets_in(53.0) == 7.0
    assert service.submit(60.0) == 2
    assert service.seen().limited == {"submit": 1}


def test_the_ideal_looks_once_after_the_end_of_each_swap() -> None:
    conditions = Conditions(latency=0.1, duration=10.0, sigma=0.0)
    assert math.isclose(ideal(conditions, 1), 2 * 7.1 + 0.1)
    assert math.isclose(ideal(conditions, 1001), 1.0 + 2 * 7.1 + 0.1)


def test_a_goal_that_is_not_reached_says_by_how_much() -> None:
    assert Finding(what="a", figure=0.5, goal=at_most(0.5)).is_reached
    missed = Finding(what="a", figure=0.6, goal=at_most(0.5))
    assert not missed.is_reached
    assert math.isclose(missed.missed_by, 0.2)
    assert math.isclose(Finding(what="a", figure=0.9, goal=at_least(1.0)).missed_by, 0.1)


def test_the_tables_of_a_page_are_replaced_row_by_row_and_may_be_replaced_again() -> None:
    page = "<!-- figures: cpu -->\nold\n<!-- end -->\n\n<!-- figures: polls -->\nkept\n<!-- end -->\n"
    found = [Found(row="cpu", findings=[Finding(what="CPU", figure=3.0)])]
    written = with_figures(page, found)
    assert "| CPU | 3 |" in written
    assert "old" not in written
    assert "\nkept\n" in written
    assert with_figures(written, found) == written


def test_the_page_of_figures_has_a_place_for_every_row() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "performance.md").read_text("utf-8")
    for row in ROWS:
        found = [Found(row=row, findings=[Finding(what="a new figure", figure=3.0)])]
        assert "a new figure" in with_figures(page, found), row
