"""Measures pictures and results from their files, each content once."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..._api.origins import is_url
from ..._config import MAX_PICTURE_BYTES
from ..._errors import ConfigurationError
from .cache import MeasureCache, cache_path
from .measures import PictureMeasures, ResultMeasures

if TYPE_CHECKING:
    from .pixels.decoding import UndecodableError
    from .pixels.looks import Look

_LOOKS_KEPT = 64
"""A reference is that of thousands of results, and a scene is often that of several."""


def can_measure() -> bool:
    """Whether Pillow is installed, which measures need."""
    return importlib.util.find_spec("PIL") is not None


class Measurer:
    """Measures results and other pictures. Keeps the numbers in a file, so that no content is measured twice.

    Reads and decodes files, and computes: call it in a thread, and not in two threads at a time. One result
    takes some 20 to 100 ms. Nothing is sent, and nothing can be charged.

    Use it in a `with` block, or call `close`.

    Args:
        journal: The journal of the batch. What is measured is kept in a file beside it, whose name ends in
            `.measures.jsonl`, as far as the folder can be written; None to keep it in memory.

    Raises:
        ConfigurationError: Pillow is not installed: install `segmind-swap[review]`.
    """

    def __init__(self, journal: str | os.PathLike[str] | None = None) -> None:
        if not can_measure():
            raise ConfigurationError(
                "measures of pictures need Pillow, which is not installed: install `segmind-swap[review]`"
            )
        self._cache = MeasureCache(None if journal is None else cache_path(Path(journal)))
        self._looks: OrderedDict[str, Look | UndecodableError] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file in which the measures are kept."""
        self._cache.close()

    def measure_result(
        self,
        path: str | os.PathLike[str],
        *,
        scene: str | os.PathLike[str] | None = None,
        reference: str | os.PathLike[str] | None = None,
    ) -> ResultMeasures:
        """The measures of a result.

        Args:
            path: The file of the result. A file that is no picture has its `problem` in the measures.
            scene: The file of the scene. A URL, or a file that is missing or cannot be decoded, is like None:
                the numbers that need the scene are None.
            reference: The file of the reference, likewise.

        Raises:
            OSError: the file of the result cannot be read.
        """
        result = self._sha256(Path(path))
        others = [None if picture is None else self._known_sha256(picture) for picture in (scene, reference)]
        contents = (result, others[0] or "", others[1] or "")
        known = self._cache.result(contents)
        if known is None:
            known = self._measured(Path(path), result, [scene, reference], others)
            self._cache.add_result(contents, known)
        return known

    def measure_picture(self, picture: str | os.PathLike[str] | bytes) -> PictureMeasures:
        """The measures of a picture by itself, such as an input of a batch.

        Args:
            picture: The file, or its bytes. A file that is no picture has its `problem` in the measures.

        Raises:
            OSError: the file cannot be read.
        """
        from .pixels.looks import measures_of_picture  # noqa: PLC0415 - Pillow is loaded at the first measure

        data = picture if isinstance(picture, bytes) else _read(Path(picture))
        sha256 = hashlib.sha256(data).hexdigest()
        return measures_of_picture(self._look(data, sha256), sha256)

    def _measured(
        self,
        path: Path,
        sha256: str,
        pictures: list[str | os.PathLike[str] | None],
        hashes: list[str | None],
    ) -> ResultMeasures:
        from .pixels.decoding import UndecodableError  # noqa: PLC0415 - Pillow is loaded at the first measure
        from .pixels.looks import measures_of_result  # noqa: PLC0415 - likewise

        result = self._look(_read(path), sha256)
        if isinstance(result, UndecodableError):
            # A result that is too large may be sound. It is not measured.
            problem = None if result.is_too_large else str(result)
            return ResultMeasures(problem=problem, sha256=sha256)
        others: list[Look | None] = []
        for picture, other in zip(pictures, hashes, strict=True):
            look = None
            if picture is not None and other is not None:
                found = self._looks.get(other) or self._look(_read(Path(picture)), other)
                look = None if isinstance(found, UndecodableError) else found
            others.append(look)
        return measures_of_result(result, *others)

    def _look(self, data: bytes, sha256: str) -> Look | UndecodableError:
        from .pixels.decoding import UndecodableError  # noqa: PLC0415 - Pillow is loaded at the first measure
        from .pixels.looks import look_at  # noqa: PLC0415 - likewise

        found = self._looks.pop(sha256, None)
        if found is None:
            try:
                found = look_at(data, sha256)
            except UndecodableError as exc:
                found = exc
        self._looks[sha256] = found
        if len(self._looks) > _LOOKS_KEPT:
            self._looks.popitem(last=False)
        return found

    def _known_sha256(self, picture: str | os.PathLike[str]) -> str | None:
        """The hash of a file; None for a URL, and for a file that cannot be read."""
        if isinstance(picture, str) and is_url(picture):
            return None
        try:
            return self._sha256(Path(picture))
        except (OSError, ValueError):
            return None

    def _sha256(self, path: Path) -> str:
        return self._cache.sha256_of(path, lambda path: hashlib.sha256(_read(path)).hexdigest())


def _read(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it is no regular file, is too large, or cannot be read.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is not a regular file")
    if found.st_size > MAX_PICTURE_BYTES:
        raise OSError(f"{path} is larger than {MAX_PICTURE_BYTES:,} bytes")
    return path.read_bytes()
