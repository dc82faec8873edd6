"""The rows of a labelled set: what was done to a good result, and which flags are right then."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageFilter

from segmind_swap import ResultFlag

from .drawings import Situation, grained

F = ResultFlag


def encoded(image: Image.Image, form: str = "JPEG", quality: int = 88) -> bytes:
    file = io.BytesIO()
    image.save(file, form, quality=quality)
    return file.getvalue()


def toned(image: Image.Image, *gains: float, gamma: float = 1.0, shift: float = 0.0) -> Image.Image:
    """Each channel times its gain, or all times one; then the gamma, and the shift in levels."""
    gains = gains * (3 // len(gains)) if gains else (1.0, 1.0, 1.0)
    tables = [
        [min(255, max(0, round(255 * min(1.0, gain * level / 255) ** gamma + shift))) for level in range(256)]
        for gain in gains
    ]
    return Image.merge("RGB", [band.point(table) for band, table in zip(image.split(), tables, strict=True)])


def redrawn(image: Image.Image, rng: Random, strength: float = 1.0) -> Image.Image:
    """The same picture as a model may draw it again: resampled, softened, grained, slightly toned."""
    scale = rng.uniform(0.7, 0.95)
    small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    again = small.resize(image.size, Image.Resampling.LANCZOS)
    again = again.filter(ImageFilter.GaussianBlur(0.5 * strength))
    again = toned(again, *(1 + rng.uniform(-0.03, 0.03) * strength for _ in range(3)))
    return grained(again, rng, 0.05 * strength)


def moved(image: Image.Image, share: float, rng: Random) -> Image.Image:
    """The picture moved by `share` of its longer side in both directions; its sides are repeated."""
    by = round(share * max(image.size))
    right, down = rng.choice((-by, by)), rng.choice((-by, by))
    box = (-right, -down, image.width - right, image.height - down)
    around = image.resize((image.width + 2 * by, image.height + 2 * by))
    around.paste(image, (by, by))
    for side in range(by):
        left, last = by - 1 - side, by + image.width + side
        around.paste(image.crop((0, 0, 1, image.height)), (left, by))
        around.paste(image.crop((image.width - 1, 0, image.width, image.height)), (last, by))
    for side in range(by):
        line = around.crop((0, by, around.width, by + 1))
        around.paste(line, (0, by - 1 - side))
        line = around.crop((0, by + image.height - 1, around.width, by + image.height))
        around.paste(line, (0, by + image.height + side))
    left, top, last, bottom = box
    return around.crop((left + by, top + by, last + by, bottom + by))


def with_bars(image: Image.Image, share: float, rng: Random) -> Image.Image:
    """The picture made smaller between two black or white bars, or in a frame."""
    width, height = image.size
    framed = Image.new("RGB", image.size, rng.choice(("black", "white", (20, 20, 20))))
    sides = rng.choice(("all", "rows", "columns"))
    x = round(width * share) if sides != "rows" else 0
    y = round(height * share) if sides != "columns" else 0
    framed.paste(image.resize((width - 2 * x, height - 2 * y), Image.Resampling.LANCZOS), (x, y))
    return framed


def half_grey(image: Image.Image, share: float, rng: Random) -> Image.Image:
    """The picture as a decoder shows it that got only a part of the file."""
    width, height = image.size
    damaged = image.copy()
    first = round(height * (1 - share))
    damaged.paste(rng.choice(((128, 128, 128), (0, 0, 0), (127, 128, 126))), (0, first, width, height))
    return damaged


def one_colour(image: Image.Image, rng: Random) -> Image.Image:
    """Black, white or a colour, perhaps with slight noise or a slight fade."""
    level = rng.choice(((0, 0, 0), (255, 255, 255), (128, 128, 128), (12, 30, 60), (250, 240, 235)))
    plain = Image.new("RGB", image.size, level)
    return grained(plain, rng, rng.choice((0.0, 0.02, 0.05)), cell=rng.choice((1, 4)))


def fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS)


def sheet(situation: Situation) -> Image.Image:
    """Both inputs side by side, in the shape of the scene."""
    width, height = situation.scene.size
    page = Image.new("RGB", (width, height), "white")
    page.paste(fitted(situation.reference, (width // 3, height)), (0, 0))
    page.paste(
        fitted(situation.scene, (width - width // 3 - 8, height * 2 // 3)), (width // 3 + 8, height // 6)
    )
    return page


def on_another_place(situation: Situation) -> Image.Image:
    other = situation.elsewhere.copy()
    situation.new.paint(other, situation.feet, situation.height)
    return other


def on_a_wall(situation: Situation, rng: Random) -> Image.Image:
    wall = toned(Image.new("RGB", situation.scene.size, (214, 210, 204)), rng.uniform(0.5, 1.1))
    situation.new.paint(wall, situation.feet, situation.height)
    return wall


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    return fitted(image, (round(image.width * scale), round(image.height * scale)))


def _saved_again(image: Image.Image, quality: int) -> Image.Image:
    with Image.open(io.BytesIO(encoded(image, quality=quality))) as again:
        return again.convert("RGB")


def _square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _stretched(image: Image.Image, rng: Random) -> Image.Image:
    return fitted(image, (round(image.width * rng.uniform(1.05, 1.12)), image.height))


def _reference(situation: Situation, rng: Random) -> Image.Image:
    own = situation.reference
    return redrawn(own if rng.random() < 0.5 else fitted(own, situation.scene.size), rng)


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: What was done.
        make: The picture of the result, and its file's format and quality.
        right: The flag that is right.
        also: Flags that are no mistake in this row.
        figure: Which figures: "usual", "tiny" or "large".
    """

    name: str
    make: Callable[[Situation, Random], Image.Image]
    right: ResultFlag | None = None
    also: tuple[ResultFlag, ...] = ()
    figure: str = "usual"


