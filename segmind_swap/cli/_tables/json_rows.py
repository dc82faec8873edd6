"""Read JSON Lines: an object with the columns in each line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from .columns import COLUMNS, Row, cells_problem, column_of, repeated

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def json_rows(lines: Sequence[str]) -> Iterator[Row]:
    """The objects of the lines that are not blank.

    Raises:
        ValueError: the file is JSON, but not a line for each object.
    """
    is_first = True
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            if is_first:
                _check_first(text, number)
            is_first = False
            yield number, _cells(line)


def _check_first(line: str, number: int) -> None:
    if line == "{":
        raise ValueError(
            f"the object of line {number:,} goes over several lines: write each object in one line"
            " (jq -c . PAIRS > pairs.jsonl)"
        )
    if line.startswith("["):
        raise ValueError(
            f"line {number:,} begins a JSON array: write each object in a line of its own"
            " (jq -c '.[]' PAIRS > pairs.jsonl)"
        )


def _cells(line: str) -> list[str] | str:
    try:
        fields = json.loads(line, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as exc:
        return f"the line is not JSON: {exc.msg} at column {exc.colno:,}"
    except (ValueError, RecursionError) as exc:
        return f"the line is not JSON: {exc}"
    if not isinstance(fields, dict):
        return f"the line is not a JSON object with {', '.join(COLUMNS)}"
    if (twice := repeated([*fields])) is not None:
        return f"{twice[0]} and {twice[1]} are the same: give one of them"
    values = {column: value for name, value in fields.items() if (column := column_of(name)) is not None}
    cells = [values.get(name, "") for name in COLUMNS]
    for name, value in zip(COLUMNS, cells, strict=True):
        if not isinstance(value, str):
            return f"{name} must be a string, not {_described(value)}"
        if _LONE_SURROGATE.search(value):
            return f"{name} has half of a character (an escape such as \\ud83d without its second half)"
    return cells_problem(cells) or cells


def _described(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value)[:80]


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object. `json` alone would keep only the last of two values with the same name."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("an object has the same name twice")
    return fields
