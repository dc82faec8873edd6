"""Write a file under a temporary name, and rename it when it is complete and on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_file(path: Path) -> Iterator[TextIO]:
    """Opens a UTF-8 text file. At the end of the block, the file gets the name `path`, or replaces that file.

    After the block, the file survives a loss of power.

    If the block raises, the temporary file is deleted, and `path` is not changed.

    Raises:
        OSError: The file cannot be written, or cannot be renamed.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _flush_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Writes the names in the folder to the disk. Windows and some file systems cannot, and need not."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
