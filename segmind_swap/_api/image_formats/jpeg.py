"""JPEG (ITU-T T.81): the size in the frame header, and whether the file has an end.

The markers are read as libjpeg reads them, which most programs use: bytes between two segments are skipped.
"""

from __future__ import annotations

import re
import struct

from .problems import UnusableImageError, cut_short, damaged

SIGNATURE = b"\xff\xd8\xff"

# T.81, B.1.1.2: a marker is 0xFF and a byte that is neither 0x00 nor 0xFF. More 0xFF may precede it.
# TEM (0x01) and the restart markers (0xD0 to 0xD7) have no content, and are passed over.
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])", re.DOTALL)
_MAX_SEGMENTS = 100_000
"""So many segments of the largest size have 6.5 GB; each takes a microsecond, however small it is."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_READABLE_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {
    0xC3: "without loss (a lossless JPEG)",
    0xC5: "in a hierarchy of frames",
    0xC6: "in a hierarchy of frames",
    0xC7: "in a hierarchy of frames",
    0xC9: "with arithmetic coding",
    0xCA: "with arithmetic coding",
    0xCB: "without loss (a lossless JPEG)",
    0xCD: "in a hierarchy of frames",
    0xCE: "in a hierarchy of frames",
    0xCF: "in a hierarchy of frames",
    0xDE: "in a hierarchy of frames",
    0xF7: "as JPEG-LS",
}
_SEGMENTS = {0xC4, 0xCC, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE}
"""Tables, restart interval, application data, comments. libjpeg ends with an error at any other marker."""


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of the picture.

    Raises:
        UnusableImageError: the picture is damaged or cut short, or few programs can decode it.
    """
    size: tuple[int, int] | None = None
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if (found := _MARKER.search(data, at)) is None:
            raise cut_short("JPEG")
        marker, at = found[1][0], found.end()
        if marker in _READABLE_FRAMES:
            if size is not None:
                raise damaged("JPEG", "it has two frames")
            size = _frame(data, at)
        elif marker in _OTHER_FRAMES:
            raise _unreadable(f"stored {_OTHER_FRAMES[marker]}")
        elif marker == _SOI:
            raise damaged("JPEG", "a second picture begins in its header")
        elif marker in {_SOS, _EOI}:
            if size is None:
                raise damaged("JPEG", "it has no frame")
            # Coded data cannot hold an end marker. The end of a thumbnail stands in a segment before.
            if marker == _EOI or data.find(b"\xff\xd9", at) < 0:
                raise cut_short("JPEG")
            return size
        elif marker not in _SEGMENTS:
            raise damaged("JPEG", "its header has an unknown marker")
        # libjpeg, too, reads a length below 2 as an empty segment.
        at += max(2, _length(data, at))
    raise damaged("JPEG", "its header has no end")


def _length(data: bytes, at: int) -> int:
    try:
        (length,) = struct.unpack_from(">H", data, at)
    except struct.error:
        raise cut_short("JPEG") from None
    return int(length)


def _frame(data: bytes, at: int) -> tuple[int, int]:
    """T.81, B.2.2: length, bits a sample, lines, samples a line, number of components."""
    try:
        _, precision, height, width, components = struct.unpack_from(">HBHHB", data, at)
    except struct.error:
        raise cut_short("JPEG") from None
    if precision != 8:
        raise _unreadable(f"with {precision} bits a sample")
    if not components:
        raise damaged("JPEG", "its frame has no component")
    return width, height


def _unreadable(how: str) -> UnusableImageError:
    return UnusableImageError(
        f"it is a JPEG {how}, which few programs can read", "save it as an ordinary JPEG, PNG or WebP"
    )
