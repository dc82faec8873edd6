"""JSON Lines: an object in each line, and each error with its line and column."""

import pytest

from segmind_swap.cli._tables.columns import Row
from segmind_swap.cli._tables.decoding import lines_of
from segmind_swap.cli._tables.json_rows import json_rows


def rows_of(text: str) -> list[Row]:
    return list(json_rows(lines_of(text)))


def test_an_object_has_the_long_names_or_the_short_ones() -> None:
    assert rows_of(
        '{"id": "a", "reference_character_image": "r", "character_image": "s", "n": 1}\r\n\r\n'
        '  {"ID": "b", "reference": "r", "scene": "s"}\r\n'
    ) == [(1, ["a", "r", "s"]), (3, ["b", "r", "s"])]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("  {x", "the line is not JSON: Expecting property name enclosed in double quotes at column 4"),
        ('{"id": "a"', "the line is not JSON: Expecting ',' delimiter at column 11"),
        ("[1]", "the line is not a JSON object with id, reference_character_image, character_image"),
        ('{"id": 7, "reference": "r", "scene": "s"}', "id must be a string, not 7"),
        ('{"id": "a", "reference": "r"}', "there is no character_image"),
        (
            '{"id": "a", "reference": "r", "scene": "s", "character_image": "t"}',
            "scene and character_image are the same: give one of them",
        ),
        (
            '{"id": "smile \\ud83d", "reference": "r", "scene": "s"}',
            "id has half of a character (an escape such as \\ud83d without its second half)",
        ),
    ],
)
def test_a_line_that_is_no_pair_says_why(line: str, problem: str) -> None:
    good = '{"id": "a", "reference": "r", "scene": "s"}'
    assert rows_of(f"{good}\n\n{line}\n{good}") == [(1, ["a", "r", "s"]), (3, problem), (4, ["a", "r", "s"])]


def test_json_that_is_not_in_lines_names_the_command_that_makes_lines() -> None:
    with pytest.raises(ValueError, match=r"line 2 begins a JSON array: .*jq -c '\.\[\]' PAIRS"):
        rows_of('\n[{"id": "a"},\n')
    with pytest.raises(ValueError, match=r"the object of line 1 goes over several lines: .*jq -c \."):
        rows_of('{\n  "id": "a"\n}\n')