ROWS = [
    Row("good: only the figure is new", lambda s, _: s.good),
    Row("good: all redrawn", lambda s, r: redrawn(s.good, r)),
    Row("good: all strongly redrawn", lambda s, r: redrawn(s.good, r, 2.5)),
    Row("good: tiny figure (0.3 to 1 %)", lambda s, r: redrawn(s.good, r), figure="tiny"),
    Row("good: the figure fills the frame", lambda s, r: redrawn(s.good, r), figure="large"),
    Row("good: other size (0.75 to 2)", lambda s, r: _scaled(redrawn(s.good, r), r.choice((0.75, 1.5, 2.0)))),
    Row("good: moved by 4 px of 480", lambda s, r: moved(redrawn(s.good, r), 4 / 480, r)),
    Row("good: moved by 16 px of 480", lambda s, r: moved(redrawn(s.good, r), 16 / 480, r)),
    Row("good: relit +25 %", lambda s, r: toned(redrawn(s.good, r), 1.25), F.LIGHT),
    Row(
        "good: warm gamma",
        lambda s, r: toned(redrawn(s.good, r), 1.08, 1.0, 0.88, gamma=r.choice((0.8, 1.25))),
        F.LIGHT,
    ),
    Row("unchanged: the same", lambda s, _: s.scene, F.UNCHANGED),
    Row("unchanged: saved again (JPEG 30)", lambda s, _: _saved_again(s.scene, 30), F.UNCHANGED),
    Row("unchanged: redrawn", lambda s, r: redrawn(s.scene, r), F.UNCHANGED),
    Row("unchanged: strongly redrawn", lambda s, r: redrawn(s.scene, r, 2.5), F.UNCHANGED),
    Row("unchanged: moved by 2 px of 480", lambda s, r: moved(redrawn(s.scene, r), 2 / 480, r), F.UNCHANGED),
    Row("unchanged: moved by 4 px of 480", lambda s, r: moved(redrawn(s.scene, r), 4 / 480, r), F.UNCHANGED),
    Row("unchanged: moved by 8 px of 480", lambda s, r: moved(redrawn(s.scene, r), 8 / 480, r), F.UNCHANGED),
    Row(
        "unchanged: moved by 16 px of 480", lambda s, r: moved(redrawn(s.scene, r), 16 / 480, r), F.UNCHANGED
    ),
    Row("unchanged: relit +25 %", lambda s, r: toned(redrawn(s.scene, r), 1.25), F.UNCHANGED, (F.LIGHT,)),
    Row("unchanged: tiny figure", lambda s, r: redrawn(s.scene, r), F.UNCHANGED, figure="tiny"),
    Row("figure removed", lambda s, r: redrawn(s.empty, r)),
    Row(
        "background: another place",
        lambda s, r: redrawn(on_another_place(s), r),
        F.BACKGROUND,
        (F.LIGHT, F.GAP),
    ),
    Row(
        "background: a plain wall",
        lambda s, r: redrawn(on_a_wall(s, r), r),
        F.BACKGROUND,
        (F.LIGHT, F.GAP, F.BARS),
    ),
    Row("background: a sheet of the inputs", lambda s, _: sheet(s), F.BACKGROUND, (F.LIGHT, F.GAP, F.BARS)),
    Row(
        "half grey (30 to 60 %)",
        lambda s, r: half_grey(s.good, r.uniform(0.3, 0.6), r),
        F.GAP,
        (F.BARS, F.LIGHT, F.BACKGROUND),
    ),
    Row(
        "bars (4 to 10 % a side)",
        lambda s, r: with_bars(s.good, r.uniform(0.04, 0.1), r),
        F.BARS,
        (F.BACKGROUND, F.GAP),
    ),
    Row("blank", lambda s, r: one_colour(s.scene, r), F.BLANK, (F.BACKGROUND, F.GAP, F.BARS, F.LIGHT)),
    Row(
        "shape: cropped to a square", lambda s, _: _square(s.good), F.SHAPE, (F.BACKGROUND, F.SMALL, F.LIGHT)
    ),
    Row("shape: stretched by 5 to 12 %", lambda s, r: _stretched(s.good, r), F.SHAPE),
    Row("small: half the width", lambda s, r: _scaled(s.good, r.uniform(0.3, 0.6)), F.SMALL),
    Row(
        "the reference itself",
        _reference,
        F.REFERENCE,
        (F.BACKGROUND, F.GAP, F.BARS, F.LIGHT, F.SHAPE, F.SMALL),
    ),
    Row(
        "same as another",
        lambda s, _: s.elsewhere,
        F.SAME,
        (F.BACKGROUND, F.LIGHT, F.GAP, F.SHAPE, F.SMALL),
    ),
]
"""`Same as another`: `labelled` gives every second result of this row the picture of the one before."""
