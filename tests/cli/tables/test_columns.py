"""The names of the columns, as people write them."""

import pytest

from segmind_swap.cli._tables.columns import (
    COLUMNS,
    MAX_CELL,
    cells_problem,
    column_of,
    missing,
    repeated,
    suggestion,
)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("id", "id"),
        (" ID ", "id"),
        ('"Id"', "id"),
        ("\ufeffid", "id"),
        ("reference", "reference_character_image"),
        ("Scene", "character_image"),
        ("Reference Character Image", "reference_character_image"),
        ("'CHARACTER-IMAGE'\u00a0", "character_image"),
        ("character", None),
        ("", None),
        ("ids", None),
    ],
)
def test_a_name_stands_for_a_column_in_any_case_and_with_blanks_or_quotes_around(
    name: str, column: str | None
) -> None:
    assert column_of(name) == column


def test_two_names_for_one_column_are_found() -> None:
    assert repeated(["id", "note", "note"]) is None
    assert repeated(["scene", "id", "character_image"]) == ("scene", "character_image")
    assert repeated(["Id", "ID"]) == ("Id", "ID")


def test_what_is_missing_is_named_with_its_short_name_and_a_misspelt_name_is_found() -> None:
    assert missing([*COLUMNS]) == ""
    assert missing([None]) == "id, reference_character_image (or reference), character_image (or scene)"
    assert suggestion(["id", "refrence", "x"]) == "; is 'refrence' perhaps 'reference'?"
    assert suggestion(["id", "Scenes"]) == "; is 'Scenes' perhaps 'scene'?"
    assert suggestion(["id", "note"]) == ""


def test_cells_are_a_pair_if_none_is_empty_or_far_too_long() -> None:
    assert cells_problem(["a", "b", "c" * MAX_CELL]) is None
    assert cells_problem(["a", "", ""]) == "there is no reference_character_image, character_image"
    assert (
        cells_problem(["a", "b", "c" * 10_001])
        == "character_image has 10,001 characters, and can have 10,000"
    )
