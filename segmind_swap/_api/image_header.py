"""The type and size of an image, from its magic bytes and its header. Nothing is decoded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from .image_formats import jpeg, png, webp
from .image_formats.file_type import JPEG, PNG, WEBP, FileType, file_type_of
from .image_formats.problems import UnusableImageError

_MAX_PIXELS = 100_000_000
SUFFIXES = {kind.media_type: kind.suffix for kind in (JPEG, PNG, WEBP)}
"""The suffix of a file name for each type that the service takes and returns, by its media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedImage:
    """The bytes of an image, with the facts of its header.

    Attributes:
        data: The bytes.
        sha256: Identifies the content, in hexadecimal.
        media_type: `image/jpeg`, `image/png` or `image/webp`, by the magic bytes.
        width_px: The width in the header.
        height_px: The height in the header.
    """

    data: bytes = field(repr=False)
    sha256: str
    media_type: str
    width_px: int
    height_px: int

    @property
    def suffix(self) -> str:
        """The suffix of a file name for this type, with the dot."""
        return SUFFIXES[self.media_type]


def checked(data: bytes, *, max_bytes: int) -> LoadedImage:
    """Reads the structure of an image, from its header to its end.

    Raises:
        UnusableImageError: the data is not a whole JPEG, PNG or WebP image that ordinary programs can read,
            or has more than `max_bytes` bytes or 100 million pixels. It is a ValueError.
    """
    if not data:
        raise UnusableImageError("it is empty", is_cut_short=True)
    if len(data) > max_bytes:
        raise UnusableImageError(
            f"it is larger than {max_bytes:,} bytes",
            "make it smaller (or raise `max_image_bytes`)",
        )
    file_type = file_type_of(data)
    width_px, height_px = _size_of(data, file_type)
    if width_px < 1 or height_px < 1:
        raise UnusableImageError(f"its header says that it is {width_px} x {height_px} pixels")
    if width_px * height_px > _MAX_PIXELS:
        raise UnusableImageError(
            f"{width_px} x {height_px} pixels are more than {_MAX_PIXELS:,}", "make it smaller"
        )
    return LoadedImage(
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=file_type.media_type,
        width_px=width_px,
        height_px=height_px,
    )


def _size_of(data: bytes, file_type: FileType) -> tuple[int, int]:
    if file_type is PNG:
        return png.size_of(data, max_pixels=_MAX_PIXELS)
    if file_type is JPEG:
        return jpeg.size_of(data)
    if file_type is WEBP:
        return webp.size_of(data)
    raise UnusableImageError(f"it is {file_type.name}", file_type.kind.value)
