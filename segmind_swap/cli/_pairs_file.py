"""The inputs of a batch: a table of pairs, or a folder of scenes for one reference."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from segmind_swap import ConfigurationError, SwapRequest

COLUMNS = ("id", "reference_character_image", "character_image")
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was found.

    Attributes:
        requests: The pairs, in their order; paths are absolute.
        problems: What cannot be read as a pair, each with its file and line.
    """

    requests: list[SwapRequest] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_pairs(path: Path, reference: str | None) -> Pairs:
    """Reads PAIRS as the command line names it.

    Raises:
        ConfigurationError: it cannot be read at all, or there is nothing in it.
    """
    try:
        path.stat()
        found = _scenes(path, reference) if path.is_dir() else _table(path, reference)
    except UnicodeDecodeError as exc:
        complaint = f"it is not UTF-8: {exc.reason} at byte {exc.start:,}"
    except OSError as exc:
        complaint = exc.strerror or str(exc)
    except (ValueError, csv.Error) as exc:
        complaint = str(exc)
    else:
        return found
    raise ConfigurationError(f"{path}: {complaint}")


def _scenes(folder: Path, reference: str | None) -> Pairs:
    if reference is None:
        raise ValueError("a folder of scenes needs --reference, the picture of who goes into each")
    scenes = sorted(
        scene
        for scene in folder.resolve().iterdir()
        if scene.suffix.lower() in _SUFFIXES and not scene.name.startswith(".") and scene.is_file()
    )
    if not scenes:
        raise ValueError("there is no .jpg, .jpeg, .png or .webp in this folder")
    who = _place(Path.cwd(), reference)
    return Pairs(
        [
            SwapRequest(id=scene.stem, reference_character_image=who, character_image=str(scene))
            for scene in scenes
        ]
    )


def _table(path: Path, reference: str | None) -> Pairs:
    if reference is not None:
        raise ValueError("--reference goes with a folder of scenes; a table names the reference of each pair")
    kind = path.suffix.lower()
    if kind not in {".csv", ".jsonl"}:
        raise ValueError("it is neither a .csv nor a .jsonl file, nor a folder of scenes")
    if not path.is_file():
        raise ValueError("it is not a regular file")
    pairs = Pairs()
    folder = path.parent.resolve()
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, cells in _rows_of_csv(lines) if kind == ".csv" else _rows_of_jsonl(lines):
            if isinstance(cells, str):
                pairs.problems.append(f"{path}:{number}: {cells}")
                continue
            id, who, scene = cells
            pairs.requests.append(
                SwapRequest(
                    id=id,
                    reference_character_image=_place(folder, who),
                    character_image=_place(folder, scene),
                )
            )
    if not (pairs.requests or pairs.problems):
        raise ValueError("there is not one pair in it")
    return pairs


_Row = tuple[int, list[str] | str]
"""The number of a line, and the cells of `COLUMNS`, or what is wrong with it."""


def _rows_of_csv(lines: Iterable[str]) -> Iterator[_Row]:
    reader = csv.reader(lines, strict=True)
    header = [name.strip() for name in next(reader, [])]
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise ValueError(f"its first line names the column {twice[0]} more than once")
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f"its first line must name the columns {','.join(COLUMNS)}: there is no {', '.join(missing)}"
        )
    places = [header.index(name) for name in COLUMNS]
    try:
        for row in reader:
            if row:
                yield reader.line_num, _cells(header, row, places)
    except csv.Error as exc:
        # From here on it is not known where a row begins.
        raise ValueError(f"line {reader.line_num:,} is not CSV: {exc}") from None


def _cells(header: list[str], row: list[str], places: list[int]) -> list[str] | str:
    if len(row) != len(header):
        return f"it has {len(row)} cells, and the header has {len(header)}"
    cells = [row[place].strip() for place in places]
    return _complaint(cells) or cells


def _rows_of_jsonl(lines: Iterable[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _values(line)


def _values(line: str) -> list[str] | str:
    try:
        fields = json.loads(line, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as exc:
        return f"it is not JSON: {exc}"
    if not isinstance(fields, dict):
        return f"it is not a JSON object with {', '.join(COLUMNS)}"
    values = [fields.get(name, "") for name in COLUMNS]
    for name, value in zip(COLUMNS, values, strict=True):
        if not isinstance(value, str):
            return f"{name} must be a text, not {_shown(value)}"
    return _complaint(values) or values


def _shown(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value)[:80]


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object's fields, in which nothing hides behind a second value."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("an object in it gives a name twice")
    return fields


def _complaint(cells: list[str]) -> str | None:
    empty = [name for name, cell in zip(COLUMNS, cells, strict=True) if not cell]
    return f"there is no {', '.join(empty)}" if empty else None


def _place(folder: Path, picture: str) -> str:
    """A URL as it is, a path from the folder that it was written in."""
    return picture if "://" in picture else str(folder / picture)
