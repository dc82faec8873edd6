"""The fixed picture of the engine "none"."""

import functools

from PIL import Image

from .png import encode_png


@functools.cache
def dot() -> bytes:
    """The fixed picture of the engine "none": 8 x 8 pixels."""
    return encode_png(Image.new("RGB", (8, 8), "#b4472e"))
