"""The options of `review` and `export`, and the review that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from segmind_swap import ConfigurationError, Review, Thresholds, Verdict

from .._batch.options import JOURNAL_NAME


class Listed(StrEnum):
    """What `--list` can list: the decisions, and what looks suspicious."""

    KEEP = "keep"
    DISCARD = "discard"
    REDO = "redo"
    UNDECIDED = "undecided"
    FLAGGED = "flagged"


class Exported(StrEnum):
    """Which pictures `export --only` hands on. Discarded pictures are never handed on."""

    KEEP = "keep"
    REDO = "redo"
    UNDECIDED = "undecided"

    @property
    def verdict(self) -> Verdict:
        """The decision of these pictures."""
        return Verdict(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOptions:
    """What the user named.

    Attributes:
        out: The folder of the batch, as the user wrote it.
        journal: The journal; None for the one in `out`.
        flags: Thresholds, each as in `background=0.5`.
    """

    out: Path
    journal: Path | None = None
    flags: Sequence[str] = ()

    def review(self) -> Review:
        """The review of the batch.

        Raises:
            ConfigurationError: `out` is no folder, or a threshold cannot be used.
        """
        if not self.out.is_dir():
            raise ConfigurationError(f"{self.out} is no folder: give the folder of a batch, its --out")
        return Review(
            self.journal or self.out / JOURNAL_NAME,
            folder=self.out,
            thresholds=Thresholds().with_settings(self.flags),
        )

    def words(self, *more: str) -> list[str]:
        """The words of a `review` command about the same batch."""
        journal = [] if self.journal is None else ["--journal", str(self.journal)]
        return ["segmind-swap", "review", str(self.out), *journal, *more]
