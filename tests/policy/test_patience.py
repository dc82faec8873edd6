"""How long a 429 may last."""

import pytest

from segmind_swap._policy.patience import first_429_at, is_worth_waiting


def test_the_first_429_in_a_row_starts_the_clock() -> None:
    assert first_429_at(None, 7.0) == 7.0
    assert first_429_at(7.0, 9.0) == 7.0
    assert first_429_at(0.0, 9.0) == 0.0


@pytest.mark.parametrize(
    ("since", "now", "closed_for", "expected"),
    [
        (0.0, 0.0, 0.0, True),
        (0.0, 100.0, 0.0, True),
        (0.0, 100.1, 0.0, False),
        (0.0, 60.0, 40.0, True),
        (0.0, 60.0, 40.1, False),
        (50.0, 150.0, 0.0, True),
        (50.0, 50.0, 100.1, False),
    ],
)
def test_a_limit_that_lasts_or_will_last_longer_than_the_timeout_is_not_waited_for(
    since: float, now: float, closed_for: float, expected: bool
) -> None:
    assert is_worth_waiting(since=since, now=now, closed_for=closed_for, timeout=100.0) is expected
