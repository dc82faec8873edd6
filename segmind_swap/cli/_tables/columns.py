"""The columns of a table of pairs, and the names under which people write them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TypeAlias

COLUMNS = ("id", "reference_character_image", "character_image")
_ALIASES = {"reference": "reference_character_image", "scene": "character_image"}
_NAMES = (*COLUMNS, *_ALIASES)

MAX_CELL = 10_000
"""The longest cell in characters: a path or a URL has at most 4,096."""

Row: TypeAlias = tuple[int, list[str] | str]
"""The number of a line, counted from 1, and the cells of `COLUMNS`, or the reason why the line is no pair."""

_BESIDE_A_NAME = " \t\n\"'\ufeff\u00a0"
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def column_of(name: str) -> str | None:
    """The column that a name stands for, or None. Case, blanks and quotes around the name do not matter."""
    plain = _BETWEEN_WORDS.sub("_", name.strip(_BESIDE_A_NAME)).casefold()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in COLUMNS else None


def missing(columns: Sequence[str | None]) -> str:
    """The columns that are not among `columns`, as a message names them; empty if all are there."""
    return ", ".join(_with_alias(name) for name in COLUMNS if name not in columns)


def suggestion(names: Sequence[str]) -> str:
    """Which of the names is perhaps a column that was misspelt, as the end of a message; may be empty."""
    for name in names:
        if column_of(name) is None:
            close = difflib.get_close_matches(name.strip(_BESIDE_A_NAME).casefold(), _NAMES, n=1, cutoff=0.7)
            if close:
                return f"; is {name.strip()[:40]!r} perhaps {close[0]!r}?"
    return ""


def repeated(names: Sequence[str]) -> tuple[str, str] | None:
    """Two names that stand for the same column, if there are such names."""
    first: dict[str, str] = {}
    for name in names:
        column = column_of(name)
        if column is not None:
            if column in first:
                return first[column], name
            first[column] = name
    return None


def cells_problem(cells: Sequence[str]) -> str | None:
    """Why these cells of `COLUMNS` are no pair; None if they are."""
    empty = [name for name, cell in zip(COLUMNS, cells, strict=True) if not cell]
    if empty:
        return f"there is no {', '.join(empty)}"
    for name, cell in zip(COLUMNS, cells, strict=True):
        if len(cell) > MAX_CELL:
            return f"{name} has {len(cell):,} characters, and can have {MAX_CELL:,}"
    return None


def _with_alias(column: str) -> str:
    short = next((alias for alias, name in _ALIASES.items() if name == column), None)
    return column if short is None else f"{column} (or {short})"
