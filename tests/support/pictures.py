"""Pictures of any size, made by hand or by Pillow."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

LIMIT = 1_000_000


def encoded(form: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, form, **options)
    return out.getvalue()


PNG = encoded("PNG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, filler: bytes = b"") -> bytes:
    """A grey PNG; its pixels have an end, but most are missing. `filler` stands in a chunk of its own."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + _chunk(b"fiLl", filler) + _chunk(b"IEND", b"")
