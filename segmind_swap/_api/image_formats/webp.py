"""WebP (RFC 9649): the size in the first chunk, and whether its frame is there."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .problems import cut_short, damaged

_HEADER_BYTES = 12
_KEY_FRAME = b"\x9d\x01\x2a"
_LOSSLESS = 0x2F
_ANIMATED = 0x02
_MAX_CHUNKS = 100_000
"""Before the first frame. Each takes a microsecond."""
_ZEROS, _ZEROS_OF_FRAME = 512, 4
"""A frame of one colour ends with zeros, up to an eighteenth of the frame. A copy that was cut short has
zeros in place of its end if the length of the file was set first: at least so many bytes, and a quarter of
the frame. Decoders take these zeros for pixels."""


def is_webp(data: bytes) -> bool:
    """Whether the file says that it is a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of the picture, or of the canvas of an animation.

    Raises:
        UnusableImageError: the picture is damaged or cut short.
    """
    if len(data) < _HEADER_BYTES + 8:
        raise cut_short("WebP")
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise cut_short("WebP")
    end = length + 8
    kind, start, stop = next(_chunks(data, _HEADER_BYTES, end), (b"", 0, 0))
    if kind != b"VP8X":
        return _frame_size(data, kind, start, stop)
    if stop - start < 10:
        raise damaged("WebP", "its header is cut short")
    is_animated = bool(data[start] & _ANIMATED)
    size = _int24(data, start + 4) + 1, _int24(data, start + 7) + 1
    for kind, first, last in _chunks(data, stop + (stop - start) % 2, end):
        if is_animated and kind == b"ANMF":
            _check_animation_frame(data, first, last)
            return size
        if not is_animated and kind in {b"VP8 ", b"VP8L"}:
            if _frame_size(data, kind, first, last) != size:
                raise damaged("WebP", "its header and its frame have different sizes")
            return size
    raise damaged("WebP", "it has no frame")


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The type of each chunk, and where its content begins and ends (2.3)."""
    for _ in range(_MAX_CHUNKS):
        if at + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        start, stop = at + 8, at + 8 + length
        if stop > end:
            raise damaged("WebP", "one of its chunks is longer than the file")
        yield kind, start, stop
        at = stop + length % 2


def _check_animation_frame(data: bytes, start: int, stop: int) -> None:
    """2.7.1.1: sixteen bytes about the frame, and then its chunks."""
    for kind, first, last in _chunks(data, start + 16, stop):
        if kind in {b"VP8 ", b"VP8L"}:
            _frame_size(data, kind, first, last)
            return
    raise damaged("WebP", "its first frame has no picture")


def _frame_size(data: bytes, kind: bytes, start: int, stop: int) -> tuple[int, int]:
    zeros = max(_ZEROS, (stop - start) // _ZEROS_OF_FRAME)
    if stop - start > zeros and not any(data[stop - size : stop].strip(b"\0") for size in (_ZEROS, zeros)):
        raise cut_short("WebP")
    if kind == b"VP8 ":
        if stop - start < 10 or data[start] & 1 or data[start + 3 : start + 6] != _KEY_FRAME:
            raise damaged("WebP", "its frame does not begin as one")
        # RFC 6386, 9.1: the length of the first partition stands above five bits of flags.
        if _int24(data, start) >> 5 > stop - start - 10:
            raise damaged("WebP", "its frame is cut short")
        width, height = struct.unpack_from("<HH", data, start + 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        if stop - start < 5 or data[start] != _LOSSLESS or data[start + 4] >> 5:
            raise damaged("WebP", "its frame does not begin as one")
        (bits,) = struct.unpack_from("<I", data, start + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise damaged("WebP", "its first chunk is of an unknown kind")


def _int24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
