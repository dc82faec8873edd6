"""Compares pictures on a grid of cells. Needs Pillow."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from .histograms import quantile, share_above, white_where

COARSE, FINE = 64, 128
"""Cells along the longer side of a picture. Somebody small is found on the fine grid only."""
DIFFERS = 20
"""From this number of levels on, a cell differs."""
_TOP = 0.002
_SMOOTH, _TEXTURED = 3, 12
"""The range of a cell and its neighbours: without texture it is below the first, with it above the second."""
_WEAKER = 3
"""A cell has lost its texture if its range is a third."""
_LEAST_TEXTURE = 0.05
"""Of a scene with less texture, all cells are compared."""
_SAME_COLOUR = 6
_CLEARLY_VARIED, _CLEARLY_OTHER = 10, 24


def grid_of(size: tuple[int, int], longest: int = COARSE) -> tuple[int, int]:
    """The number of cells (across, down) for a picture of this size."""
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def in_cells(image: Image.Image, grid: tuple[int, int]) -> Image.Image:
    """The mean colour of each cell."""
    return image if image.size == grid else image.resize(grid, Image.Resampling.BOX)


def spread(cells: Image.Image) -> float:
    """How far the colours lie apart, in the channel that varies most."""
    return max(_spread_of_band(band.histogram()) for band in cells.split())


def _spread_of_band(histogram: Sequence[int]) -> float:
    total = sum(histogram)
    mean = sum(level * count for level, count in enumerate(histogram)) / total
    variance = sum((level - mean) ** 2 * count for level, count in enumerate(histogram)) / total
    middle = quantile(histogram, 0.5)
    distances = [0] * 256
    for level, count in enumerate(histogram):
        distances[abs(level - middle)] += count
    return float(max(variance**0.5, quantile(distances, 0.9)))


def differences(scene: Image.Image, result: Image.Image) -> Image.Image:
    """How far each cell lies outside the range of the scene's cell and its eight neighbours, in levels.

    So an edge that has moved by one cell is no difference. The largest of the three channels counts.
    """
    least, most = _envelope(scene)
    return _largest(ImageChops.lighter(ImageChops.subtract(least, result), ImageChops.subtract(result, most)))


def ranges(cells: Image.Image) -> Image.Image:
    """The range of each cell and its eight neighbours, in levels, in the channel that varies most."""
    least, most = _envelope(cells)
    return _largest(ImageChops.subtract(most, least))


def _envelope(cells: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The least and the most of each cell and its eight neighbours, as `MinFilter(3)` and `MaxFilter(3)`.

    Those filters sort each neighbourhood, and take ten times as long.
    """
    width, height = cells.size
    wide = Image.new(cells.mode, (width + 2, height))
    for x in (0, 2, 1):
        wide.paste(cells, (x, 0))
    beside = [wide.crop((x, 0, x + width, height)) for x in range(3)]
    found = []
    for choose in (ImageChops.darker, ImageChops.lighter):
        row = choose(choose(beside[0], beside[1]), beside[2])
        tall = Image.new(cells.mode, (width, height + 2))
        for y in (0, 2, 1):
            tall.paste(row, (0, y))
        above, own, below = (tall.crop((0, y, width, y + height)) for y in range(3))
        found.append(choose(choose(above, own), below))
    return found[0], found[1]


def _largest(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def change(found: Image.Image) -> float:
    """The mean of the `differences` that are largest, without those at the sides of the picture."""
    width, height = found.size
    inner = found.crop((1, 1, width - 1, height - 1)) if min(width, height) > 4 else found
    histogram = inner.histogram()
    wanted = left = max(1, round(sum(histogram) * _TOP))
    total = 0
    for level in range(255, -1, -1):
        taken = min(left, histogram[level])
        total += taken * level
        left -= taken
    return total / wanted


def background(scene: Image.Image, result: Image.Image, found: Image.Image) -> float:
    """The share of the scene's texture that is not in the result: it differs, or is weak.

    Flat parts are alike by chance in many pictures, so they say nothing.
    """
    own = ranges(scene)
    textured = white_where(own, above=_TEXTURED)
    share = share_above(textured, 0)
    if share < _LEAST_TEXTURE:
        return share_above(found, DIFFERS)
    third = own.point([level // _WEAKER for level in range(256)])
    is_weak = white_where(ImageChops.subtract(third, ranges(result)), above=0)
    is_lost = ImageChops.lighter(is_weak, white_where(found, above=DIFFERS))
    return share_above(ImageChops.multiply(textured, is_lost), 127) / share


def gap(scene: Image.Image, result: Image.Image) -> float:
    """The share of the scene's texture in whose place the result has one colour.

    Both are pictures, not cells: what a decoder fills in has no noise at all, and a painted coat has some.
    """
    textured = white_where(ranges(scene), above=_TEXTURED)
    share = share_above(textured, 0)
    if share < _LEAST_TEXTURE:
        return 0.0
    is_smooth = ImageChops.invert(white_where(ranges(result), above=_SMOOTH - 1))
    is_empty = ImageChops.multiply(textured, is_smooth)
    levels = result.convert("L").histogram(is_empty)
    of_one_colour = max(sum(levels[level : level + _SAME_COLOUR]) for level in range(256))
    return of_one_colour / (share * scene.size[0] * scene.size[1])


def bars(scene: Image.Image, result: Image.Image) -> float:
    """The share of the picture in bars of one colour along its sides, where the scene has no such bars."""
    width, height = result.size
    rows = [(0, y, width, y + 1) for y in range(height)]
    columns = [(x, 0, x + 1, height) for x in range(width)]
    down = _depth(scene, result, rows) + _depth(scene, result, rows[::-1])
    across = _depth(scene, result, columns) + _depth(scene, result, columns[::-1])
    return 1 - (1 - min(1.0, down / height)) * (1 - min(1.0, across / width))


def _depth(scene: Image.Image, result: Image.Image, lines: Sequence[tuple[int, int, int, int]]) -> int:
    """How many lines, from the side of the picture on, have the first one's colour, and not in the scene."""
    colour: list[int] | None = None
    for depth, line in enumerate(lines):
        own, before = _extrema(result.crop(line)), _extrema(scene.crop(line))
        colour = colour or [low for low, _ in own]
        is_bar = all(
            high - low < _SMOOTH and abs(low - level) <= _SAME_COLOUR
            for (low, high), level in zip(own, colour, strict=True)
        )
        is_in_scene = all(
            high - low < _CLEARLY_VARIED and abs(high - level) < _CLEARLY_OTHER
            for (low, high), level in zip(before, colour, strict=True)
        )
        if not is_bar or is_in_scene:
            return depth
    return len(lines)


def _extrema(line: Image.Image) -> list[tuple[int, int]]:
    found = [band.getextrema() for band in line.split()]
    return [(int(low), int(high)) for low, high in found]  # type: ignore[arg-type]  # of a band of bytes
