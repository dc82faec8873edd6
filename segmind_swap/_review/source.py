"""`ReviewSource`: the batch that is reviewed, whatever keeps its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .._protocols.marks import Marks
from .pictures.picture import SavedVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What a review tells about the batch as a whole.

    Attributes:
        id: Identifies the journal or the ledger. A file of decisions names it.
        price_usd: The assumed price of a swap, in USD.
        spent_usd: What is spent, or may still have to be paid, in USD.
    """

    id: str
    price_usd: float
    spent_usd: float


class ReviewSource(Protocol):
    """Reads a batch, also while the batch runs, and keeps the decisions about its pictures."""

    @property
    def cache_beside(self) -> Path | None:
        """The file beside which measures are kept; None to keep them in memory."""
        ...

    async def facts(self) -> SourceFacts:
        """The facts about the batch.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        ...

    async def marks(self) -> Marks:
        """The decisions about the pictures.

        Raises:
            JournalError: as `facts`.
        """
        ...

    async def saved(self) -> Sequence[SavedVersion]:
        """All versions whose pictures were saved: ids in the order of their first run, versions ascending.

        Raises:
            JournalError: as `facts`.
        """
        ...
