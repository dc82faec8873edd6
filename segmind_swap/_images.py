"""A caller's picture to checked bytes, or to a URL; nothing is decoded and nothing leaves the machine."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

from ._errors import ImageError
from ._models import ImageInput
from ._origin import origin_of

_MAX_PIXELS = 100_000_000
_KNOWN_OTHERS = {b"GIF8": "a GIF", b"BM": "a BMP", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"%PDF": "a PDF"}
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture's bytes, with what its header says.

    Attributes:
        sha256: Identifies the content, in hexadecimal.
        media_type: `image/jpeg`, `image/png` or `image/webp`, by its magic bytes.
        width_px: As its header says.
        height_px: As its header says.
    """

    data: bytes = field(repr=False)
    sha256: str
    media_type: str
    width_px: int
    height_px: int

    @property
    def suffix(self) -> str:
        """The file name's suffix for its type, with the dot."""
        return SUFFIXES[self.media_type]


def is_url(image: ImageInput) -> TypeGuard[str]:
    """Whether it is taken for a URL, and not for the path of a file."""
    return isinstance(image, str) and "://" in image[:32]


def load(image: ImageInput, *, max_bytes: int) -> Picture | str:
    """A checked picture, or the URL it is at. Reads files and may encode: run it in a thread.

    Raises:
        ImageError: it is missing, no regular file, empty, larger than `max_bytes`, not a JPEG, PNG or WebP,
            or damaged in its header; or it is a URL that cannot be used.
    """
    name = _name_of(image)
    try:
        if is_url(image):
            return _checked_url(image)
        return checked(_bytes_of(image, max_bytes), max_bytes=max_bytes)
    except ValueError as exc:
        complaint = str(exc)
    except OSError as exc:
        complaint = exc.strerror or str(exc)
    raise ImageError(f"{name}: {complaint}", image=name)


def checked(data: bytes, *, max_bytes: int) -> Picture:
    """The picture in `data`.

    Raises:
        ValueError: it is none that the service takes.
    """
    if not data:
        raise ValueError("it is empty")
    if len(data) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes:,} bytes: make it smaller, or raise max_image_bytes")
    media_type, (width_px, height_px) = _measured(data)
    if width_px < 1 or height_px < 1:
        raise ValueError(f"its header says that it is {width_px} x {height_px} pixels")
    if width_px * height_px > _MAX_PIXELS:
        raise ValueError(f"{width_px} x {height_px} pixels are more than {_MAX_PIXELS:,}: make it smaller")
    return Picture(
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        width_px=width_px,
        height_px=height_px,
    )


def _name_of(image: ImageInput) -> str:
    if isinstance(image, str | os.PathLike):
        name = str(image)
        return name if len(name) <= 200 else name[:199] + "…"
    if isinstance(image, bytes | bytearray | memoryview):
        return f"the picture of {len(image):,} bytes"
    return f"the {type(image).__name__} object"


def _checked_url(url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        scheme = url.partition("://")[0]
        raise ValueError(f"{scheme}:// cannot be used: give a path, or an http(s) URL")
    try:
        origin_of(url)
    except ValueError as exc:
        raise ValueError(f"the service could not fetch it: {exc}") from None
    return url


def _bytes_of(image: object, max_bytes: int) -> bytes:
    if isinstance(image, str | os.PathLike):
        path = cast("str | os.PathLike[str]", image)
        if not str(path):
            raise ValueError("the path is empty")
        if str(path).startswith("data:"):
            raise ValueError("a data: URL cannot be used: decode it and give the bytes")
        return _file_bytes(path, max_bytes)
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if callable(getattr(image, "read", None)):
        return _read_from(image, max_bytes)
    if callable(getattr(image, "save", None)):
        return _saved_bytes(image)
    raise ValueError(
        "it is no picture: give a path, bytes, an open binary file, an http(s) URL or a PIL image"
    )


def _file_bytes(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    # Opened without waiting and then looked at: a FIFO would block for good, a device may never end.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    if not regular:
        os.close(descriptor)
        raise ValueError("it is not a regular file")
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read(max_bytes + 1)


def _read_from(file: Any, max_bytes: int) -> bytes:
    try:
        data = file.read(max_bytes + 1)
    except UnicodeDecodeError:
        raise ValueError("it is open as text: open it in mode 'rb'") from None
    except (OSError, ValueError):
        raise
    except Exception as exc:
        raise ValueError(f"reading it raised {type(exc).__name__}: {exc}") from None
    if isinstance(data, str):
        raise ValueError("it is open as text: open it in mode 'rb'")
    if not isinstance(data, bytes):
        if callable(getattr(data, "close", None)):
            data.close()  # a coroutine: without this Python would warn that nobody awaited it
        raise ValueError(
            f"its read() gave {type(data).__name__}, not bytes: read it first, and give the bytes"
        )
    return data


def _saved_bytes(image: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG")
    except Exception as exc:
        raise ValueError(f"it could not be saved as PNG: {type(exc).__name__}: {exc}") from None
    return buffer.getvalue()


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
    """ISO/IEC 15948, 11.2.2: the first chunk is IHDR, width and height its first fields."""
    if data[12:16] != b"IHDR":
        raise ValueError("it is a PNG without a header")
    if b"IEND" not in data:
        raise ValueError("it is a PNG that is cut short")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """ITU-T T.81, B.2.2: a frame header (SOF0 … SOF15 but DHT, JPG, DAC) holds lines and samples."""
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
    """RFC 9649, 2.5 to 2.7: lossy, lossless and extended files keep their size in three places."""
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
