"""The rescue file: lines of JSON beside the journal, for accepted jobs that the journal could not store."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..._errors import JournalError
from ..._models import SwapJob
from ..._outcome import OutcomeState
from ..._protocols.entry import Entry

if TYPE_CHECKING:
    from ..store import Store


def rescue_path(journal: str) -> Path:
    """The rescue file of a journal."""
    return Path(f"{os.path.realpath(journal)}.rescue.jsonl")


def rescue(journal: str, entry: Entry, job: SwapJob) -> Path:
    """Appends the job of an entry to the rescue file of its journal. Returns the path of the file.

    Raises:
        OSError: the rescue file cannot be written either.
    """
    path = rescue_path(journal)
    line = json.dumps({"id": entry.id, "version": entry.version, "job": job.model_dump(mode="json")}) + "\n"
    size_bytes = path.stat().st_size if path.exists() else 0
    try:
        with open(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "a") as file:  # noqa: PTH123
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # Remove an incomplete line: with it, the next run could not read the whole file.
        with suppress(OSError):
            if path.stat().st_size < size_bytes + len(line):
                os.truncate(path, size_bytes)
        raise
    return path


def restore_jobs(store: Store) -> int:
    """Stores the jobs of the rescue file in their journal, before the journal is used again.

    Returns:
        How many jobs were new to the journal.

    Raises:
        JournalError: the rescue file cannot be read, or has jobs that this journal would not wait for. The
            file is not changed.
    """
    path = rescue_path(store.path)
    if not path.is_file():
        return 0
    restored = 0
    try:
        for line in filter(str.strip, path.read_text().splitlines()):
            fields = json.loads(line)
            job = SwapJob.model_validate(fields["job"])
            entry = store.versions.of(fields["id"], fields["version"])
            if entry is None or entry.state.is_free:
                # This line is the only record that the swap is paid.
                raise JournalError(
                    f"the rescue file {path} has a job of {fields['id']!r}, which is paid, and the journal"
                    f" {store.path} has no submit of this id: wait for the job, and delete its line",
                    path=str(path),
                )
            if entry.state.is_in_doubt:
                store.step(
                    entry.number,
                    OutcomeState.ACCEPTED,
                    billable_posts=max(entry.billable_posts, 1),
                    job=job,
                    manual=entry.state is OutcomeState.UNKNOWN,
                )
                restored += 1
    except (OSError, ValueError, KeyError, TypeError) as exc:
        problem = f"{type(exc).__name__}: {exc}"
    else:
        return restored
    raise JournalError(
        f"the rescue file {path} cannot be read ({problem}): it names jobs that are paid; repair or move"
        " this file",
        path=str(path),
    )


def remove_rescue_file(journal: str) -> None:
    """Removes the rescue file, after its jobs were committed to the journal.

    Raises:
        JournalError: the file cannot be removed.
    """
    path = rescue_path(journal)
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        problem = exc.strerror or str(exc)
    else:
        return
    raise JournalError(
        f"the rescue file {path} cannot be removed ({problem}): remove it, its jobs are in the journal again",
        path=str(path),
    )
