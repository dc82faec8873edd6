"""Puts a scene into the light of its result, so that another light is no difference. Needs Pillow."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, ImageChops

from .histograms import clipped_difference, median, quantile, white_where

_GAINS = 0.5, 2.0
_WIDTHS = (40, 24, 16)
"""Levels by which a cell may differ to count for the next line: a new figure must not bend it."""
_LEAST_SHARE = 0.1
"""With fewer cells, a line says nothing."""
_DARKEST, _BRIGHTEST = 4, 251
"""Beyond these levels, cells of the result may be cut off at black or white, and do not lie on the line."""


class Line(NamedTuple):
    """The levels of a channel in another light: a gain, and a shift in levels."""

    gain: float
    shift: float

    def table(self) -> list[int]:
        """The new level for each of the 256 levels."""
        found = [int(self.gain * level + self.shift + 0.5) for level in range(256)]
        return [0 if level < 0 else 255 if level > 255 else level for level in found]


_SAME = Line(1.0, 0.0)


def light_of(scene: Image.Image, result: Image.Image) -> list[Line]:
    """For each channel, the line that takes the levels of the scene to those of the result.

    Where the result shows somebody else, the line does not fit, and is not meant to.
    """
    return [_line(first, second) for first, second in zip(scene.split(), result.split(), strict=True)]


def in_light(image: Image.Image, lines: list[Line]) -> Image.Image:
    """The picture in another light."""
    bands = [band.point(line.table()) for band, line in zip(image.split(), lines, strict=True)]
    return Image.merge("RGB", bands)


def strength(scene: Image.Image, lines: list[Line]) -> float:
    """By how many levels the light moves the median of a channel, in the channel that it moves most."""
    medians = [median(band) for band in scene.split()]
    moves = (line.gain * level + line.shift - level for line, level in zip(lines, medians, strict=True))
    return max(abs(move) for move in moves)


def _line(scene: Image.Image, result: Image.Image) -> Line:
    """The line that leaves the least difference. It is looked for from no light, and from the medians."""
    best, least = _SAME, clipped_difference(scene, result)
    whole = result.point([255 if _DARKEST <= level <= _BRIGHTEST else 0 for level in range(256)])
    least_cells = _LEAST_SHARE * scene.size[0] * scene.size[1]
    if whole.histogram()[255] < least_cells:
        return best
    for start in (_SAME, _fitted(scene, result, whole)):
        line = start
        for width in _WIDTHS:
            guess = scene.point(line.table())
            difference = clipped_difference(guess, result)
            if difference < least:
                best, least = line, difference
            near = white_where(ImageChops.invert(ImageChops.difference(guess, result)), above=254 - width)
            near = ImageChops.multiply(near, whole)
            if near.histogram()[255] < least_cells:
                break
            line = _fitted(scene, result, near)
        else:
            difference = clipped_difference(scene.point(line.table()), result)
            if difference < least:
                best, least = line, difference
    return best


def _fitted(scene: Image.Image, result: Image.Image, where: Image.Image) -> Line:
    """The line through the medians of the dark and the bright half, of the cells where the mask is white."""
    middle = quantile(scene.histogram(where), 0.5)
    bright = white_where(scene, above=middle)
    dark = ImageChops.invert(bright)
    bright, dark = ImageChops.multiply(bright, where), ImageChops.multiply(dark, where)
    if bright.getbbox() is None or dark.getbbox() is None:
        return Line(1.0, median(result, where) - median(scene, where))
    low, high = median(scene, dark), median(scene, bright)
    own_low, own_high = median(result, dark), median(result, bright)
    gain = min(max((own_high - own_low) / (high - low), _GAINS[0]), _GAINS[1])
    return Line(gain, (own_low + own_high) / 2 - gain * (low + high) / 2)
