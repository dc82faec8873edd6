"""Made scenes, each with one figure that can be taken out or exchanged, and references of other figures."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from segmind_swap import gallery

Colour = tuple[int, int, int]


def colour(rng: Random, *, least: float = 0.15, most: float = 0.95) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.15, 0.9), rng.uniform(least, most))
    return round(255 * red), round(255 * green), round(255 * blue)


def noise(size: tuple[int, int], rng: Random, *, strength: float, cell: int = 1) -> Image.Image:
    """Grey noise about 128, in squares of `cell` pixels."""
    small = (max(1, size[0] // cell), max(1, size[1] // cell))
    grains = Image.frombytes("L", small, rng.randbytes(small[0] * small[1]))
    grains = grains.point([128 + round((level - 128) * strength) for level in range(256)])
    return grains.resize(size, Image.Resampling.BICUBIC)


def grained(image: Image.Image, rng: Random, strength: float, cell: int = 1) -> Image.Image:
    """The picture with noise added to it, the same in each channel."""
    band = noise(image.size, rng, strength=strength, cell=cell)
    return ImageChops.add(image, Image.merge("RGB", (band, band, band)), offset=-128)


def backdrop(rng: Random, size: tuple[int, int]) -> Image.Image:
    """A drawn place without anybody: a sky, and hills, houses, trees or a room."""
    width, height = size
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    top, bottom = colour(rng, least=0.4), colour(rng, least=0.3)
    for y in range(height):
        share = y / height
        mixed = tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        draw.line((0, y, width, y), fill=mixed)
    rng.choice((_hills, _houses, _room))(draw, rng, size)
    for _ in range(rng.randrange(4, 16)):
        _thing(draw, rng, size)
    image = grained(image, rng, rng.uniform(0.02, 0.18), cell=rng.choice((1, 2, 5)))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))


def _hills(draw: ImageDraw.ImageDraw, rng: Random, size: tuple[int, int]) -> None:
    width, height = size
    for layer in range(rng.randrange(2, 5)):
        base, tall = height * (0.35 + 0.17 * layer), height * rng.uniform(0.03, 0.15)
        wave, start = rng.uniform(1, 5) * math.tau / width, rng.uniform(0, math.tau)
        line = [(x, base + tall * math.sin(start + wave * x)) for x in range(0, width + 8, 8)]
        draw.polygon([(0, height), *line, (width + 8, height)], fill=colour(rng))


def _houses(draw: ImageDraw.ImageDraw, rng: Random, size: tuple[int, int]) -> None:
    width, height = size
    x = 0
    while x < width:
        wide, top = rng.randrange(width // 12, width // 4), rng.uniform(0.1, 0.5) * height
        draw.rectangle((x, top, x + wide, height * 0.8), fill=colour(rng))
        glass = colour(rng, least=0.5)
        for row in range(round(top) + 10, round(height * 0.75), max(14, height // 16)):
            for column in range(x + 6, x + wide - 10, max(14, width // 30)):
                draw.rectangle((column, row, column + width // 60, row + height // 30), fill=glass)
        x += wide
    draw.rectangle((0, height * 0.8, width, height), fill=colour(rng))


def _room(draw: ImageDraw.ImageDraw, rng: Random, size: tuple[int, int]) -> None:
    width, height = size
    step, stripe = rng.randrange(10, 40), colour(rng)
    for x in range(0, width, 2 * step):
        draw.rectangle((x, 0, x + step, height * 0.7), fill=stripe)
    draw.rectangle((0, height * 0.7, width, height), fill=colour(rng))
    for shelf in range(rng.randrange(1, 4)):
        y = height * (0.15 + 0.17 * shelf)
        draw.rectangle((0, y, width, y + height * 0.02), fill=colour(rng, most=0.4))
        for x in range(0, width, width // rng.randrange(15, 40)):
            draw.rectangle((x, y - height * rng.uniform(0.03, 0.1), x + width // 60, y), fill=colour(rng))


def _thing(draw: ImageDraw.ImageDraw, rng: Random, size: tuple[int, int]) -> None:
    width, height = size
    x, y = rng.uniform(0, width), rng.uniform(height * 0.2, height)
    w, h = width * rng.uniform(0.02, 0.15), height * rng.uniform(0.02, 0.2)
    shape = rng.choice((draw.ellipse, draw.rectangle))
    shape((x - w, y - h, x + w, y + h), fill=colour(rng), outline=colour(rng), width=rng.randrange(1, 4))


@cache
def _bundled(name: str) -> Image.Image:
    with Image.open(gallery.path(name)) as image:
        return image.convert("RGB")


def bundled_backdrop(rng: Random, size: tuple[int, int]) -> Image.Image:
    """A part of a bundled scene, mirrored or not, in another tint. Whoever is in it counts as background."""
    image = _bundled(rng.choice(gallery.SCENES))
    wide = rng.uniform(0.55, 1.0) * image.width
    tall = min(image.height, wide * size[1] / size[0])
    wide = tall * size[0] / size[1]
    left, top = rng.uniform(0, image.width - wide), rng.uniform(0, image.height - tall)
    part = image.resize(size, Image.Resampling.LANCZOS, (left, top, left + wide, top + tall))
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    gains = [rng.uniform(0.8, 1.15) for _ in range(3)]
    bands = [
        band.point([min(255, round(gain * level)) for level in range(256)])
        for gain, band in zip(gains, part.split(), strict=True)
    ]
    return grained(Image.merge("RGB", bands), rng, rng.uniform(0, 0.06))


@dataclass(frozen=True)
class Figure:
    """Somebody: the colours and the build. `kind` is who drew it: "toy" or "robe"."""

    kind: str
    skin: Colour
    hair: Colour
    coat: Colour
    legs: Colour
    build: float

    @classmethod
    def made(cls, rng: Random, kind: str) -> Figure:
        skin = rng.choice(((240, 200, 170), (198, 140, 100), (120, 80, 56), (130, 190, 120), (170, 176, 190)))
        return cls(
            kind, skin, colour(rng, most=0.6), colour(rng), colour(rng, most=0.6), rng.uniform(0.8, 1.3)
        )

    def paint(self, image: Image.Image, feet: tuple[float, float], height: float) -> None:
        """Draws the figure, which stands at `feet`."""
        x, y = feet
        u, wide = height / 10, self.build * height / 10
        draw = ImageDraw.Draw(image)
        if self.kind == "toy":
            for side in (-1, 1):
                draw.rectangle(
                    (x + side * wide - 0.7 * wide, y - 3.2 * u, x + side * wide + 0.7 * wide, y),
                    fill=self.legs,
                )
                draw.line(
                    (x + side * 2 * wide, y - 6.5 * u, x + side * 2.9 * wide, y - 3.6 * u),
                    self.skin,
                    round(u),
                )
            draw.rounded_rectangle((x - 2 * wide, y - 7.1 * u, x + 2 * wide, y - 2.6 * u), u, fill=self.coat)
            draw.ellipse((x - 1.5 * u, y - 10 * u, x + 1.5 * u, y - 6.9 * u), fill=self.skin)
            draw.pieslice((x - 1.6 * u, y - 10.1 * u, x + 1.6 * u, y - 6.9 * u), 180, 360, fill=self.hair)
        else:
            draw.polygon(
                [
                    (x - 0.8 * wide, y - 7.4 * u),
                    (x + 0.8 * wide, y - 7.4 * u),
                    (x + 3 * wide, y),
                    (x - 3 * wide, y),
                ],
                fill=self.coat,
            )
            for row in range(1, 7):
                edge = 0.8 * wide + 2.2 * wide * row / 7.4
                draw.line(
                    (x - edge, y - (7.4 - row) * u, x + edge, y - (7.4 - row) * u),
                    self.legs,
                    max(1, round(u / 4)),
                )
            draw.ellipse((x - 1.3 * u, y - 9.6 * u, x + 1.3 * u, y - 7 * u), fill=self.skin)
            draw.polygon(
                [(x - 2 * u, y - 8.9 * u), (x + 2 * u, y - 8.9 * u), (x, y - 12 * u)], fill=self.hair
            )
        for side in (-1, 1):
            eye = x + side * 0.55 * u, y - 8.3 * u
            draw.ellipse(
                (eye[0] - 0.16 * u, eye[1] - 0.2 * u, eye[0] + 0.16 * u, eye[1] + 0.2 * u), fill="black"
            )


@dataclass(frozen=True)
class Situation:
    """A scene, its reference, and a good result, as pictures without losses.

    Attributes:
        empty: The scene without the figure.
        scene: The scene.
        good: The scene with the figure of the reference in the place of its own.
        reference: The other figure before a plain wall.
        elsewhere: Another place.
    """

    empty: Image.Image
    scene: Image.Image
    good: Image.Image
    reference: Image.Image
    elsewhere: Image.Image
    feet: tuple[float, float]
    height: float
    new: Figure


TALL = {"usual": (0.35, 0.75), "tiny": (0.09, 0.15), "large": (1.15, 1.7)}
"""The height of a figure, as a share of the picture's. A tiny one covers 0.3 to 1 % of the picture."""


