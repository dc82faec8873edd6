"""When a service submits again after the error that has stopped it."""

from datetime import UTC, datetime, timedelta

import pytest

from segmind_swap import (
    AuthenticationError,
    BudgetExceededError,
    InsufficientCreditsError,
    JournalError,
    NoResultsError,
    NotFoundError,
    PermissionDeniedError,
    SwapError,
)
from segmind_swap._service.pauses import Pause, is_of_the_ledger, journal_pause, pause_after

NOW = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (NoResultsError("no", bound="max_futile", count=5), Pause(None, is_told=True)),
        (
            BudgetExceededError(
                "no", budget_usd=1, committed_usd=1, resets_at=datetime(2026, 12, 1, tzinfo=UTC)
            ),
            Pause(3600.0, is_told=False),
        ),
        (
            BudgetExceededError("no", budget_usd=1, committed_usd=1, resets_at=NOW - timedelta(seconds=1)),
            Pause(0.0, is_told=False),
        ),
        (BudgetExceededError("no", budget_usd=1, committed_usd=1), Pause(60.0, is_told=True)),
        *(
            (kind("no", status_code=401), Pause(60.0, is_told=True))
            for kind in (
                AuthenticationError,
                InsufficientCreditsError,
                PermissionDeniedError,
                NotFoundError,
            )
        ),
        (SwapError("anything else"), Pause(60.0, is_told=True)),
    ],
)
def test_each_error_has_its_pause(error: SwapError, pause: Pause) -> None:
    assert pause_after(error, NOW) == pause


def test_a_journal_that_fails_again_and_again_is_opened_less_often() -> None:
    assert [journal_pause(failures) for failures in (1, 2, 3, 4, 5, 1000)] == [5, 10, 20, 40, 60, 60]


def test_only_an_error_of_the_journal_ends_a_run_at_once() -> None:
    assert is_of_the_ledger(JournalError("no", path="swaps.db"))
    assert not is_of_the_ledger(SwapError("no"))
    assert not is_of_the_ledger(None)
