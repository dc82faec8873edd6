"""Decodes an input: upright, in 8 bits, in one of the modes that the steps support."""

from io import BytesIO

from PIL import Image, ImageOps

WORKING_PX = 1024
"""The longer side of the working copy, on which the character is searched."""

_FORMATS = ("JPEG", "PNG", "WEBP")


def load(data: bytes) -> Image.Image:
    """The picture in mode L, LA, RGB or RGBA, in its full size, with the EXIF orientation applied."""
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        image.load()
        # In place, to keep only one copy of a large picture in memory.
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in {"LA", "RGBA"} or (image.mode in {"L", "RGB"} and "transparency" not in image.info):
            return image
        if image.mode.startswith("I"):
            # 16-bit grey: Pillow's conversion would clip the values at 255 instead of scaling them.
            return image.convert("I").point(lambda value: value / 256).convert("L")
        if image.has_transparency_data:
            return image.convert("LA" if image.mode == "L" else "RGBA")
        return image.convert("L" if image.mode == "1" else "RGB")


def working_copy(image: Image.Image) -> Image.Image:
    """The picture, reduced to at most `WORKING_PX` on its longer side, in the same mode."""
    zoom = WORKING_PX / max(image.size)
    if zoom >= 1:
        return image
    size = (max(1, round(image.width * zoom)), max(1, round(image.height * zoom)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def opaque(image: Image.Image) -> Image.Image:
    """The picture in RGB. Transparent pixels become light grey."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    colours = image.convert("RGBA")
    ground = Image.new("RGBA", image.size, "#c8c8c8")
    return Image.alpha_composite(ground, colours).convert("RGB")
