"""Decodes a picture to be measured: upright, in RGB, and no larger than needed. Needs Pillow."""

from __future__ import annotations

import struct
import zlib
from importlib.util import find_spec
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from ...._api.image_formats.file_type import JPEG, PNG, WEBP, file_type_of

PIXEL_LIMIT = 100_000_000
"""Larger pictures are not decoded. The client refuses such an input, too. Decoded in RGB, it has 300 MB."""

_AVIF = ("AVIF",) if find_spec("PIL.AvifImagePlugin") else ()
"""Pillow has it from 11.3 on."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *_AVIF)
"""What a browser shows, and TIFF. Pillow's other decoders are rarely used on data that nobody trusts."""
_ORIENTATION = 0x0112
_SHORT = 3
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BITS = [value >> 8 for value in range(65536)]
_BACKDROP = (128, 128, 128)
"""What is put behind transparent pixels. Their own colours are arbitrary."""
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_METADATA = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"fdAT"}
_JPEG_APP1, _JPEG_APP2, _JPEG_SOS, _JPEG_EOI = 0xE1, 0xE2, 0xDA, 0xD9


class UndecodableError(ValueError):
    """The picture cannot be decoded. The text is the reason, to stand behind the name of the picture.

    Attributes:
        is_too_large: Whether the picture may be sound, but has too many pixels for this program.
        is_unknown: Whether the picture may be sound, but is of no format that Pillow knows here.
    """

    def __init__(self, reason: str, *, is_too_large: bool = False, is_unknown: bool = False) -> None:
        super().__init__(reason)
        self.is_too_large = is_too_large
        self.is_unknown = is_unknown


def decode(data: bytes, *, least_px: int) -> tuple[Image.Image, tuple[int, int]]:
    """The picture in RGB, upright, and its full size in pixels as (width, height), upright.

    All of the file is decoded, so a damaged end is found. A JPEG is decoded at a fraction of its size if
    its shorter side keeps `least_px` pixels. Of an animation, the first picture is taken.

    Raises:
        UndecodableError: the picture is damaged, of an unknown format, or has more than `PIXEL_LIMIT` pixels.
    """
    pixels, exif = _without_metadata(data)
    try:
        image, size = _load(pixels, least_px)
        turn = _TURNS.get(_orientation_in(exif or _exif_of(image)))
        upright = _in_rgb(image)
        if turn is not None:
            upright = upright.transpose(turn)
            size = size if turn.value in {0, 1, 3} else (size[1], size[0])
    except UndecodableError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except UnidentifiedImageError:
        kind = file_type_of(data)
        known = "damaged at its beginning" if kind in {JPEG, PNG, WEBP} else kind.name
        raise UndecodableError(f"it cannot be decoded: it is {known}", is_unknown=True) from None
    except Exception as exc:
        # Pillow's decoders raise exceptions of many classes for damaged data, and warnings may be errors.
        raise UndecodableError(f"it cannot be decoded: {str(exc) or type(exc).__name__}") from exc
    return upright, size


def _too_large() -> UndecodableError:
    return UndecodableError(f"it has more than {PIXEL_LIMIT:,} pixels", is_too_large=True)


def _load(data: bytes, least_px: int) -> tuple[Image.Image, tuple[int, int]]:
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        size = image.size
        if size[0] * size[1] > PIXEL_LIMIT:
            raise _too_large()
        is_reduced = least_px > 0 and image.draft(None, (least_px, least_px)) is not None
        try:
            image.load()
        except OSError:
            # libjpeg decodes a lossless JPEG in its full size only.
            if not is_reduced:
                raise
            return _load(data, 0)
        return image, size


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow's own conversion would clip the values at 255.
        return image.convert("I").point(_SIXTEEN_BITS, "L").convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        backdrop = Image.new("RGB", layers.size, _BACKDROP)
        backdrop.paste(layers, mask=layers.getchannel("A"))
        return backdrop
    return image if image.mode == "RGB" else image.convert("RGB")


# Metadata: Pillow reads it when it opens a file, and fails if it is odd, although the pixels are sound.


def _exif_of(image: Image.Image) -> bytes:
    exif = image.info.get("exif")
    return exif if isinstance(exif, bytes) else b""


def _orientation_in(exif: bytes) -> int:
    """The orientation in an EXIF structure, from 1 to 8; 1 if it says none. No other value is read."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, at)
            if tag == _ORIENTATION:
                return value if kind == _SHORT else 1
    except struct.error:
        return 1
    return 1


def _without_metadata(data: bytes) -> tuple[bytes, bytes]:
    """The file without its metadata, and its EXIF structure, which may be empty."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_without_metadata(data)
    if data.startswith(_PNG):
        return _png_without_metadata(data)
    return data, b""


def _jpeg_without_metadata(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, copied, at = [], b"", 0, 2
    while 0 <= (start := data.find(b"\xff", at)) <= len(data) - 4:
        marker = data[start + 1]
        if marker in {_JPEG_SOS, _JPEG_EOI}:
            break
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xD8:
            # Bytes between two segments, or a marker without a segment.
            at = start + (1 if marker == 0xFF else 2)
            continue
        at = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        content = data[start + 4 : at]
        if marker == _JPEG_APP1 or (marker == _JPEG_APP2 and content.startswith(b"MPF\0")):
            if content.startswith(b"Exif\0\0"):
                exif = exif or content
            kept.append(data[copied:start])
            copied = at
    return (b"".join((*kept, data[copied:])) if kept else data), exif


def _png_without_metadata(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, copied, at = [], b"", 0, len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind in _PNG_METADATA:
            content = data[at + 8 : end - 4]
            exif = exif or (content if kind == b"eXIf" else _exif_in_text(kind, content))
            kept.append(data[copied:at])
            copied = end
        at = end
    return (b"".join((*kept, data[copied:])) if kept else data), exif


def _exif_in_text(kind: bytes, content: bytes) -> bytes:
    """EXIF as ImageMagick writes it in a PNG: a line "exif", a line with the length, and digits."""
    keyword, _, text = content.partition(b"\0")
    if kind not in {b"tEXt", b"zTXt"} or keyword not in {b"Raw profile type exif", b"Raw profile type APP1"}:
        return b""
    try:
        if kind == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], 1_000_000)
        return bytes.fromhex("".join(text.decode("ascii").split("\n")[3:]))
    except (zlib.error, ValueError):
        return b""
