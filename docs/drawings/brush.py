"""A brush which paints shapes with soft colour; the light always comes from the upper left."""

# ruff: noqa: PLR0917  (x before y, left before right: coordinates read best in their own order)

import cmath
import hashlib
import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

from .shapes import Point, Shape, ellipse

Colour: TypeAlias = tuple[int, int, int]
Frame: TypeAlias = tuple[int, int, int, int]

FINE = 2
"""Pixels drawn for each pixel kept, along each side: what makes the edges smooth."""

SHARP = 500_000
"""Shapes of fewer pixels get a finer edge still: faces are looked at, skies are not."""

STEPS = 256
"""Shades in a fade."""

DUSK = "#2b1f4e"
"""What every shadow leans towards; it holds all the pictures together."""


@dataclass(frozen=True)
class Fade:
    """Colours running evenly into one another over a shape; 90 degrees is downwards."""

    colours: tuple[str, ...]
    angle: float = 90.0


Fill: TypeAlias = str | Fade


def fade(*colours: str, angle: float = 90.0) -> Fade:
    """A soft change from one colour to the next."""
    return Fade(colours, angle)


def rgb(colour: str) -> Colour:
    """The three numbers of a colour such as ``#ffcc00``."""
    found = ImageColor.getrgb(colour)
    return found[0], found[1], found[2]


