"""What a swap of a batch begins with: its id, its two pictures, and where its result goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ._downloads import Target
from ._errors import ConfigurationError
from ._ids import complaint_about_id
from ._images import Picture
from ._models import ImageInput, SwapRequest
from ._uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The two pictures of a swap.

    Attributes:
        images: To be read again when the swap's turn comes: files where they are, anything else as bytes.
        names: What a report calls them.
        fingerprint: Identifies what is swapped into what.
    """

    images: tuple[ImageInput, ImageInput]
    names: tuple[str, str]
    fingerprint: str


def check_id(request: SwapRequest, *, needed: bool) -> None:
    """Refuses an id that cannot name a file, or a missing one that is needed.

    Raises:
        ConfigurationError: it cannot be used.
    """
    if request.id is None:
        if needed:
            raise ConfigurationError("a swap of a batch with `journal` or `save_to` needs an id")
        return
    complaint = complaint_about_id(request.id)
    if complaint is not None:
        raise ConfigurationError(f"the id {request.id!r} cannot be used: {complaint}")


def target_of(request: SwapRequest, folder: Path) -> Target:
    """The file that a result is saved to."""
    return Target(folder / (request.id or ""), suffixed=True)


async def inputs_of(uploads: Uploads, request: SwapRequest) -> Inputs:
    """Reads and checks both pictures.

    Raises:
        ImageError: one of them cannot be used.
    """
    images = request.reference_character_image, request.character_image
    async with uploads.loaded(*images) as pictures:
        kept = [
            image if isinstance(image, str) else cast("Picture", picture).data
            for image, picture in zip(images, pictures, strict=True)
        ]
        return Inputs(
            images=(kept[0], kept[1]),
            names=(_name_of(images[0], pictures[0]), _name_of(images[1], pictures[1])),
            fingerprint=fingerprint_of([identity_of(picture) for picture in pictures]),
        )


def identity_of(picture: Picture | str) -> str:
    """A picture's URL, or what its content is known by, wherever it is."""
    return picture if isinstance(picture, str) else f"sha256:{picture.sha256}"


def fingerprint_of(identities: Sequence[str]) -> str:
    """Identifies what is swapped into what."""
    return hashlib.sha256(json.dumps(identities).encode()).hexdigest()


def _name_of(image: ImageInput, picture: Picture | str) -> str:
    """What a report calls a picture."""
    if isinstance(image, str):
        return image
    assert isinstance(picture, Picture)  # noqa: S101 - only a text can be a URL
    return f"{picture.media_type} of {len(picture.data):,} bytes, sha256 {picture.sha256[:16]}"
