"""Names of files: which are pictures of scenes, and when two names or paths are the same."""

from __future__ import annotations

import unicodedata
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp")
"""The suffixes of scenes, in lower case."""


def composed(name: str) -> str:
    """The name in one normal form: systems differ, and a folder may be copied from one to another."""
    return unicodedata.normalize("NFC", name)


def is_same(one: Path, other: Path | None) -> bool:
    """Whether two paths lead to the same file or folder. False if there is none."""
    try:
        return other is not None and one.samefile(other)
    except OSError:
        return False
