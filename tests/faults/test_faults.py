"""Some rows of the table (`nox -s faults`), and that the table turns red when a mechanism is missing."""

import pytest

from .batch import POLICIES, Policy
from .mechanisms import MECHANISMS
from .rows import ROWS
from .trial import Figures, trial

SWAPS = 18

MISSED: dict[str, str] = {
    "held-body": "submit: reset before the answer",
    "intent-commit": "killed four times (SIGKILL)",
    "origin-check": "submit: poll_url on a foreign host",
    "request-gate": "429 storm of 2.5 s",
    "breaker": "outage of 4 s",
}
"""A row that each mechanism keeps from turning red."""


def told(figures: Figures) -> str:
    return f"{figures.row}, {figures.policy}: {figures.account} {figures.complaints}"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "row",
    [
        "submit: reset before the answer",
        "submit: 502, started",
        "submit: 403",
        "submit: status_url instead of poll_url, each time",
        "submit: 400, gzip without a body",
        "poll: half-closed before the answer",
        "poll: an unknown word at the end",
        "download: 403",
        "download: a Content-Encoding that is no coding",
        "download: answer reset before its last byte",
    ],
)
def test_a_fault_pays_nothing_twice_and_loses_nothing(row: str, policy: Policy) -> None:
    figures = trial(row, policy, SWAPS)
    assert not figures.is_red, told(figures)
    assert figures.account is not None
    assert policy == "documented" or figures.account.duplicates == 0


def test_while_nobody_listens_submits_polls_and_downloads_are_refused_and_nothing_is_lost() -> None:
    figures = trial("nobody listens, twice for 1 s", "strict", 2 * SWAPS)
    assert not figures.is_red, told(figures)
    assert figures.account is not None
    assert figures.account.duplicates == 0


def test_every_mechanism_has_a_row_that_misses_it() -> None:
    assert set(MISSED) == set(MECHANISMS)
    assert set(MISSED.values()) <= set(ROWS)


@pytest.mark.parametrize(("mechanism", "row"), MISSED.items())
def test_a_row_turns_red_without_its_mechanism(mechanism: str, row: str) -> None:
    figures = trial(row, "strict", SWAPS, mechanism)
    assert figures.is_red, told(figures)
