"""Read the inputs of a batch: a CSV or JSONL file of pairs, or a folder of scenes with one reference."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from segmind_swap import ConfigurationError, SwapRequest

COLUMNS = ("id", "reference_character_image", "character_image")
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True, slots=True)
class Pairs:
    """The content of PAIRS.

    Attributes:
        requests: The pairs, in the order of the file; paths are absolute.
        problems: One text for each row that is no pair, with its file and line.
    """

    requests: list[SwapRequest] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_pairs(path: Path, reference: str | None) -> Pairs:
    """Reads the argument PAIRS of the command line.

    Args:
        path: A `.csv` or `.jsonl` file, or a folder of scenes.
        reference: A path or URL; required for a folder of scenes, and refused for a file.

    Raises:
        ConfigurationError: `path` cannot be read as a whole, or contains no pair.
    """
    try:
        path.stat()
        pairs = _read_folder(path, reference) if path.is_dir() else _read_file(path, reference)
    except UnicodeDecodeError as exc:
        problem = f"the file is not UTF-8: {exc.reason}; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
    except OSError as exc:
        problem = exc.strerror or str(exc)
    except (ValueError, csv.Error) as exc:
        problem = str(exc)
    else:
        return pairs
    raise ConfigurationError(f"{path}: {problem}")


def _read_folder(folder: Path, reference: str | None) -> Pairs:
    if reference is None:
        raise ValueError("a folder of scenes needs --reference, the picture of who goes into every scene")
    scenes = sorted(
        scene
        for scene in folder.resolve().iterdir()
        if scene.suffix.lower() in _SUFFIXES and not scene.name.startswith(".") and scene.is_file()
    )
    if not scenes:
        raise ValueError("there is no .jpg, .jpeg, .png or .webp file in this folder")
    reference_path = _absolute(Path.cwd(), reference)
    return Pairs(
        [
            SwapRequest(id=scene.stem, reference_character_image=reference_path, character_image=str(scene))
            for scene in scenes
        ]
    )


def _read_file(path: Path, reference: str | None) -> Pairs:
    if reference is not None:
        raise ValueError("--reference is for a folder of scenes; a file names the reference of each pair")
    kind = path.suffix.lower()
    if kind not in {".csv", ".jsonl"}:
        raise ValueError("PAIRS must be a .csv file, a .jsonl file or a folder of scenes")
    if not path.is_file():
        raise ValueError("PAIRS is not a regular file")
    pairs = Pairs()
    folder = path.parent.resolve()
    with path.open(encoding=_encoding(path), newline="") as lines:
        for number, cells in _csv_rows(lines) if kind == ".csv" else _jsonl_rows(lines):
            if isinstance(cells, str):
                pairs.problems.append(f"{path}:{number}: {cells}")
                continue
            id, reference, scene = cells
            pairs.requests.append(
                SwapRequest(
                    id=id,
                    reference_character_image=_absolute(folder, reference),
                    character_image=_absolute(folder, scene),
                )
            )
    if not (pairs.requests or pairs.problems):
        raise ValueError("the file contains no pair")
    return pairs


def _encoding(path: Path) -> str:
    """UTF-16 for a file with its byte order mark, as some spreadsheets write; else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8-sig"


_Row = tuple[int, list[str] | str]
"""The number of a line, and the cells of `COLUMNS`, or the reason why the line is no pair."""


def _csv_rows(lines: Iterable[str]) -> Iterator[_Row]:
    lines = iter(lines)
    first = next(lines, "")
    delimiter = _delimiter(first)
    reader = csv.reader(chain([first], lines), strict=True, delimiter=delimiter)
    header = [name.strip().lower() for name in next(reader, [])]
    if repeated := [name for name in COLUMNS if header.count(name) > 1]:
        raise ValueError(f"the first line names the column {repeated[0]} more than once")
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f"the first line must name the columns {','.join(COLUMNS)}, separated by commas, semicolons (;)"
            f" or tabs: there is no {', '.join(missing)}"
        )
    indexes = [header.index(name) for name in COLUMNS]
    try:
        for row in reader:
            # Spreadsheets write rows of empty cells after the last one.
            if any(cell.strip() for cell in row):
                yield reader.line_num, _csv_cells(header, row, indexes)
    except csv.Error as exc:
        # After a syntax error, the reader does not know where the next row begins.
        raise ValueError(f"line {reader.line_num:,} is not CSV: {exc}") from None


def _delimiter(first: str) -> str:
    """The separator with which the first line names most of the columns.

    Where the comma is the decimal sign, spreadsheets write semicolons.
    """

    def names(delimiter: str) -> int:
        cells = {cell.strip().strip('"').lower() for cell in first.split(delimiter)}
        return len(cells & set(COLUMNS))

    return max(",;\t", key=names)


def _csv_cells(header: list[str], row: list[str], indexes: list[int]) -> list[str] | str:
    if len(row) != len(header):
        return f"the row has {len(row)} cells, and the header has {len(header)}"
    cells = [row[index].strip() for index in indexes]
    return _missing(cells) or cells


def _jsonl_rows(lines: Iterable[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _jsonl_cells(line)


def _jsonl_cells(line: str) -> list[str] | str:
    try:
        fields = json.loads(line, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as exc:
        return f"the line is not JSON: {exc}"
    if not isinstance(fields, dict):
        return f"the line is not a JSON object with {', '.join(COLUMNS)}"
    values = [fields.get(name, "") for name in COLUMNS]
    for name, value in zip(COLUMNS, values, strict=True):
        if not isinstance(value, str):
            return f"{name} must be a string, not {_described(value)}"
    return _missing(values) or values


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


def _missing(cells: list[str]) -> str | None:
    empty = [name for name, cell in zip(COLUMNS, cells, strict=True) if not cell]
    return f"there is no {', '.join(empty)}" if empty else None


def _absolute(folder: Path, picture: str) -> str:
    """A URL unchanged; a path made absolute, relative to `folder`."""
    return picture if "://" in picture else str(folder / picture)