def mix(first: str, second: str, share: float) -> str:
    """A colour between two others."""
    pairs = zip(rgb(first), rgb(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


@cache
def _noise() -> Image.Image:
    """A square of paper grain; always the same."""
    side = 512
    data = hashlib.shake_128(b"paper").digest(side * side)
    return Image.frombytes("L", (side, side), data).resize((side * 2, side * 2), Image.Resampling.NEAREST)


@cache
def _grain(width: int, height: int) -> Image.Image:
    tile = _noise()
    sheet = Image.new("L", (width, height))
    for x in range(0, width, tile.width):
        for y in range(0, height, tile.height):
            sheet.paste(tile, (x, y))
    return sheet


class Brush:
    """Paints on one sheet, in the units of the finished picture.

    `at` gives a second brush for the same sheet whose own origin, size and turn are different, so that a
    figure can be drawn about its own middle and put anywhere.
    """

    def __init__(self, width: int, height: int, fill: Fill) -> None:
        self._sheet = Image.new("RGB", (width * FINE, height * FINE))
        self._origin = 0j
        self._scale = complex(FINE)
        self._flip = False
        self.paint((((0, 0), (width, 0), (width, height), (0, height)),), fill)

    def at(self, x: float, y: float, scale: float = 1.0, turn: float = 0.0, *, flip: bool = False) -> "Brush":
        """A brush for the same sheet with its origin at (x, y); `flip` mirrors left and right."""
        other = object.__new__(Brush)
        other._sheet = self._sheet
        other._origin = self._place((x, y))
        other._scale = self._scale * cmath.rect(scale, math.radians(-turn if self._flip else turn))
        other._flip = self._flip != flip
        return other

    def paint(
        self,
        shape: Shape,
        fill: Fill,
        *,
        alpha: float = 1.0,
        blur: float = 0.0,
        grain: float = 0.0,
        inside: Shape | None = None,
        outside: Shape | None = None,
    ) -> None:
        """Fills the shape; `inside` and `outside` cut it by others, `blur` softens its edge."""
        paths = self._mapped(shape)
        blur *= abs(self._scale)
        frame = self._frame(paths, blur)
        if frame is None:
            return
        mask = _mask(paths, frame, blur)
        if inside is not None:
            mask = ImageChops.multiply(mask, _mask(self._mapped(inside), frame))
        if outside is not None:
            mask = ImageChops.multiply(mask, ImageChops.invert(_mask(self._mapped(outside), frame)))
        self._lay(mask, frame, fill, paths, alpha, grain)

    def form(
        self,
        shape: Shape,
        fill: Fill,
        *,
        depth: float = 12.0,
        strength: float = 0.32,
        shade: str | None = None,
        light: float = 0.0,
        inside: Shape | None = None,
    ) -> None:
        """A solid thing: filled, with a soft shadow along its lower right edge and light along the other."""
        self.paint(shape, fill, inside=inside)
        last = fill if isinstance(fill, str) else fill.colours[-1]
        self._edge(shape, shade or mix(last, DUSK, 0.62), -depth, strength, inside)
        if light:
            self._edge(shape, "#fff6dc", depth * 0.6, light, inside)

    def _edge(self, shape: Shape, colour: str, shift: float, alpha: float, inside: Shape | None) -> None:
        paths = self._mapped(shape)
        frame = self._frame(paths, 0)
        if frame is None:
            return
        shift *= abs(self._scale)
        slid = tuple(tuple((x + shift * 0.8, y + shift) for x, y in path) for path in paths)
        mask = ImageChops.invert(_mask(slid, frame, abs(shift) * 0.45))
        mask = ImageChops.multiply(mask, _mask(paths, frame))
        if inside is not None:
            mask = ImageChops.multiply(mask, _mask(self._mapped(inside), frame))
        self._lay(mask, frame, colour, paths, alpha, 0.25)

    def glow(self, x: float, y: float, r: float, colour: str, alpha: float = 0.6) -> None:
        """Light spreading from a point."""
        for share, part in ((1.0, 0.4), (0.55, 0.45), (0.25, 0.55)):
            self.paint(ellipse(x, y, r * share * 0.7), colour, alpha=alpha * part, blur=r * share * 0.28)

    def cast(self, x: float, y: float, rx: float, ry: float, alpha: float = 0.35) -> None:
        """The soft shadow of something standing at (x, y) on the ground."""
        self.paint(ellipse(x + rx * 0.16, y, rx, ry), DUSK, alpha=alpha, blur=ry * 0.35, grain=0.2)

    def picture(self) -> Image.Image:
        """The finished picture."""
        width, height = self._sheet.size
        return self._sheet.resize((width // FINE, height // FINE), Image.Resampling.LANCZOS)

    def _place(self, point: Point) -> complex:
        x, y = point
        return self._origin + self._scale * complex(-x if self._flip else x, y)

    def _mapped(self, shape: Shape) -> Shape:
        return tuple(
            tuple((z.real, z.imag) for z in (self._place(point) for point in path)) for path in shape
        )

    def _frame(self, paths: Shape, blur: float) -> Frame | None:
        """The part of the sheet that the paths touch."""
        x0, y0, x1, y1 = _bounds(paths)
        pad = math.ceil(blur * 2.5) + 1
        left, top = max(int(x0) - pad, 0), max(int(y0) - pad, 0)
        right, bottom = min(int(x1) + pad, self._sheet.width), min(int(y1) + pad, self._sheet.height)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _lay(
        self, mask: Image.Image, frame: Frame, fill: Fill, paths: Shape, alpha: float, grain: float
    ) -> None:
        if grain:
            sheet = _grain(*self._sheet.size).crop(frame)
            share = min(grain, 1.0)
            sheet = sheet.point([round(255 * (1 - share) + value * share) for value in range(256)])
            mask = ImageChops.multiply(mask, sheet)
        if alpha < 1:
            mask = mask.point([round(value * alpha) for value in range(256)])
        if isinstance(fill, str):
            self._sheet.paste(rgb(fill), frame, mask)
        else:
            self._sheet.paste(_faded(fill, frame, _bounds(paths)), frame, mask)


def _bounds(paths: Shape) -> tuple[float, float, float, float]:
    xs = [x for path in paths for x, _ in path]
    ys = [y for path in paths for _, y in path]
    return min(xs), min(ys), max(xs), max(ys)


def _mask(paths: Shape, frame: Frame, blur: float = 0.0) -> Image.Image:
    """The paths inside the frame, in white.

    A wide blur is made small and enlarged, which nobody sees; a sharp edge is made large and reduced, which
    everybody does.
    """
    left, top, right, bottom = frame
    width, height = right - left, bottom - top
    sharp = 2 if width * height < SHARP else 1
    zoom = 1 / max(int(blur / 4), 1) if blur else sharp
    mask = Image.new("L", (math.ceil(width * zoom), math.ceil(height * zoom)))
    draw = ImageDraw.Draw(mask)
    for path in paths:
        draw.polygon([((x - left) * zoom, (y - top) * zoom) for x, y in path], fill=255)
    if blur:
        mask = mask.filter(ImageFilter.GaussianBlur(blur * zoom))
    if zoom > 1:
        return mask.reduce(2)
    return mask if zoom == 1 else mask.resize((width, height), Image.Resampling.BILINEAR)


@cache
def _strip(colours: tuple[str, ...]) -> Image.Image:
    """A narrow fade, from top to bottom."""
    stops = [rgb(colour) for colour in colours]
    data = bytearray()
    for row in range(STEPS):
        place = row / (STEPS - 1) * (len(stops) - 1)
        low = min(int(place), len(stops) - 2)
        pairs = zip(stops[low], stops[low + 1], strict=True)
        data += bytes(round(a + (z - a) * (place - low)) for a, z in pairs) * 3
    return Image.frombytes("RGB", (3, STEPS), bytes(data))


def _faded(fill: Fade, frame: Frame, bounds: tuple[float, float, float, float]) -> Image.Image:
    """The frame full of a fade that runs from one side of the bounds to the other."""
    x0, y0, x1, y1 = bounds
    c, s = math.cos(math.radians(fill.angle)), math.sin(math.radians(fill.angle))
    sides = [x * c + y * s for x in (x0, x1) for y in (y0, y1)]
    start, length = min(sides), (max(sides) - min(sides)) or 1.0
    left, top, right, bottom = frame
    # A shape reaches a pixel past its bounds, and the strip has nothing past its own: so some is kept back.
    rate = (STEPS - 12) / (length + 4)
    move = (left * c + top * s - start + 2) * rate + 6
    size = (right - left, bottom - top)
    return _strip(fill.colours).transform(
        size, Image.Transform.AFFINE, (0, 0, 1.5, c * rate, s * rate, move), Image.Resampling.NEAREST
    )
