"""Small made pictures with structure, and changes of them, for tests of measures."""

import hashlib
import io
from random import Random

from PIL import Image, ImageDraw

from segmind_swap._review.checks.pixels.looks import Look, look_at

SIZE = (480, 360)
RED, BLUE = (200, 40, 40), (40, 60, 210)


def place(seed: int = 1, size: tuple[int, int] = SIZE) -> Image.Image:
    """A place full of coloured boxes, without anybody."""
    rng = Random(seed)
    image = Image.new("RGB", size, (120, 130, 140))
    draw = ImageDraw.Draw(image)
    for _ in range(120):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        w, h = rng.uniform(5, size[0] / 8), rng.uniform(5, size[1] / 8)
        draw.rectangle((x, y, x + w, y + h), fill=tuple(rng.randrange(20, 235) for _ in range(3)))
    return image


def somebody(
    image: Image.Image, coat: tuple[int, int, int], *, tall: float = 0.5, at: tuple[float, float] = (0.5, 0.9)
) -> Image.Image:
    """The picture with a figure in it."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    x, y, height = at[0] * image.width, at[1] * image.height, tall * image.height
    draw.rectangle((x - height / 6, y - 0.75 * height, x + height / 6, y), fill=coat)
    draw.ellipse((x - height / 9, y - height, x + height / 9, y - 0.75 * height), fill=(236, 190, 150))
    return image


def scene(seed: int = 1) -> Image.Image:
    return somebody(place(seed), RED)


def good(seed: int = 1) -> Image.Image:
    return somebody(place(seed), BLUE)


def reference() -> Image.Image:
    return somebody(Image.new("RGB", (300, 400), (228, 222, 210)), BLUE, tall=0.9)


def data_of(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def look(image: Image.Image, form: str = "PNG", **options: object) -> Look:
    data = data_of(image, form, **options)
    return look_at(data, hashlib.sha256(data).hexdigest())
