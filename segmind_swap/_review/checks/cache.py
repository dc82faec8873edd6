"""Keeps what was measured in a file beside the journal, by the contents of the pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from .measures import VERSION, ResultMeasures

SUFFIX = ".measures.jsonl"
"""The file of a journal has the journal's name with this suffix."""

Contents: TypeAlias = tuple[str, str, str]
"""The hashes of the result, of its scene and of its reference; empty for a picture that is not at hand."""
_LONGEST_LINE = 8192
_MOST_BYTES = 256 * 1024 * 1024
"""A larger file is not read: it is no such file. 10,000 results have some 20 MB."""


def cache_path(journal: Path) -> Path:
    """The file beside a journal."""
    return journal.with_name(journal.name + SUFFIX)


class MeasureCache:
    """The measures of results by the contents of their pictures, and the hashes of files that did not change.

    The file has a line of JSON for each. Two processes may write it at the same time. A damaged line is
    skipped, and what it had is measured again. If the file cannot be read or written, nothing is kept there,
    and nobody is told: the measures can be made again.
    """

    def __init__(self, path: Path | None) -> None:
        """Reads the file, if there is a path and a file."""
        self._path = path
        self._results: dict[Contents, ResultMeasures] = {}
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._descriptor: int | None = None
        if path is not None:
            for line in _lines(path):
                with suppress(AttributeError, KeyError, RecursionError, TypeError, ValueError):
                    self._read(line)

    def result(self, contents: Contents) -> ResultMeasures | None:
        """The measures of a result, if they are known."""
        return self._results.get(contents)

    def add_result(self, contents: Contents, measures: ResultMeasures) -> None:
        """Keeps the measures of a result."""
        self._results[contents] = measures
        self._write({"contents": contents, "measures": measures.to_json()})

    def sha256(self, file: tuple[str, int, int]) -> str | None:
        """The hash of a file, by its path, its size and the time of its last change, if it is known."""
        return self._hashes.get(file)

    def add_sha256(self, file: tuple[str, int, int], sha256: str) -> None:
        """Keeps the hash of a file."""
        self._hashes[file] = sha256
        self._write({"file": file, "sha256": sha256})

    def sha256_of(self, path: Path, hashed: Callable[[Path], str]) -> str:
        """The hash of a file. A file with a known path, size and time is not `hashed` again.

        Raises:
            OSError: the file cannot be read.
        """
        found = path.stat()
        file = str(path.absolute()), found.st_size, found.st_mtime_ns
        known = self.sha256(file)
        if known is None:
            known = hashed(path)
            self.add_sha256(file, known)
        return known

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read(self, line: bytes) -> None:
        values = json.loads(line)
        if values["version"] != VERSION:
            return
        if "file" in values:
            path, size, changed = values["file"]
            self._hashes[str(path), int(size), int(changed)] = str(values["sha256"])
        else:
            result, scene, reference = map(str, values["contents"])
            measures = ResultMeasures.from_json(values["measures"])
            if measures.sha256 != result:
                raise ValueError("the measures of another result")
            self._results[result, scene, reference] = measures

    def _write(self, values: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        line = json.dumps({"version": VERSION, **values}).encode("utf-8", "replace") + b"\n"
        try:
            if self._descriptor is None:
                self._descriptor = _open_to_append(self._path)
            # One write, so that lines of two processes do not mix.
            os.write(self._descriptor, line)
        except OSError:
            # The disk is full, or the folder is read-only: the numbers stay in memory.
            self.close()
            self._path = None


def _open_to_append(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    with suppress(OSError):
        end = os.lseek(descriptor, 0, os.SEEK_END)
        # A line that was cut short by a crash must not take the next line with it.
        if end and os.lseek(descriptor, end - 1, os.SEEK_SET) >= 0 and os.read(descriptor, 1) != b"\n":
            os.write(descriptor, b"\n")
    return descriptor


def _lines(path: Path) -> Iterator[bytes]:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                yield line
    except OSError:
        return
