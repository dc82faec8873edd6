"""The files that a batch writes beside the pictures: `results.jsonl` and `report.html`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import IO

from segmind_swap import (
    Journal,
    KnownThumbnails,
    OutcomeState,
    ResultMeasures,
    SwapOutcome,
    discarded_path,
)

from .._report.atomic_file import atomic_file
from .._report.page import ReportItem, write_report
from .._terminal.option_names import message_of
from .options import JOURNAL_NAME
from .relocation import Relocation

RESULTS_NAME = "results.jsonl"
REPORT_NAME = "report.html"
REVIEW_NAME = "review.html"
MARK_NAME = ".segmind-swap"
"""An empty file in a folder of results whose journal lies elsewhere: these pictures are no scenes."""


def mark_folder(folder: Path, journal: Path) -> None:
    """Marks a folder of results before the first result, unless its journal lies in it and says the same.

    A run that is killed leaves no other trace in the folder than its pictures.

    Raises:
        OSError: The folder cannot be written.
    """
    if journal.resolve() != folder.resolve() / JOURNAL_NAME:
        (folder / MARK_NAME).touch()


class ResultsFile:
    """`results.jsonl`: a line for each outcome in the order of completion. The file appears at `close`.

    Until then, the lines are in a file without a name: what is measured of a result comes after its outcome.

    An error of the disk ends the writing of this file, but not the batch: every outcome is in the journal.

    Attributes:
        path: The file.
        problem: Why the file could not be written; empty if there was no error.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RESULTS_NAME
        self.problem = ""
        self._open_files = ExitStack()
        self._file: IO[str] | None = None

    def add(self, outcome: SwapOutcome) -> None:
        """Writes the line of an outcome."""
        if self.problem:
            return
        try:
            if self._file is None:
                lines = tempfile.TemporaryFile("w+", encoding="utf-8", dir=self.path.parent)  # noqa: SIM115
                self._file = self._open_files.enter_context(lines)
            self._file.write(json.dumps(_fields(outcome)) + "\n")
        except OSError as exc:
            self._set_problem(exc)
            with suppress(OSError):  # closing the file writes its buffer, which fails again
                self._open_files.__exit__(type(exc), exc, exc.__traceback__)

    def close(self, measures: Mapping[str, ResultMeasures] | None = None) -> None:
        """Completes the file; if no outcome was added, there is no file.

        Args:
            measures: What was measured of results, by the ids of their swaps.
        """
        try:
            with self._open_files:
                if self._file is not None and not self.problem:
                    self._complete(self._file, measures or {})
        except OSError as exc:
            self._set_problem(exc)

    def _complete(self, lines: IO[str], measures: Mapping[str, ResultMeasures]) -> None:
        lines.seek(0)
        with atomic_file(self.path) as file:
            for line in lines:
                fields = json.loads(line)
                found = measures.get(fields["id"] or "")
                fields["measures"] = None if found is None else found.numbers()
                file.write(json.dumps(fields) + "\n")

    def _set_problem(self, error: OSError) -> None:
        self.problem = f"{self.path} could not be written: {error.strerror or error}"


def _fields(outcome: SwapOutcome) -> Mapping[str, object]:
    result, error = outcome.result, outcome.error
    return {
        "id": outcome.request.id,
        "state": outcome.state,
        "version": outcome.version,
        "path": None if outcome.path is None else str(outcome.path),
        "url": None if result is None else result.url,
        "job": None if outcome.job is None else outcome.job.model_dump(mode="json"),
        "seconds": None if result is None else result.seconds,
        "cost_usd": None if result is None else result.cost_usd,
        "copy_of": None if result is None else result.copy_of,
        "error": None if error is None else {"error": type(error).__name__, "message": message_of(error)},
    }


def write_batch_report(
    folder: Path,
    journal: Path,
    *,
    relocation: Relocation,
    not_in_journal: Iterable[SwapOutcome],
    lead: str,
    totals: Sequence[tuple[str, str]],
    thumbnails: KnownThumbnails | None = None,
) -> Path:
    """Writes `report.html` with every swap of the journal, and with the inputs that are not in the journal.

    The page shows the `thumbnails` in place of the pictures.

    Raises:
        OSError: The page cannot be written.
        JournalError: The journal cannot be read.
    """
    page = folder / REPORT_NAME
    write_report(
        page,
        title=f"{folder.resolve().name}: character swaps",
        lead=lead,
        items=_report_items(folder.resolve(), journal, relocation, not_in_journal, thumbnails),
        totals=totals,
        review=REVIEW_NAME if (folder / REVIEW_NAME).is_file() else None,
    )
    return page


def _report_items(
    folder: Path,
    journal: Path,
    relocation: Relocation,
    not_in_journal: Iterable[SwapOutcome],
    thumbnails: KnownThumbnails | None,
) -> Iterator[ReportItem]:
    for outcome in chain(map(relocation.outcome, Journal(journal).outcomes()), not_in_journal):
        request = outcome.request
        result, is_discarded = _result_of(outcome)
        pictures = [str(request.reference_character_image), str(request.character_image), str(result)]
        found = () if thumbnails is None else zip(pictures, map(thumbnails.of, pictures), strict=True)
        copies = {_link(folder, picture): _link(folder, str(copy)) for picture, copy in found if copy}
        yield ReportItem(
            title=request.id or "",
            reference=_link(folder, pictures[0]),
            scene=_link(folder, pictures[1]),
            result=None if result is None else _link(folder, pictures[2]),
            state=outcome.state.value,
            facts=(*_facts(outcome), *(["discarded"] if is_discarded else [])),
            small=copies,
            reason="" if outcome.error is None else message_of(outcome.error),
        )


def _result_of(outcome: SwapOutcome) -> tuple[Path | None, bool]:
    """The file of the picture, and whether a person has discarded the picture: then it was moved away."""
    path = outcome.path
    if outcome.state is not OutcomeState.SAVED or path is None:
        return None, False
    discarded = discarded_path(path, outcome.version)
    is_discarded = not path.is_file() and discarded.is_file()
    return (discarded if is_discarded else path), is_discarded


def _facts(outcome: SwapOutcome) -> Iterator[str]:
    """The time of the acceptance, the number of payments if there may be more than one, and the cost.

    The duration is left out: most of it is the time between two polls.
    """
    job, result = outcome.job, outcome.result
    if outcome.version > 1:
        yield f"version {outcome.version}"
    if result is not None and result.copy_of is not None:
        yield f"a copy of {result.copy_of}, free"
        return
    if job is not None:
        yield f"{job.submitted_at.astimezone():%Y-%m-%d %H:%M}"
        if job.possible_duplicates:
            yield f"perhaps paid {job.possible_duplicates + 1} times"
    if result is not None and result.cost_usd is not None:
        yield f"${result.cost_usd:.4f}"


def _link(folder: Path, picture: str) -> str:
    """A URL unchanged; a path made relative to the folder of the page."""
    if "://" in picture:
        return picture
    try:
        return os.path.relpath(picture, folder)
    except ValueError:  # On Windows, there is no relative path to another drive.
        return picture
