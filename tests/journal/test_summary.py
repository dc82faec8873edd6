"""A journal in figures: what is committed, and what a budget still allows."""

import pytest

from segmind_swap import PRICE_USD, OutcomeState
from segmind_swap._journal.summary import JournalSummary


def summary(*, spent_usd: float, reserved_usd: float) -> JournalSummary:
    return JournalSummary(
        states={OutcomeState.SAVED: 1}, spent_usd=spent_usd, reserved_usd=reserved_usd, unknown=()
    )


def test_what_may_still_be_paid_is_committed_too() -> None:
    assert summary(spent_usd=3.0, reserved_usd=1.5).committed_usd == pytest.approx(4.5)


def test_a_budget_allows_whole_swaps_of_what_is_not_committed() -> None:
    used = summary(spent_usd=1.0, reserved_usd=0.5)
    assert used.affordable(1.5 + 2.9 * PRICE_USD) == 2
    assert used.affordable(1.4) == 0
    assert used.affordable(3.5, price_usd=1.0) == 2
