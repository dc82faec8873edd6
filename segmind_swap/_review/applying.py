"""Applies files of decisions to the pictures on the desk, and tells what was done and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .._api.ids import canonical_id
from .._concurrency import run_in_thread
from .._protocols.marks import Mark, Verdict
from .decisions.file import merge, read_decisions
from .desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedDecisions:
    """What became of the decisions in files.

    Attributes:
        applied: The decisions that are stored now, and were not before.
        unchanged: How many decisions were stored already.
        older: The ids for which a newer decision is stored, so that the file's is not applied.
        replaced: The ids whose picture is another one now, so that the decision is about an old picture.
        unknown: The ids of which there is no saved picture.
        problems: Why decisions could not be read, a sentence each.
        contradictions: A sentence for each picture about which two files say different things.
        stuck: Why files could not be moved to or from the folder of discarded pictures, a sentence each.
    """

    applied: tuple[Mark, ...]
    unchanged: int
    older: tuple[str, ...]
    replaced: tuple[str, ...]
    unknown: tuple[str, ...]
    problems: tuple[str, ...]
    contradictions: tuple[str, ...]
    stuck: tuple[str, ...]


async def apply_decisions(desk: Desk, paths: Sequence[Path], *, journal_id: str) -> AppliedDecisions:
    """Applies files of decisions.

    Raises:
        ConfigurationError: a file is no file of decisions, or is about another journal. Nothing is applied.
        JournalError: the decisions cannot be written.
    """
    files = [await run_in_thread(partial(read_decisions, path, journal_id=journal_id)) for path in paths]
    merged = merge(files)
    usable, unknown, replaced = [], [], []
    for mark in merged.marks:
        picture = desk.pictures.get(canonical_id(mark.id))
        if picture is None:
            unknown.append(mark.id)
        elif (picture.version, picture.sha256) != (mark.version, mark.sha256):
            replaced.append(mark.id)
        else:
            usable.append((mark, picture.mark))
    # An exported file has the decision "undecided" of each picture that was looked at, and so is no news.
    news = [mark for mark, known in usable if known is not None or mark.decision is not Verdict.UNDECIDED]
    stored = await desk.put(news)
    done = {canonical_id(mark.id) for mark in stored}
    left = [pair for pair in usable if canonical_id(pair[0].id) not in done]
    older = [
        mark.id
        for mark, known in left
        if known is not None and not mark.says_the_same_as(known) and mark.at < known.at
    ]
    return AppliedDecisions(
        applied=tuple(stored),
        unchanged=len(left) - len(older),
        older=tuple(older),
        replaced=tuple(replaced),
        unknown=tuple(unknown),
        problems=tuple(problem for file in files for problem in file.problems),
        contradictions=merged.contradictions,
        stuck=tuple(desk.stuck.values()),
    )
