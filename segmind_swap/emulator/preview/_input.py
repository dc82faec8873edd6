"""The forms of an input that the steps need: a smaller copy, and one without transparency."""

from PIL import Image

WORKING_PX = 1024
"""The longer side of the working copy, on which the character is searched."""


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
