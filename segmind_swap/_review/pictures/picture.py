"""A picture to review, and what a ledger knows about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..._models import SwapJob, Value
from ..._protocols.marks import Mark, Verdict
from ..checks.flags import ResultFlags
from ..checks.measures import ResultMeasures


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedVersion:
    """One version of a swap whose picture was saved, as a ledger knows it.

    Attributes:
        version: Counts the versions of the id, from 1.
        path: Where the picture was saved.
        reference: The path or URL of the reference, or a description.
        scene: The path or URL of the scene, likewise.
        price_usd: What the version cost, in USD.
        is_price_reported: Whether the service reported the price. If not, the price is assumed.
    """

    id: str
    version: int
    path: Path
    reference: str
    scene: str
    job: SwapJob
    price_usd: float
    is_price_reported: bool


class EarlierVersion(Value):
    """An earlier version of a swap, whose picture is still there.

    Attributes:
        version: Counts the versions of the swap, from 1.
        path: The file of the picture.
    """

    version: int
    path: Path


class ReviewPicture(Value):
    """The picture of the current version of a swap, and what is known about it.

    Attributes:
        id: The id of the swap.
        version: Counts the versions of the swap, from 1.
        path: The file of the picture. A discarded picture is in the folder `discarded`.
        sha256: The SHA-256 of the file, in hexadecimal. A mark belongs to this content.
        reference: The path or URL of the reference, or a description.
        scene: The path or URL of the scene, likewise.
        job: The job that made the picture.
        price_usd: What the version cost, in USD.
        is_price_reported: Whether the service reported the price. If not, the price is assumed.
        earlier: The earlier versions whose pictures are still there, the first version first.
        mark: The decision about this picture; None if nobody has decided.
        flags: What looks suspicious; None if the picture was not measured.
        measures: The numbers behind the flags; None if the picture was not measured.
    """

    id: str
    version: int
    path: Path
    sha256: str
    reference: str
    scene: str
    job: SwapJob
    price_usd: float
    is_price_reported: bool
    earlier: tuple[EarlierVersion, ...] = ()
    mark: Mark | None = None
    flags: ResultFlags | None = None
    measures: ResultMeasures | None = None

    @property
    def decision(self) -> Verdict:
        """What a person has decided about the picture; UNDECIDED if nobody has."""
        return Verdict.UNDECIDED if self.mark is None else self.mark.decision

    @property
    def is_flagged(self) -> bool:
        """Whether the picture has a flag, and should be looked at first."""
        return self.flags is not None and bool(self.flags.flags)
