"""A few results of each set (`nox -s flags` has them all), and that the tables notice what is wrong."""

import pytest

from segmind_swap import ResultFlag, Thresholds

from .labelled import DESIGN, HOLD_OUT, Labelled, LabelledSet, results_of_row
from .rows import ROWS
from .score import flags_by_row, row_table, score_table, scores

NUMBERS = {row.name: number for number, row in enumerate(ROWS)}
SURE = [
    "good: all redrawn",
    "unchanged: moved by 16 px of 480",
    "background: another place",
    "half grey (30 to 60 %)",
    "same as another",
]
"""Rows in which nearly all are right."""


def some(chosen: LabelledSet, *names: str) -> list[Labelled]:
    return [one for name in names for one in results_of_row(chosen, NUMBERS[name], 2)]


@pytest.mark.parametrize("chosen", [DESIGN, HOLD_OUT], ids=lambda chosen: chosen.name)
def test_the_flags_of_made_damage_are_right(chosen: LabelledSet) -> None:
    by_row = flags_by_row(some(chosen, *SURE))
    for name in SURE:
        right = ROWS[NUMBERS[name]].right
        assert all(right is None or right in flags for flags in by_row[name]), name
    assert by_row["good: all redrawn"] == [set(), set()]


def test_the_tables_count_what_is_found_and_what_is_wrong() -> None:
    found = some(DESIGN, "good: all redrawn", "unchanged: redrawn")
    by_row = flags_by_row(found, Thresholds(background=0.0, unchanged=None))
    by_flag = {score.flag: score for score in scores(by_row)}
    assert by_flag[ResultFlag.UNCHANGED].recall == 0
    assert by_flag[ResultFlag.UNCHANGED].wanted == 2
    assert by_flag[ResultFlag.BACKGROUND].wrong >= 2
    assert by_flag[ResultFlag.BACKGROUND].precision == 0
    assert "| `unchanged` | 2 | 0 | 0 | 0.000 | 1.000 |" in [*score_table(by_flag.values())]
    assert any(
        line.startswith("| good: all redrawn | 2 | none | - | 2 | background 2") for line in row_table(by_row)
    )


def test_a_set_is_the_same_each_time_and_no_set_is_another() -> None:
    name = "good: only the figure is new"
    assert some(DESIGN, name) == some(DESIGN, name)
    assert some(DESIGN, name) != some(HOLD_OUT, name)
