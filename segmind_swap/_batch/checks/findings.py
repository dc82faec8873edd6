"""`InputCheck`: what a check of a batch's inputs has found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..._outcome import SwapOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureHint:
    """A picture that a person should look at before its swaps are paid.

    Attributes:
        picture: The picture: its path, or a description.
        ids: The ids of the requests that use the picture, in their order; None for a request without an id.
        reason: Why the picture could not be decoded; empty for a picture of one colour.
    """

    picture: str
    ids: tuple[str | None, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyHint:
    """A request whose two pictures are those of another swap.

    Attributes:
        index: The position of the request, counted from 0.
        id: The id of the request, or None.
        original_id: The id of the other swap, or None. It is an earlier request, or a swap of the journal.
        is_identical: Whether both pictures have the same content. Then a batch with `once_per_picture` pays
            for the two swaps once. Otherwise, one of the pictures was probably saved again.
    """

    index: int
    id: str | None
    original_id: str | None
    is_identical: bool


class InputCheck(list[SwapOutcome]):
    """The requests that a batch would reject, each as an outcome with its error; and hints about the others.

    Hints never reject anything. They are about the requests that a batch would submit.

    Attributes:
        flat: The pictures of one colour.
        copies: The requests whose pictures are those of another swap, in their order.
        undecoded: The pictures that Pillow cannot decode, although it finds no damage in them.
        is_decoded: Whether pictures were decoded. False without Pillow, the extra `review`: then only
            identical pictures are found, and a picture is only rejected for what its header says.
    """

    def __init__(
        self,
        rejected: Iterable[SwapOutcome] = (),
        *,
        flat: Sequence[PictureHint] = (),
        copies: Sequence[CopyHint] = (),
        undecoded: Sequence[PictureHint] = (),
        is_decoded: bool = False,
    ) -> None:
        super().__init__(rejected)
        self.flat: tuple[PictureHint, ...] = tuple(flat)
        self.copies: tuple[CopyHint, ...] = tuple(copies)
        self.undecoded: tuple[PictureHint, ...] = tuple(undecoded)
        self.is_decoded: bool = is_decoded
