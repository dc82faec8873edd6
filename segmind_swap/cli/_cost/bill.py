"""The bill of batches: a line for each version, and the kinds of versions with what they cost."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from ipaddress import ip_address
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from segmind_swap import Journal, Mark, OutcomeState, SwapVersion, Verdict
from segmind_swap._api.ids import canonical_id

COLUMNS = (
    *("batch", "id", "version", "is_current", "date", "reference", "scene", "state", "copy_of", "decision"),
    *("price_usd", "certain_usd", "certainty"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be computed by a spreadsheet."""
_DECIDED = {
    Verdict.KEEP: "kept",
    Verdict.DISCARD: "discarded",
    Verdict.REDO: "to redo",
    Verdict.UNDECIDED: "undecided",
}
_EARLIER = "earlier versions"
_KINDS = (*_DECIDED.values(), _EARLIER)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledVersion:
    """One version of a swap of a batch.

    Attributes:
        batch: The folder of the batch, or its journal, as the user has named it.
        version: The version with its money.
        is_reviewed: Whether a person decides about the pictures. False for a service without decisions.
        decision: What a person has decided about its picture; None if nobody has, or if there is no picture.
    """

    batch: str
    version: SwapVersion
    decision: Verdict | None
    is_reviewed: bool = True

    @property
    def kind(self) -> str:
        """What the version is for the user: a picture that was kept, an earlier version, or a state."""
        outcome = self.version.outcome
        if not outcome.state.is_done:
            return outcome.state.value
        if not self.version.is_current:
            return _EARLIER
        return _DECIDED[self.decision or Verdict.UNDECIDED] if self.is_reviewed else outcome.state.value

    @property
    def is_local(self) -> bool:
        """Whether the job is one of a service on this machine, such as the emulator: nobody was billed."""
        outcome = self.version.outcome
        job = outcome.job or (None if outcome.result is None else outcome.result.job)
        return job is not None and _is_of_this_machine(job.poll_url or "")

    @property
    def certainty(self) -> str:
        """How certain the price is: `reported`, `assumed`, `perhaps`, or `none` if nothing can be charged."""
        version = self.version
        if version.at_most_usd == 0:
            return "none"
        if version.certain_usd == 0:
            return "perhaps"
        result = version.outcome.result
        return "assumed" if result is None or result.cost_usd is None else "reported"

    def fields(self) -> Mapping[str, object]:
        """The version as a line of the table, by the names of the columns."""
        outcome = self.version.outcome
        job = outcome.job or (None if outcome.result is None else outcome.result.job)
        return {
            "batch": self.batch,
            "id": outcome.request.id,
            "version": outcome.version,
            "is_current": self.version.is_current,
            "date": None if job is None else job.submitted_at.astimezone(UTC).isoformat(timespec="seconds"),
            "reference": str(outcome.request.reference_character_image),
            "scene": str(outcome.request.character_image),
            "state": outcome.state.value,
            "copy_of": None if outcome.result is None else outcome.result.copy_of,
            "decision": None if self.decision is None else self.decision.value,
            "price_usd": round(self.version.at_most_usd, 4),
            "certain_usd": round(self.version.certain_usd, 4),
            "certainty": self.certainty,
        }


@dataclass(slots=True)
class Sum:
    """The money of some versions, in USD."""

    count: int = 0
    certain_usd: float = 0.0
    at_most_usd: float = 0.0

    def add(self, version: SwapVersion) -> None:
        """Adds a version."""
        self.count += 1
        self.certain_usd += version.certain_usd
        self.at_most_usd += version.at_most_usd


def billed(batch: str, journal: Path, *, price_usd: float | None) -> Iterator[BilledVersion]:
    """The versions of one batch, with the decisions about their pictures.

    Raises:
        JournalError: There is no journal, or the journal or its decisions cannot be read.
    """
    marks = _newest(asyncio.run(_marks(Journal(journal))))
    is_reviewed = bool(marks) or Journal(journal).summary().orders == 0
    for version in Journal(journal).versions(price_usd=price_usd):
        outcome = version.outcome
        mark = marks.get((canonical_id(outcome.request.id or ""), outcome.version))
        is_decided = mark is not None and mark.decision is not Verdict.UNDECIDED
        has_picture = outcome.state is OutcomeState.SAVED
        yield BilledVersion(
            batch=batch,
            version=version,
            is_reviewed=is_reviewed,
            decision=mark.decision if mark is not None and is_decided and has_picture else None,
        )


def _is_of_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def _marks(journal: Journal) -> Sequence[Mark]:
    return await journal.marks.read()


def _newest(marks: Iterable[Mark]) -> dict[tuple[str, int], Mark]:
    found: dict[tuple[str, int], Mark] = {}
    for mark in sorted(marks, key=lambda mark: mark.at):
        found[canonical_id(mark.id), mark.version] = mark
    return found


def sums_of(versions: Iterable[BilledVersion]) -> dict[str, Sum]:
    """The money of each kind of version: pictures first, then the states without a picture."""
    sums: dict[str, Sum] = {kind: Sum() for kind in (*_KINDS, *(state.value for state in OutcomeState))}
    for billed_version in versions:
        sums[billed_version.kind].add(billed_version.version)
    return {kind: found for kind, found in sums.items() if found.count}


def write_csv(file: TextIO, versions: Iterable[BilledVersion]) -> None:
    """A line for each version, under a header. A text that looks like a formula gets an apostrophe."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for version in versions:
        fields = version.fields()
        rows.writerow(_cell(fields[column]) for column in COLUMNS)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
