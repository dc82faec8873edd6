"""Reads the pictures of a batch's inputs, several at a time. Each file is read once, and decoded once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import anyio

from ..._api.image_header import LoadedImage
from ..._concurrency import run_in_thread
from ..._errors import ImageError
from ..._models import ImageInput
from ..._protocols.looks import PictureLook, PictureLooks
from ..._swap.images import is_url, name_of
from ..fingerprint import identity_of

if TYPE_CHECKING:
    from ..._swap.uploads import Uploads

_LARGE_PX = 20_000_000
"""Pictures with more pixels are decoded one at a time."""
_MOST_PX = 80_000_000
"""Pictures with more pixels are not decoded. Pillow would warn of such a picture, and needs 300 MB for it."""
_DECODED_AT_ONCE = min(4, os.cpu_count() or 1)

_Key: TypeAlias = tuple[str, int, int] | int


@dataclass(frozen=True, slots=True)
class CheckedPicture:
    """A picture that was read.

    Attributes:
        name: The name of the picture in messages.
        identity: Identifies the content; for a URL, the URL.
    """

    name: str
    identity: str


@dataclass(slots=True)
class CheckedPictures:
    """The pictures that were read so far.

    Attributes:
        uploads: Reads pictures, and checks their headers.
        looks: Decodes pictures; None if there is no decoder.
        by_identity: What was seen of the decoded pictures, in the order in which they were decoded.
    """

    uploads: Uploads
    looks: PictureLooks | None
    by_identity: dict[str, PictureLook] = field(default_factory=dict)
    _read: dict[_Key, CheckedPicture | ImageError] = field(default_factory=dict)
    _decoding: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(_DECODED_AT_ONCE))
    _large: anyio.Lock = field(default_factory=anyio.Lock)

    async def read(self, images: Iterable[tuple[ImageInput, bool]]) -> None:
        """Reads pictures, before `picture` returns them. The bool says whether the picture is decoded, too.

        Pictures that are no files are forgotten at the next call: one file is often the reference of
        thousands of swaps, but other values would be kept in memory.
        """
        self._read = {key: known for key, known in self._read.items() if not isinstance(key, int)}
        wanted: dict[_Key, tuple[ImageInput, bool]] = {}
        for image, is_decoded in images:
            key = await _key_of(image)
            if key is not None:
                wanted[key] = image, is_decoded or wanted.get(key, (image, False))[1]
        async with anyio.create_task_group() as group:
            for key, (image, is_decoded) in wanted.items():
                group.start_soon(self._read_one, key, image, is_decoded)

    async def picture(self, image: ImageInput, *, is_decoded: bool) -> CheckedPicture | None:
        """A picture that was read; None for an open file, which only its swap may read, once.

        Raises:
            ImageError: the picture cannot be used, or is damaged if it `is_decoded`.
        """
        key = await _key_of(image)
        if key is None:
            return None
        if key not in self._read:
            # The file was changed between the two calls.
            await self._read_one(key, image, is_decoded)
        known = self._read[key]
        if isinstance(known, ImageError):
            # The same error for each input; without this, its traceback would grow.
            raise known.with_traceback(None)
        look = self.by_identity.get(known.identity)
        if is_decoded and look is not None and look.is_damaged:
            raise ImageError(
                f"{known.name}: {look.problem}. Only its header is sound, so the service may take it, and"
                " charge for it: save it again in a program that shows it, or leave it out",
                image=known.name,
            )
        return known

    async def _read_one(self, key: _Key, image: ImageInput, is_decoded: bool) -> None:
        known = self._read.get(key)
        must_decode = is_decoded and self.looks is not None
        if known is not None and (
            isinstance(known, ImageError) or not must_decode or known.identity in self.by_identity
        ):
            return
        try:
            async with self.uploads.loaded(image) as (loaded,):
                picture = CheckedPicture(name_of(image), identity_of(loaded))
                if must_decode and isinstance(loaded, LoadedImage):
                    await self._look_at(picture.identity, loaded)
                self._read[key] = picture
        except ImageError as exc:
            self._read[key] = exc

    async def _look_at(self, identity: str, image: LoadedImage) -> None:
        size_px = image.width_px * image.height_px
        if size_px > _MOST_PX:
            problem = f"it has {size_px:,} pixels, and more than {_MOST_PX:,} are not decoded"
            self.by_identity[identity] = PictureLook(problem=problem)
            return
        async with self._large if size_px > _LARGE_PX else self._decoding:
            if identity not in self.by_identity and self.looks is not None:
                self.by_identity[identity] = await run_in_thread(partial(self.looks.look, image.data))


async def _key_of(image: ImageInput) -> _Key | None:
    """Identifies a picture among those that were read; None for an open file."""
    if callable(getattr(image, "read", None)):
        return None
    if isinstance(image, str) and is_url(image):
        return image, 0, 0
    if isinstance(image, str | os.PathLike):
        try:
            found = await anyio.Path(image).stat()
        except (OSError, ValueError):
            return str(image), -1, -1
        return str(image), found.st_size, found.st_mtime_ns
    return id(image)
