"""Small drawn pictures with one character in a known place, for tests of the preview."""

import io

from PIL import Image, ImageChops, ImageDraw

RED, BLUE = (214, 40, 40), (36, 66, 220)


def scene(mode: str = "RGB", *, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """A lawn below a sky, and somebody in red in the middle third, who stands on the lawn."""
    width, height = size
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        sky, lawn = (150 + int(60 * share), 200, 235), (90, 160 + int(30 * share), 96)
        draw.line((0, y, width, y), fill=sky if share < 0.62 else lawn)
    somebody(image, (width // 2, round(height * 0.86)), round(height * 0.62), RED)
    return image.convert(mode)


def somebody(image: Image.Image, feet: tuple[int, int], height: int, coat: tuple[int, int, int]) -> None:
    """A figure: legs, coat and head."""
    x, y = feet
    u = height / 10
    draw = ImageDraw.Draw(image)
    for side in (-1, 1):
        draw.rectangle((x + side * u - 0.6 * u, y - 3 * u, x + side * u + 0.6 * u, y), fill=(52, 40, 60))
    draw.rounded_rectangle((x - 2 * u, y - 7 * u, x + 2 * u, y - 2.5 * u), u, fill=coat)
    draw.ellipse((x - 1.5 * u, y - 10 * u, x + 1.5 * u, y - 6.9 * u), fill=(238, 190, 150))
    draw.pieslice((x - 1.6 * u, y - 10.1 * u, x + 1.6 * u, y - 6.9 * u), 180, 360, fill=(70, 40, 30))


def box(size: tuple[int, int] = (480, 360)) -> tuple[int, int, int, int]:
    """The part of the scene that a swap may edit: the figure, its surroundings and its shadow."""
    width, height = size
    return round(width * 0.25), round(height * 0.08), round(width * 0.75), round(height * 0.98)


def character(coat: tuple[int, int, int] = BLUE) -> Image.Image:
    """Somebody in a blue coat before a plain wall."""
    image = Image.new("RGB", (300, 400), (226, 220, 206))
    somebody(image, (150, 370), 330, coat)
    return image


def cut_out() -> Image.Image:
    """The same character with nothing behind it: a picture with its own alpha channel."""
    image = Image.new("RGBA", (300, 400), (0, 0, 0, 0))
    solid = character().convert("RGB")
    mask = Image.new("RGB", solid.size)
    somebody(mask, (150, 370), 330, BLUE)
    shape = mask.convert("L").point(lambda value: 255 if value else 0)
    image.paste(solid, (0, 0), shape)
    return image


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def count(image: Image.Image, colour: tuple[int, int, int], within: int = 60) -> int:
    """How many pixels are about this colour."""
    apart = ImageChops.difference(image.convert("RGB"), Image.new("RGB", image.size, colour))
    near = [band.point(lambda value: 255 if value <= within else 0) for band in apart.split()]
    both = ImageChops.multiply(ImageChops.multiply(near[0], near[1]), near[2])
    return both.histogram()[255]


def changed(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """The box of the pixels which differ."""
    assert before.size == after.size
    assert before.mode == after.mode
    difference = ImageChops.difference(before, after)
    boxes = [band.getbbox() for band in difference.split()]
    found = [box for box in boxes if box]
    assert found, "nothing was changed"
    left, top, right, bottom = zip(*found, strict=True)
    return min(left), min(top), max(right), max(bottom)


def inside(inner: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]
