"""Where an accepted job goes when the journal cannot store it: a file of JSON lines beside the journal."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from .._errors import JournalError
from .._models import SwapJob
from .._outcome import OutcomeState
from .store import Store


def rescue_path(journal: str) -> Path:
    """The rescue file of a journal."""
    return Path(f"{os.path.realpath(journal)}.rescue.jsonl")


def rescue(journal: str, id: str, job: SwapJob) -> Path:
    """Writes a job down beside its journal.

    Raises:
        OSError: the rescue file cannot be written either.
    """
    path = rescue_path(journal)
    line = json.dumps({"id": id, "job": job.model_dump(mode="json")}) + "\n"
    size_bytes = path.stat().st_size if path.exists() else 0
    try:
        with open(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "a") as file:  # noqa: PTH123
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # Remove half a line: the next run could not read the lines before it.
        with suppress(OSError):
            if path.stat().st_size < size_bytes + len(line):
                os.truncate(path, size_bytes)
        raise
    return path


def take_back(store: Store) -> int:
    """Writes rescued jobs into the journal that they belong to, before the journal is used again.

    Returns:
        How many jobs the journal has now that it had not before.

    Raises:
        JournalError: the rescue file cannot be read, or has jobs that this journal would not wait for. The
            file is left as it is.
    """
    path = rescue_path(store.path)
    if not path.is_file():
        return 0
    taken = 0
    try:
        for line in filter(str.strip, path.read_text().splitlines()):
            fields = json.loads(line)
            job = SwapJob.model_validate(fields["job"])
            entry = store.known(fields["id"])
            if entry is None or entry.state.is_free:
                # This line is the only record that the swap is paid.
                raise JournalError(
                    f"the rescue file {path} has a job of {fields['id']!r}, which is paid, and of which the"
                    f" journal {store.path} knows nothing: wait for it (segmind-swap wait), and take it out",
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
                taken += 1
    except (OSError, ValueError, KeyError, TypeError) as exc:
        problem = f"{type(exc).__name__}: {exc}"
    else:
        return taken
    raise JournalError(
        f"the rescue file {path} cannot be read ({problem}): it names jobs that are paid; mend or move it",
        path=str(path),
    )


def forget(journal: str) -> None:
    """Removes the rescue file, once its jobs are in the journal on the disk.

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
        f"the rescue file {path} cannot be removed ({problem}): do so, its jobs are in the journal again",
        path=str(path),
    )
