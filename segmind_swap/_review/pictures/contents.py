"""The SHA-256 of each picture: each content is read once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

from ..checks.cache import MeasureCache, cache_path

_CHUNK_BYTES = 1024 * 1024


class Contents:
    """Hashes files, and keeps the hashes in the file of measures beside the journal. Blocks.

    A file with the size and the time of an earlier call is taken for unchanged.

    Args:
        journal: The journal; None to keep the hashes in memory.
    """

    def __init__(self, journal: Path | None) -> None:
        self._cache = MeasureCache(None if journal is None else cache_path(journal))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cache.close()

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, in hexadecimal.

        Raises:
            OSError: the file cannot be read.
        """
        return self._cache.sha256_of(path, sha256_of)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file that may be large.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
