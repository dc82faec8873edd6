"""The orientation in an EXIF structure, read without any of its other values."""

import struct

_ORIENTATION = 0x0112
_INTEGERS = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i"}
"""The EXIF types in which an orientation can stand. The standard names the second, SHORT."""


def orientation_of(exif: bytes) -> int:
    """The orientation, from 1 to 8. 1 (upright) if the structure holds no orientation, or cannot be read.

    Pillow reads every value of the structure before it turns a picture, and fails if one of them is odd.
    Viewers read the one value only.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(f"{order}HHI", exif, entry)
            if tag == _ORIENTATION:
                if kind not in _INTEGERS or values != 1:
                    return 1
                (value,) = struct.unpack_from(f"{order}{_INTEGERS[kind]}", exif, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
