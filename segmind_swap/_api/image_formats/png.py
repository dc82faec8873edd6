"""PNG (ISO/IEC 15948): the size in IHDR, and whether the chunks and the compressed data have an end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from .problems import cut_short, damaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEADER = b"\0\0\0\x0dIHDR"
_METHODS = ([0, 0, 0], [0, 0, 1])
"""Compression, filters and interlacing that the standard defines."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by the colour type (11.2.2)."""
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ALWAYS_INFLATED = 4 * 1024 * 1024
"""Bytes of lines that are decompressed in any case, which takes about 10 ms. All are if a checksum is wrong:
decoders ignore the checksums of pixels."""
_PIECE_BYTES = 256 * 1024
_MAX_CHUNKS = 200_000
"""An encoder that writes 64 MiB in chunks of 1 KiB needs a third of that. Each takes a microsecond."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7 (8.2): first column and line, distance of columns and lines."""


def size_of(data: bytes, *, max_pixels: int) -> tuple[int, int]:
    """Width and height of the picture. The pixels of a picture above `max_pixels` are not looked at.

    Raises:
        UnusableImageError: the picture is damaged or cut short.
    """
    if data[12:16] == b"CgBI":
        raise damaged("PNG", "it was made for an iPhone app (CgBI), and only Apple's programs read it")
    if data[8:16] != _HEADER[: max(0, len(data) - 8)]:
        raise damaged("PNG", "it does not begin with a header")
    _, start, end = next(_chunks(data))
    width, height, depth, colour, *rest = struct.unpack_from(">IIBBBBB", data, start)
    if not 0 < width * height <= max_pixels:
        return width, height
    if not _has_right_checksum(data, start, end):
        raise damaged("PNG", "its header has a wrong checksum")
    if depth not in _DEPTHS.get(colour, ()) or rest not in _METHODS:
        raise damaged("PNG", "its header names no kind of PNG")
    has_pixels, is_intact = False, True
    for start, end in _pixels(data):
        has_pixels = True
        is_intact = is_intact and _has_right_checksum(data, start, end)
    if not has_pixels:
        raise damaged("PNG", "it has no pixels")
    size_bytes = _size_of_pixels(width, height, depth * _SAMPLES[colour], interlaced=rest[-1] == 1)
    _check_pixels(data, min(size_bytes, _ALWAYS_INFLATED) if is_intact else size_bytes)
    return width, height


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The type of each chunk, and where its content begins and ends, up to IEND. What follows is ignored."""
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if len(data) < at + 12:
            raise cut_short("PNG")
        length, kind = struct.unpack_from(">I4s", data, at)
        if not kind.isalpha():
            raise damaged("PNG", "one of its chunks has no type")
        start, at = at + 8, at + 12 + length
        if len(data) < at:
            raise cut_short("PNG")
        yield kind, start, start + length
        if kind == b"IEND":
            return
    raise damaged("PNG", "it has too many chunks")


def _pixels(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the content of each chunk of pixels begins and ends."""
    return ((start, end) for kind, start, end in _chunks(data) if kind == b"IDAT")


def _has_right_checksum(data: bytes, start: int, end: int) -> bool:
    """5.3: the checksum is that of the type and the content."""
    return zlib.crc32(memoryview(data)[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big")


def _size_of_pixels(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    """Bytes of the decompressed lines: each has a byte for its filter (7.2, 8.1)."""
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for left, top, right_by, down_by in _PASSES:
        columns = (width - left + right_by - 1) // right_by
        lines = (height - top + down_by - 1) // down_by
        total += max(0, lines) * (1 + (columns * bits + 7) // 8) if columns > 0 else 0
    return total


def _check_pixels(data: bytes, wanted_bytes: int) -> None:
    """Decompresses so many bytes of the lines, and keeps none of them.

    Fewer bytes are enough if the compressed data have an end: decoders show the missing lines in one colour.

    Raises:
        UnusableImageError: the bytes cannot be decompressed, or the compressed data have no end.
    """
    view = memoryview(data)
    inflate, inflated_bytes = zlib.decompressobj(), 0
    try:
        for start, end in _pixels(data):
            for at in range(start, end, _PIECE_BYTES):
                piece: bytes | memoryview = view[at : min(at + _PIECE_BYTES, end)]
                while piece and not inflate.eof:
                    size_bytes = min(_PIECE_BYTES, wanted_bytes - inflated_bytes)
                    inflated_bytes += len(inflate.decompress(piece, size_bytes))
                    if inflated_bytes >= wanted_bytes:
                        return
                    piece = inflate.unconsumed_tail
        # zlib may hold back the last bytes of a full piece.
        inflated_bytes += len(inflate.flush())
    except zlib.error:
        raise damaged("PNG", "its pixels cannot be decompressed") from None
    if inflated_bytes < wanted_bytes and not inflate.eof:
        raise damaged("PNG", "some of its pixels are missing")
