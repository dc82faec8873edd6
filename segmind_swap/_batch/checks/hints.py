"""Makes hints of what was seen in the inputs of a batch: copies, pictures of one colour, unknown pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..._concurrency import run_in_thread
from ..._protocols.ledger import LedgerView
from ..._protocols.looks import PictureLook, PictureLooks
from ..fingerprint import fingerprint_of
from .findings import CopyHint, PictureHint
from .pictures import CheckedPicture


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedInput:
    """An input that a batch would submit.

    Attributes:
        index: The position of the request, counted from 0.
        id: The id of the request, or None.
        pictures: The reference and the scene.
    """

    index: int
    id: str | None
    pictures: tuple[CheckedPicture, CheckedPicture]

    @property
    def identities(self) -> tuple[str, str]:
        """What identifies the contents of the reference and the scene."""
        reference, scene = self.pictures
        return reference.identity, scene.identity


async def copies_of(
    inputs: Sequence[CheckedInput],
    ledger: LedgerView | None,
    looks: PictureLooks | None,
    seen: Mapping[str, PictureLook],
) -> list[CopyHint]:
    """The inputs whose pictures are those of another swap, in the order of the inputs.

    Args:
        inputs: The inputs.
        ledger: The ledger, whose swaps count, too; None if there is none.
        looks: Finds pictures that were saved again; None if nothing was decoded.
        seen: What was seen of the pictures.

    Raises:
        JournalError: the ledger cannot be read.
    """
    nearest = await _first_near(inputs, looks, seen)
    first: dict[str, CheckedInput] = {}
    first_near: dict[tuple[str, str], CheckedInput] = {}
    found = []
    for checked in inputs:
        fingerprint = fingerprint_of(checked.identities)
        reference, scene = checked.identities
        near = nearest.get(reference, reference), nearest.get(scene, scene)
        paid = None if ledger is None else await ledger.find_paid(fingerprint)
        original = first.setdefault(fingerprint, checked)
        alike = first_near.setdefault(near, checked)
        if paid is not None:
            found.append(_copy(checked, paid.original_id, is_identical=True))
        elif original is not checked:
            found.append(_copy(checked, original.id, is_identical=True))
        elif alike is not checked:
            found.append(_copy(checked, alike.id, is_identical=False))
    return found


def _copy(checked: CheckedInput, original_id: str | None, *, is_identical: bool) -> CopyHint:
    return CopyHint(index=checked.index, id=checked.id, original_id=original_id, is_identical=is_identical)


async def _first_near(
    inputs: Iterable[CheckedInput], looks: PictureLooks | None, seen: Mapping[str, PictureLook]
) -> Mapping[str, str]:
    """For each picture that was probably saved again: the first picture that it is a copy of."""
    if looks is None:
        return {}
    # In the order of the inputs. Pictures are decoded in any order.
    identities = dict.fromkeys(identity for checked in inputs for identity in checked.identities)
    ordered = {identity: seen[identity] for identity in identities if identity in seen}
    find = looks.near_copies
    return await run_in_thread(lambda: find(ordered))


def flat_pictures(inputs: Iterable[CheckedInput], seen: Mapping[str, PictureLook]) -> list[PictureHint]:
    """The pictures of one colour."""
    return _hints(inputs, {identity: "" for identity, look in seen.items() if look.is_flat})


def undecoded_pictures(inputs: Iterable[CheckedInput], seen: Mapping[str, PictureLook]) -> list[PictureHint]:
    """The pictures that could not be decoded."""
    return _hints(inputs, {identity: look.problem for identity, look in seen.items() if look.problem})


def _hints(inputs: Iterable[CheckedInput], reasons: Mapping[str, str]) -> list[PictureHint]:
    names: dict[str, str] = {}
    ids: dict[str, list[str | None]] = {}
    for checked in inputs if reasons else ():
        for picture in dict.fromkeys(checked.pictures):
            if picture.identity in reasons:
                names.setdefault(picture.identity, picture.name)
                ids.setdefault(picture.identity, []).append(checked.id)
    return [
        PictureHint(picture=name, ids=tuple(ids[identity]), reason=reasons[identity])
        for identity, name in names.items()
    ]
