"""A file of decisions, as the page exports it: `decisions.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..._api.ids import canonical_id
from ..._api.text import shorten
from ..._errors import ConfigurationError
from ..._protocols.marks import Mark

VERSION = 1
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsFile:
    """What a file of decisions says.

    Attributes:
        name: The name of the file, for messages.
        marks: The decisions.
        problems: Why decisions of the file cannot be used, a sentence each.
    """

    name: str
    marks: tuple[Mark, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The decisions of several files.

    Attributes:
        marks: The newest decision about each picture.
        contradictions: A sentence for each picture about which two files say different things.
    """

    marks: tuple[Mark, ...]
    contradictions: tuple[str, ...] = field(default=())


def read_decisions(path: Path, *, journal_id: str) -> DecisionsFile:
    """Reads a file of decisions.

    Raises:
        ConfigurationError: the file cannot be read, is no file of decisions, or belongs to another journal.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES:,} bytes")
        content = json.loads(path.read_bytes())
        problem = _problem_of(content, journal_id)
    except (OSError, ValueError, RecursionError) as exc:
        strerror = exc.strerror if isinstance(exc, OSError) else None
        problem = f"cannot be read: {strerror or str(exc) or type(exc).__name__}"
        content = {}
    if problem is not None:
        raise ConfigurationError(f"the file of decisions {path} {problem}")
    return decisions_of(content["decisions"], name=str(path))


def _problem_of(content: object, journal_id: str) -> str | None:
    if not isinstance(content, dict) or not isinstance(content.get("decisions"), dict):
        return "has no decisions: it must be a file that the review page has exported"
    if content.get("version") != VERSION:
        return f"has the version {content.get('version')!r}, and this program reads the version {VERSION}"
    if content.get("journal") != journal_id:
        return (
            "was made for another journal: its decisions are about other pictures. Give the folder of that"
            " journal"
        )
    return None


def decisions_of(decisions: Mapping[str, Any], *, name: str) -> DecisionsFile:
    """The decisions by their ids. What cannot be used becomes a problem, and does not spoil the rest."""
    marks, problems = [], []
    for id, fields in decisions.items():
        try:
            marks.append(Mark.model_validate({**fields, "id": id}))
        except (ValidationError, TypeError) as exc:
            problems.append(f"{shorten(id)}: {shorten(_reason(exc))}")
    return DecisionsFile(name=name, marks=tuple(marks), problems=tuple(problems))


def _reason(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "it is no decision"
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def merge(files: Sequence[DecisionsFile]) -> Merged:
    """The newest decision about each picture, and the pictures about which the files disagree."""
    newest: dict[tuple[str, int, str], tuple[Mark, str]] = {}
    contradictions: list[str] = []
    for file in files:
        for mark in file.marks:
            key = canonical_id(mark.id), mark.version, mark.sha256
            known = newest.get(key)
            if known is not None and known[0].decision != mark.decision:
                contradictions.append(_contradiction(known, (mark, file.name)))
            if known is None or mark.at > known[0].at:
                newest[key] = mark, file.name
    marks = tuple(mark for mark, _ in newest.values())
    return Merged(marks=marks, contradictions=tuple(contradictions))


def _contradiction(one: tuple[Mark, str], other: tuple[Mark, str]) -> str:
    (older, older_name), (newer, newer_name) = sorted((one, other), key=lambda found: found[0].at)
    return (
        f"{newer.id}: {older.decision} in {older_name}, and later {newer.decision} in {newer_name}:"
        f" {newer.decision} counts"
    )
