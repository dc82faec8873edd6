"""Read the inputs of a batch: a table of pairs, or a folder of scenes with one reference."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from segmind_swap import ConfigurationError, SwapRequest

from .._scenes.folder import read_scenes
from .._scenes.names import SUFFIXES
from .._scenes.passed_over import PassedOver, listed, passed_over_text
from .._tables.csv_rows import csv_rows
from .._tables.decoding import decoded, lines_of
from .._tables.json_rows import json_rows

STANDARD_INPUT = "-"

_READERS = {".csv": csv_rows, ".tsv": csv_rows, ".jsonl": json_rows, ".ndjson": json_rows, ".txt": None}
"""The reader for each suffix; None if the first character decides."""

_SPREADSHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".fods", ".numbers"})
_MAX_BYTES = 256 << 20
"""The largest table. A million pairs with long URLs have about as many bytes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an input cannot be used.

    Attributes:
        place: The input: a line of the file, or an id.
        text: What is wrong.
    """

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Pairs:
    """The content of PAIRS.

    Attributes:
        requests: The pairs, in the order of the file; paths are absolute.
        problems: One for each row that is no pair.
        passed_over: What in a folder is no scene.
        changed_ids: The files of a folder whose names cannot be ids, each with the id that it has.
        is_recursive: Whether the folders below a folder were read.
    """

    requests: list[SwapRequest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    changed_ids: dict[str, str] = field(default_factory=dict)
    is_recursive: bool = False


def read_pairs(
    path: Path,
    reference: str | None,
    *,
    out: Path | None = None,
    journal: Path | None = None,
    recursive: bool = False,
) -> Pairs:
    """Reads the argument PAIRS of the command line.

    Args:
        path: A table, a folder of scenes, or `-` for a table on standard input.
        reference: A path or URL; required for a folder of scenes, and refused for a table.
        out: The folder for the results, which is no input, if there is one.
        journal: The journal, if there is one. The file may not exist. The journal knows the ids of scenes and
            the results of earlier runs.
        recursive: Whether the folders below a folder of scenes are read, too; refused for a table.

    Raises:
        ConfigurationError: `path` cannot be read as a whole, or contains no pair.
        JournalError: `path` is a folder, and the journal cannot be read.
    """
    is_standard_input = str(path) == STANDARD_INPUT
    shown = "standard input" if is_standard_input else str(path)
    try:
        if not is_standard_input:
            path.stat()  # raises the reason, where `is_dir` is only false
        if path.is_dir() and not is_standard_input:
            return _read_folder(path, reference, out=out, journal=journal, recursive=recursive)
        if recursive:
            raise ValueError("--recursive is for a folder of scenes")
        if reference is not None:
            raise ValueError("--reference is for a folder of scenes; a table names each reference")
        data = _standard_input() if is_standard_input else _file_bytes(path)
        folder = Path.cwd() if is_standard_input else path.parent.resolve()
        return _read_table(shown, data, path.suffix.lower(), folder)
    except OSError as exc:
        problem = exc.strerror or str(exc)
    except ValueError as exc:
        problem = str(exc)
    raise ConfigurationError(f"{shown}: {problem}")


def _read_folder(
    folder: Path, reference: str | None, *, out: Path | None, journal: Path | None, recursive: bool
) -> Pairs:
    if reference is None:
        raise ValueError("a folder of scenes needs --reference, the picture of who goes into every scene")
    reference_path = _absolute(Path.cwd(), reference)
    found = read_scenes(folder.resolve(), reference_path, out=out, journal=journal, recursive=recursive)
    if not found.scenes:
        passed = passed_over_text(found.passed_over, can_recurse=not recursive)
        passed = f"; {passed}" if found.passed_over else ""
        raise ValueError(f"there is no {', '.join(SUFFIXES)} file in this folder that is a scene{passed}")
    return Pairs(
        [
            SwapRequest(id=id, reference_character_image=reference_path, character_image=str(scene))
            for id, scene in found.scenes
        ],
        problems=[
            Problem(other, f"it would have the same id as {one}, {id!r}: rename one of the two files")
            for one, other, id in found.twins
        ],
        passed_over=found.passed_over,
        changed_ids=found.changed_ids,
        is_recursive=recursive,
    )


def changed_ids_text(ids: dict[str, str], *, most: int = 3) -> str:
    """Which files have ids other than their names."""
    count = "1 scene has another id" if len(ids) == 1 else f"{len(ids):,} scenes have other ids"
    return f"{count} than the name: {listed([f'{name} is {id}' for name, id in ids.items()], most)}"


def _file_bytes(path: Path) -> bytes:
    suffix = path.suffix.lower()
    if suffix in _SPREADSHEETS:
        raise ValueError("it is a spreadsheet: save it as CSV UTF-8, and give that file")
    if suffix == ".json":
        raise ValueError(
            "it is a .json file: write each object in a line of its own, in a .jsonl file"
            " (jq -c '.[]' pairs.json > pairs.jsonl)"
        )
    if suffix not in _READERS:
        known = ", ".join(_READERS)
        raise ValueError(f"PAIRS must be a folder of scenes, a table ({known}), or - for standard input")
    if not path.is_file():
        raise ValueError("PAIRS is not a regular file; to read a pipe, give - and redirect standard input")
    with path.open("rb") as file:
        return _bounded(file.read(_MAX_BYTES + 1))


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise ValueError("it is closed")
    return _bounded(sys.stdin.buffer.read(_MAX_BYTES + 1))


def _bounded(data: bytes) -> bytes:
    if len(data) > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES >> 20} MiB: no table of pairs is that long")
    return data


def _read_table(shown: str, data: bytes, suffix: str, folder: Path) -> Pairs:
    text = decoded(data)
    reader = _READERS.get(suffix) or (json_rows if text.lstrip().startswith(("{", "[")) else csv_rows)
    pairs = Pairs()
    for number, cells in reader(lines_of(text)):
        if isinstance(cells, str):
            pairs.problems.append(Problem(f"{shown}:{number}", cells))
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


def _absolute(folder: Path, picture: str) -> str:
    """A URL unchanged; a path made absolute, relative to `folder`."""
    return picture if "://" in picture else str(folder / picture)
