"""The options of a batch."""

import math
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import ConfigurationError
from segmind_swap.cli._batch.options import BatchOptions, same_command


def options(**changes: Any) -> BatchOptions:
    defaults: dict[str, Any] = {
        "pairs": Path("pairs.csv"),
        "reference": None,
        "out": Path("out"),
        "journal": None,
        "concurrency": 64,
        "rpm": None,
        "budget_usd": None,
        "price_usd": 0.15,
        "poll_interval": None,
        "strict": False,
        "timeout": 900.0,
        "failed_is_free": False,
        "retry_failed": False,
        "once_per_picture": False,
        "skip_bad": False,
        "recursive": False,
        "max_futile": 5,
        "max_failed": 20,
        "dry_run": False,
        "emulator": False,
        "allow_http": False,
        "as_json": False,
    }
    return BatchOptions(**{**defaults, **changes})


def test_the_journal_is_in_the_folder_of_the_pictures_unless_it_is_named() -> None:
    assert options().journal_path == Path("out/journal.db")
    assert options(journal=Path("run.db")).journal_path == Path("run.db")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price_usd": 0.0}, "--price must be above zero, not 0"),
        ({"price_usd": -1.0}, "--price must be above zero, not -1"),
        ({"price_usd": math.nan}, "--price must be above zero, not nan"),
        ({"price_usd": math.inf}, "--price must be above zero, not inf"),
        ({"budget_usd": -0.01}, "--budget must not be below zero, not -0.01"),
        ({"budget_usd": math.nan}, "--budget must not be below zero, not nan"),
    ],
)
def test_an_impossible_amount_of_money_is_refused(changes: dict[str, float], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options(**changes).limits()
    assert str(caught.value) == problem


def test_a_budget_may_be_zero() -> None:
    limits = options(budget_usd=0.0, rpm=30.0).limits()
    assert (limits.budget_usd, limits.rpm, limits.concurrency, limits.price_usd) == (0.0, 30.0, 64, 0.15)


def test_a_command_to_be_repeated_with_a_higher_budget_has_a_word_in_the_place_of_the_amount(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "batch", "my scenes", "--budget", "0.5", "--budget=1", "--json"])
    assert same_command(with_another_budget=False) == (
        "segmind-swap batch 'my scenes' --budget 0.5 --budget=1 --json"
    )
    assert same_command(with_another_budget=True) == (
        "segmind-swap batch 'my scenes' --budget AMOUNT --budget=AMOUNT --json"
    )
