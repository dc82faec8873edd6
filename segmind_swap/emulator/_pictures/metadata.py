"""Takes the metadata out of a picture's file, so that odd metadata cannot keep Pillow from the pixels.

Pillow reads metadata when it opens a file. A text of more than 1 MB, or an EXIF structure that is not as
Pillow expects it, raises an exception or a warning there, although the pixels are sound. A picture of which
the file names a second one behind its end (MPO), or an animation (APNG), is reduced to its first picture.
"""

import struct
import zlib
from collections.abc import Iterator

ICC_LIMIT_BYTES = 1024 * 1024
"""A longer ICC profile is dropped. Pillow refuses a PNG with a longer one, also the PNG of a result."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DROPPED = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT"}
_EXIF_TEXTS = {b"Raw profile type exif", b"Raw profile type APP1"}
"""Texts in which ImageMagick writes EXIF in hexadecimal digits."""

_SOS, _EOI, _APP1, _APP2 = 0xDA, 0xD9, 0xE1, 0xE2
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""The markers of a JPEG that have no segment: TEM, RST0 to RST7 and SOI."""

_EXIF = b"Exif\0\0"


def separate_exif(data: bytes) -> tuple[bytes, bytes]:
    """The file without the metadata that Pillow may stumble over, and its EXIF structure, which may be empty.

    Only JPEG and PNG are changed. Of WebP, Pillow returns the EXIF structure without reading it.
    """
    if data.startswith(b"\xff\xd8"):
        return _without(data, _jpeg_metadata(data))
    if data.startswith(_PNG):
        return _without(data, _png_metadata(data))
    return data, b""


def _without(data: bytes, metadata: Iterator[tuple[int, int, bytes]]) -> tuple[bytes, bytes]:
    kept, exif, position = [], b"", 0
    for start, end, found in metadata:
        kept.append(data[position:start])
        exif += found
        position = end
    return (b"".join((*kept, data[position:])) if position else data), exif.removeprefix(_EXIF)


def _jpeg_metadata(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The segments to drop, each as (start, end, its part of the EXIF structure)."""
    position = 2
    while (start := data.find(b"\xff", position)) >= 0 and start + 4 <= len(data):
        marker = data[start + 1]
        if marker in {_SOS, _EOI}:
            return
        # A filling byte, or a stray byte before the marker of the next segment.
        if marker in {0x00, 0xFF} or marker in _ALONE:
            position = start + (1 if marker == 0xFF else 2)
            continue
        position = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        content = data[start + 4 : position]
        if marker == _APP1:
            yield start, position, content[len(_EXIF) :] if content.startswith(_EXIF) else b""
        elif marker == _APP2 and content.startswith(b"MPF\0"):
            yield start, position, b""


def _png_metadata(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The chunks to drop, each as (start, end, the EXIF structure in it)."""
    start = len(_PNG)
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if kind in _PNG_DROPPED or kind == b"iCCP":
            content = data[start + 8 : end - 4]
            if kind == b"eXIf":
                yield start, end, content
            elif kind != b"iCCP":
                yield start, end, _exif_of_text(kind, content)
            elif _is_long(content.partition(b"\0")[2][1:]):
                yield start, end, b""
        start = end


def _is_long(compressed: bytes) -> bool:
    inflating = zlib.decompressobj()
    try:
        inflating.decompress(compressed, ICC_LIMIT_BYTES)
    except zlib.error:
        return True
    return bool(inflating.unconsumed_tail)


def _exif_of_text(kind: bytes, content: bytes) -> bytes:
    """The EXIF structure in a text of ImageMagick: a line "exif", a line with the length, and digits."""
    keyword, _, text = content.partition(b"\0")
    if keyword not in _EXIF_TEXTS or kind == b"iTXt":
        return b""
    try:
        if kind == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], ICC_LIMIT_BYTES)
        return bytes.fromhex("".join(text.decode("ascii").split("\n")[3:]))
    except (zlib.error, ValueError):
        return b""
