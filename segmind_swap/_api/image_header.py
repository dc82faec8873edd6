"""The type and size of an image, from its magic bytes and its header. Nothing is decoded."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

_MAX_PIXELS = 100_000_000
_KNOWN_OTHERS = {b"GIF8": "a GIF", b"BM": "a BMP", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"%PDF": "a PDF"}
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


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
    """Reads the header of an image.

    Raises:
        ValueError: the data is not a JPEG, PNG or WebP image, or has more than `max_bytes` bytes or 100
            million pixels.
    """
    if not data:
        raise ValueError("it is empty")
    if len(data) > max_bytes:
        raise ValueError(
            f"it is larger than {max_bytes:,} bytes: make it smaller (or raise `max_image_bytes`)"
        )
    media_type, (width_px, height_px) = _measured(data)
    if width_px < 1 or height_px < 1:
        raise ValueError(f"its header says that it is {width_px} x {height_px} pixels")
    if width_px * height_px > _MAX_PIXELS:
        raise ValueError(f"{width_px} x {height_px} pixels are more than {_MAX_PIXELS:,}: make it smaller")
    return LoadedImage(
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        width_px=width_px,
        height_px=height_px,
    )


def _measured(data: bytes) -> tuple[str, tuple[int, int]]:
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png", _png_size(data)
        if data.startswith(b"\xff\xd8\xff"):
            return "image/jpeg", _jpeg_size(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return "image/webp", _webp_size(data)
    except (struct.error, IndexError):
        raise ValueError("its header is cut short") from None
    known = next((text for magic, text in _KNOWN_OTHERS.items() if data.startswith(magic)), None)
    if data[4:8] == b"ftyp":
        known = "an HEIC or AVIF picture"
    raise ValueError(f"it is {known or 'no picture'}: the service takes JPEG, PNG and WebP")


def _png_size(data: bytes) -> tuple[int, int]:
    """ISO/IEC 15948, 11.2.2: the first chunk is IHDR; width and height are its first fields."""
    if data[12:16] != b"IHDR":
        raise ValueError("it is a PNG without a header")
    if b"IEND" not in data:
        raise ValueError("it is a PNG that is cut short")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """ITU-T T.81, B.2.2: a frame header (SOF0 … SOF15, except DHT, JPG, DAC) holds lines and samples."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("it is a damaged JPEG")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in {0xD9, 0xDA}:
            raise ValueError("it is a JPEG without a frame")
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            if length < 2:
                raise ValueError("it is a damaged JPEG")
            at += 2 + length


def _webp_size(data: bytes) -> tuple[int, int]:
    """RFC 9649, 2.5 to 2.7: lossy, lossless and extended files store the size at different offsets."""
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise ValueError("it is a WebP that is cut short")
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        (low, high) = struct.unpack_from("<IH", data, 24)
        return (low & 0xFFFFFF) + 1, (low >> 24 | high << 8) + 1
    raise ValueError("it is a WebP of an unknown kind")
