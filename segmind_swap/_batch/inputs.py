"""The inputs of a batch: taken one at a time, checked, and identified."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from .._api.image_header import LoadedImage
from .._errors import ConfigurationError
from .._models import ImageInput, SwapRequest
from .._policy.ids import id_problem
from .._swap.output_files import OutputFile
from .._swap.uploads import Uploads
from .fingerprint import fingerprint_of, identity_of

Requests: TypeAlias = Iterable[SwapRequest] | AsyncIterable[SwapRequest]
"""What a batch takes its swaps from, one at a time, when there is room for another."""


async def listed(requests: Requests) -> list[SwapRequest]:
    """All of them at once."""
    return [request async for request in each(requests)]


async def each(requests: Requests) -> AsyncGenerator[SwapRequest, None]:
    """One after the other.

    Raises:
        ConfigurationError: one of them is no request.
    """
    if isinstance(requests, AsyncGenerator):
        async with aclosing(requests):
            async for request in requests:
                yield _checked(request)
    elif isinstance(requests, AsyncIterable):
        async for request in requests:
            yield _checked(request)
    else:
        for request in requests:
            yield _checked(request)


def _checked(request: object) -> SwapRequest:
    if isinstance(request, SwapRequest):
        return request
    shown = "a mapping" if isinstance(request, Mapping) else f"a {type(request).__name__}"
    raise ConfigurationError(
        f"a batch takes SwapRequest(id=…, reference_character_image=…, character_image=…), not {shown}"
    )


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
    complaint = id_problem(request.id)
    if complaint is not None:
        raise ConfigurationError(f"the id {request.id!r} cannot be used: {complaint}")


def target_of(request: SwapRequest, folder: Path) -> OutputFile:
    """The file that a result is saved to."""
    return OutputFile(folder / (request.id or ""), suffixed=True)


async def inputs_of(uploads: Uploads, request: SwapRequest) -> Inputs:
    """Reads and checks both pictures.

    Raises:
        ImageError: one of them cannot be used.
    """
    images = request.reference_character_image, request.character_image
    async with uploads.loaded(*images) as pictures:
        kept = [
            image if isinstance(image, str) else cast("LoadedImage", picture).data
            for image, picture in zip(images, pictures, strict=True)
        ]
        return Inputs(
            images=(kept[0], kept[1]),
            names=(_name_of(images[0], pictures[0]), _name_of(images[1], pictures[1])),
            fingerprint=fingerprint_of([identity_of(picture) for picture in pictures]),
        )


def _name_of(image: ImageInput, picture: LoadedImage | str) -> str:
    """What a report calls a picture."""
    if isinstance(image, str):
        return image
    assert isinstance(picture, LoadedImage)  # noqa: S101 - only a text can be a URL
    return f"{picture.media_type} of {len(picture.data):,} bytes, sha256 {picture.sha256[:16]}"
