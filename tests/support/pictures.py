"""Pictures of any size, made by hand or by Pillow."""

import io
import struct
from typing import Any

from PIL import Image

LIMIT = 1_000_000


def encoded(form: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, form, **options)
    return out.getvalue()


PNG = encoded("PNG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + b"crc!"


def png(width: int, height: int, *, filler: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", filler) + _chunk(b"IEND", b"")
