"""The label of a preview: a ribbon in the picture, and a comment in its metadata."""

import functools
import struct
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

LABEL = "local preview"

COMMENT = "segmind-swap emulator: local preview, a cut-and-paste; not made by Segmind's service"

_QUICK_PX = 4_000_000
"""Pictures with more pixels are compressed faster, into somewhat larger files."""


def ribbon(size: tuple[int, int]) -> Image.Image:
    """The label for the lower right corner of a picture of this size, in mode RGBA."""
    text_px = max(8, min(round(min(size) * 0.026), 64))
    font = _font(text_px)
    left, top, right, bottom = font.getbbox(LABEL)
    pad = round(text_px * 0.5)
    wide, high = round(right - left) + 2 * pad, round(bottom - top) + 2 * pad
    image = Image.new("RGBA", (min(wide, size[0]), min(high, size[1])), (22, 20, 26, 150))
    ImageDraw.Draw(image).text((pad - left, pad - top), LABEL, fill=(255, 255, 255, 235), font=font)
    return image


def png(image: Image.Image) -> bytes:
    """The picture as PNG, with `COMMENT` and the colour space of its pixels in its metadata."""
    info = PngInfo()
    _add_colour_space(info, image.info)
    info.add_text("Software", "segmind-swap emulator")
    info.add_text("Comment", COMMENT)
    out = BytesIO()
    quick = image.width * image.height > _QUICK_PX
    image.save(out, "PNG", pnginfo=info, compress_level=1 if quick else 4)
    return out.getvalue()


def _add_colour_space(info: PngInfo, space: dict[str | tuple[int, int], Any]) -> None:
    """Add what `decode` found in the scene, except for an ICC profile, which Pillow writes by itself.

    Without the gamma of its file, a picture looks lighter or darker than the scene.
    """
    if "srgb" in space:
        info.add(b"sRGB", struct.pack(">B", space["srgb"]))
    if "gamma" in space:
        info.add(b"gAMA", struct.pack(">I", round(space["gamma"] * 100_000)))
    if "chromaticity" in space:
        info.add(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in space["chromaticity"])))


@functools.cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
