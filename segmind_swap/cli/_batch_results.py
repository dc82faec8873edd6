"""What a batch leaves behind beside the pictures: a line for each outcome, and a page to look at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

from segmind_swap import Journal, OutcomeState, SwapOutcome, SwapRequest

from ._report import Exhibit, write_report

RESULTS = "results.jsonl"
REPORT = "report.html"


class Results:
    """`results.jsonl`: a line for each outcome in the order of completion; it gets its name when all are in.

    A disk that is full ends the file, and never the batch, which has its journal.

    Attributes:
        complaint: Why there is no file, if there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RESULTS
        self.complaint = ""
        self._part = folder / f"{RESULTS}.part"
        self._file: TextIO | None = None

    def add(self, outcome: SwapOutcome) -> None:
        """Writes a line."""
        if self.complaint:
            return
        try:
            if self._file is None:
                self._file = self._part.open("w", encoding="utf-8")
            self._file.write(json.dumps(_fields(outcome)) + "\n")
        except OSError as exc:
            self._fail(exc)

    def finish(self) -> None:
        """Gives the file its name."""
        try:
            if self._file is not None:
                self._file.close()
                self._part.replace(self.path)
        except OSError as exc:
            self._fail(exc)

    def _fail(self, error: OSError) -> None:
        self.complaint = f"{self.path} could not be written: {error.strerror or error}"


def _fields(outcome: SwapOutcome) -> Mapping[str, object]:
    result, error = outcome.result, outcome.error
    return {
        "id": outcome.request.id,
        "state": outcome.state,
        "path": None if outcome.path is None else str(outcome.path),
        "url": None if result is None else result.url,
        "job": None if outcome.job is None else outcome.job.model_dump(mode="json"),
        "seconds": None if result is None else result.seconds,
        "cost_usd": None if result is None else result.cost_usd,
        "error": None if error is None else {"error": type(error).__name__, "message": str(error)},
    }


def write_page(
    folder: Path,
    journal: Path,
    *,
    untaken: Iterable[SwapRequest],
    lead: str,
    totals: Sequence[tuple[str, str]],
) -> Path:
    """Writes the report of all that the journal knows, and of the inputs that it does not know yet.

    Raises:
        OSError: it cannot be written.
        JournalError: the journal cannot be read.
    """
    page = folder / REPORT
    write_report(
        page,
        title=f"{folder.resolve().name}: character swaps",
        lead=lead,
        exhibits=_exhibits(folder.resolve(), journal, untaken),
        totals=totals,
    )
    return page


def _exhibits(folder: Path, journal: Path, untaken: Iterable[SwapRequest]) -> Iterator[Exhibit]:
    pending = (SwapOutcome(request=request, state=OutcomeState.PENDING) for request in untaken)
    for outcome in chain(Journal(journal).outcomes(), pending):
        result, request = outcome.result, outcome.request
        facts = []
        if result is not None:
            facts.append(f"{result.seconds:.1f} s")
            if result.cost_usd is not None:
                facts.append(f"${result.cost_usd:.4f}")
        saved = outcome.state is OutcomeState.SAVED and outcome.path is not None
        yield Exhibit(
            title=request.id or "",
            reference=_link(folder, str(request.reference_character_image)),
            scene=_link(folder, str(request.character_image)),
            result=_link(folder, str(outcome.path)) if saved else None,
            state=outcome.state.value,
            facts=tuple(facts),
            reason="" if outcome.error is None else str(outcome.error),
        )


def _link(folder: Path, picture: str) -> str:
    """A URL as it is, a path as the page's folder sees it."""
    if "://" in picture:
        return picture
    try:
        return os.path.relpath(picture, folder)
    except ValueError:  # another drive
        return picture
