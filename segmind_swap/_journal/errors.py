"""The error of a journal, with its path, and the path of a journal that has no file."""

from __future__ import annotations

import os

from .._errors import JournalError

IN_MEMORY = ":memory:"
"""The path of a journal in memory, as in SQLite."""


def journal_error(path: str | os.PathLike[str], text: str) -> JournalError:
    """An error about the journal at `path`; `text` continues the sentence "the journal PATH …"."""
    return JournalError(f"the journal {os.fspath(path)} {text}", path=os.fspath(path))
