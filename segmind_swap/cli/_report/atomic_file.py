"""Write a file under a temporary name, and rename it when it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_file(path: Path) -> Iterator[TextIO]:
    """Opens a UTF-8 text file. At the end of the block, the file gets the name `path`, or replaces that file.

    If the block raises, the temporary file is deleted, and `path` is not changed.

    Raises:
        OSError: The file cannot be written, or cannot be renamed.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
