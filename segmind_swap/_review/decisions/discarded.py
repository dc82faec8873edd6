"""Moves the file of a discarded picture away, and brings it back. No file is ever replaced or deleted."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..._protocols.marks import Verdict


def place_for(decision: Verdict, *, home: Path, discarded: Path) -> Path:
    """Where the file of a picture belongs after a decision."""
    return discarded if decision is Verdict.DISCARD else home


def move(source: Path, target: Path) -> str | None:
    """Moves a file, unless the target is there. Moving a file to where it is does nothing.

    Returns:
        Why the file stays where it is; None if the file is at the target now.
    """
    if source == target:
        return None
    try:
        target.parent.mkdir(exist_ok=True)
        _move(source, target)
    except FileExistsError:
        return f"another file is there: {target}"
    except OSError as exc:
        return exc.strerror or str(exc)
    with suppress(OSError):
        # The last discarded picture was brought back.
        source.parent.rmdir()
    return None


def _move(source: Path, target: Path) -> None:
    """A rename that never replaces a file. Killed in between, the file has both names, and neither is lost.

    Raises:
        FileExistsError: the target is there, and is another file.
        OSError: the file cannot be moved.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        if not target.samefile(source):
            raise
    except OSError:
        # A file system without hard links. A batch never writes to the folder of discarded pictures.
        if target.exists():
            raise FileExistsError(target) from None
        source.rename(target)
        return
    # Another program can have put another picture under the name since: that one stays.
    if source.samefile(target):
        source.unlink()
