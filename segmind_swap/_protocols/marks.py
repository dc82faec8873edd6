"""`Marks`: what a person has decided about the pictures of a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import AwareDatetime, Field

from .._models import Value

_MAX_REASONS = 16
_MAX_REASON = 80
_MAX_NOTE = 2000


class Verdict(StrEnum):
    """What a person says about one picture. It is not a state: the swap stays SAVED, and stays paid."""

    KEEP = "keep"
    """The picture is handed on."""
    DISCARD = "discard"
    """The picture is not handed on. No run fetches it again, and none makes it again by itself."""
    REDO = "redo"
    """The picture is to be made again, which is paid again. Only `segmind-swap redo` does so."""
    UNDECIDED = "undecided"
    """Nobody has decided yet, or a person has taken the decision back."""


class Mark(Value):
    """A person's decision about one version of one swap.

    A mark belongs to the version and to the content of the picture. Another picture of the same id has no
    mark, and so is undecided: a new version is undecided even if its picture has the same bytes.

    Attributes:
        id: The id of the swap.
        sha256: The SHA-256 of the picture, as 64 hexadecimal digits.
        decision: The decision.
        reasons: Why, in a few words each, such as `wrong person`.
        note: A note for other people.
        version: Which version of the swap the picture is, counted from 1.
        at: When the person decided.
    """

    id: Annotated[str, Field(min_length=1, max_length=1000)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    decision: Verdict
    reasons: tuple[Annotated[str, Field(max_length=_MAX_REASON)], ...] = Field(
        default=(), max_length=_MAX_REASONS
    )
    note: Annotated[str, Field(max_length=_MAX_NOTE)] = ""
    version: Annotated[int, Field(ge=1)] = 1
    at: AwareDatetime

    def says_the_same_as(self, other: Mark) -> bool:
        """Whether two marks of one picture differ in their time alone."""
        return (self.decision, self.reasons, self.note) == (other.decision, other.reasons, other.note)


def mark_of_version(marks: Iterable[Mark], version: int) -> Mark | None:
    """The newest mark of one version, among the marks of one swap; None if the version has no mark."""
    return max((mark for mark in marks if mark.version == version), key=lambda mark: mark.at, default=None)


class Marks(Protocol):
    """The marks of all pictures of a ledger. There is at most one mark for an id, a version and a SHA-256.

    Ids are compared in their canonical form. People may write while a batch runs, from several processes.
    """

    async def read(self) -> Sequence[Mark]:
        """The mark of each picture that has one, UNDECIDED included, in no promised order.

        Raises:
            JournalError: the marks cannot be read.
        """
        ...

    async def of(self, id: str) -> Sequence[Mark]:
        """The marks of the versions of one swap.

        Raises:
            JournalError: the marks cannot be read.
        """
        ...

    async def put(self, marks: Collection[Mark]) -> Sequence[Mark]:
        """Stores marks, all of them or none. The marks are durable when this method returns.

        A mark replaces the stored mark of its picture only if it is newer. So marks that arrive twice, late
        or in another order leave the same marks.

        Returns:
            The marks that replaced another one, or were new.

        Raises:
            JournalError: the marks cannot be written.
        """
        ...