def situation(rng: Random, style: str, figure: str = "usual") -> Situation:
    """A made situation. The style "bundled" has other drawings than the style "drawn"."""
    longest = rng.choice((480, 600, 720))
    size = rng.choice(((longest, longest * 2 // 3), (longest, longest * 3 // 4), (longest * 3 // 4, longest)))
    place = backdrop if style == "drawn" else bundled_backdrop
    empty, elsewhere = place(rng, size), place(rng, size)
    kinds = ("toy", "robe") if style == "drawn" else ("robe", "toy")
    old, new = Figure.made(rng, kinds[0]), Figure.made(rng, rng.choice(kinds))
    while _distance(old.coat, new.coat) < 60:
        new = Figure.made(rng, new.kind)
    tall = rng.uniform(*TALL[figure]) * size[1]
    feet = (
        rng.uniform(0.3, 0.7) * size[0],
        min(
            1.0 if figure != "large" else 1.5,
            rng.uniform(0.8, 0.97) + (tall / size[1] - 0.8 if figure == "large" else 0),
        )
        * size[1],
    )
    scene, good = empty.copy(), empty.copy()
    old.paint(scene, feet, tall)
    new.paint(good, feet, tall * rng.uniform(0.92, 1.08))
    reference = Image.new("RGB", (300, 400), colour(rng, least=0.5))
    new.paint(reference, (150, 380), 320)
    return Situation(empty, scene, good, reference, elsewhere, feet, tall, new)


def _distance(first: Colour, second: Colour) -> int:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))
