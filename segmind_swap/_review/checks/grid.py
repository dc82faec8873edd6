"""Compares pictures on a grid of at most 64 x 64 cells. Needs Pillow."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageFilter

CELLS = 64
"""Cells along the longer side of a picture."""
_REACH = 4
"""By how many cells a result may be moved against its scene."""
_CLEARLY_BETTER = 0.7
"""A move is believed if it leaves less than this share of the difference."""
_CLIP = 32
"""Larger differences of a cell do not count more: a new figure must not decide about the move."""
_GAINS = 0.5, 2.0
_RING = 4
"""Cells from the side of the picture that are its margin."""
DIFFERS = 20
"""From this number of levels on, a cell differs."""
_TOP = 0.002
_SMOOTH, _TEXTURED = 3, 12
"""The range of a cell and its neighbours: below the first there is no texture, above the second there is."""


def grid_of(size: tuple[int, int]) -> tuple[int, int]:
    """The number of cells (across, down) for a picture of this size."""
    longest = max(size)
    return max(1, round(size[0] * CELLS / longest)), max(1, round(size[1] * CELLS / longest))


def in_cells(image: Image.Image, grid: tuple[int, int]) -> Image.Image:
    """The mean colour of each cell."""
    return image if image.size == grid else image.resize(grid, Image.Resampling.BOX)


def quantile(histogram: Sequence[int], share: float) -> int:
    """The smallest level that has at least this share of the pixels at or below it."""
    wanted, found = share * sum(histogram), 0
    for level, count in enumerate(histogram):
        found += count
        if found >= wanted:
            return level
    return len(histogram) - 1


def median(band: Image.Image, mask: Image.Image | None = None) -> int:
    """The median level of a band, or of its part where the mask is white."""
    return quantile(band.histogram(mask), 0.5)


def share_above(band: Image.Image, level: int) -> float:
    """The share of the cells above a level; 0 without cells."""
    histogram = band.histogram()
    total = sum(histogram)
    return sum(histogram[level + 1 :]) / total if total else 0.0


def spread(cells: Image.Image) -> float:
    """How far the colours lie apart, in the channel that varies most."""
    return max(_spread_of_band(band) for band in cells.split())


def _spread_of_band(band: Image.Image) -> float:
    histogram = band.histogram()
    total = sum(histogram)
    mean = sum(level * count for level, count in enumerate(histogram)) / total
    variance = sum((level - mean) ** 2 * count for level, count in enumerate(histogram)) / total
    middle = quantile(histogram, 0.5)
    distances = [0] * 256
    for level, count in enumerate(histogram):
        distances[abs(level - middle)] += count
    return float(max(variance**0.5, quantile(distances, 0.9)))


def aligned(scene: Image.Image, result: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The parts of both that show the same, if the result is the scene moved by some cells; else both."""
    first, second = scene.convert("L"), result.convert("L")
    still = _clipped_difference(first, second)
    best, least = (0, 0), still
    reach = min(_REACH, min(scene.size) // 4)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            difference = _clipped_difference(*_overlap(first, second, right, down))
            if difference < least:
                best, least = (right, down), difference
    return _overlap(scene, result, *best) if least < still * _CLEARLY_BETTER else (scene, result)


def _overlap(
    first: Image.Image, second: Image.Image, right: int, down: int
) -> tuple[Image.Image, Image.Image]:
    """Both without what is outside the other, if the second is the first moved to the right and down."""
    width, height = first.size[0] - abs(right), first.size[1] - abs(down)
    x, y, u, v = max(0, -right), max(0, -down), max(0, right), max(0, down)
    return first.crop((x, y, x + width, y + height)), second.crop((u, v, u + width, v + height))


def _clipped_difference(first: Image.Image, second: Image.Image) -> float:
    histogram = ImageChops.difference(first, second).histogram()
    clipped = sum(level * histogram[level] for level in range(_CLIP)) + _CLIP * sum(histogram[_CLIP:])
    return clipped / (first.size[0] * first.size[1])


def relit(scene: Image.Image, result: Image.Image) -> Image.Image:
    """The result in the light of the scene: each channel's dark and bright half has its median."""
    return Image.merge("RGB", [_relit(a, b) for a, b in zip(scene.split(), result.split(), strict=True)])


def _relit(scene: Image.Image, result: Image.Image) -> Image.Image:
    middle = median(scene)
    bright = scene.point([255 if level > middle else 0 for level in range(256)])
    if bright.getbbox() is None:
        # One level fills half of the channel or more.
        bright = scene.point([255 if level >= middle else 0 for level in range(256)])
    dark = ImageChops.invert(bright)
    if dark.getbbox() is None:
        moved = median(scene) - median(result)
        return result.point([_level(level + moved) for level in range(256)])
    low, high = median(scene, dark), median(scene, bright)
    own_low, own_high = median(result, dark), median(result, bright)
    gain = (high - low) / (own_high - own_low) if own_high > own_low else 1.0
    gain = min(max(gain, _GAINS[0]), _GAINS[1])
    shift = (low + high) / 2 - gain * (own_low + own_high) / 2
    return result.point([_level(gain * level + shift) for level in range(256)])


def _level(value: float) -> int:
    return min(255, max(0, round(value)))


def difference(scene: Image.Image, result: Image.Image) -> Image.Image:
    """How far each cell lies outside the range of the scene's cell and its eight neighbours, in levels.

    So an edge that has moved by one cell is no difference. The largest of the three channels counts.
    """
    least, most = scene.filter(ImageFilter.MinFilter(3)), scene.filter(ImageFilter.MaxFilter(3))
    outside = ImageChops.lighter(ImageChops.subtract(least, result), ImageChops.subtract(result, most))
    red, green, blue = outside.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def change(differences: Image.Image) -> float:
    """The mean of the cells that differ most, without those at the sides of the picture."""
    width, height = differences.size
    inner = differences.crop((1, 1, width - 1, height - 1)) if min(width, height) > 4 else differences
    histogram = inner.histogram()
    wanted = left = max(1, round(sum(histogram) * _TOP))
    total = 0
    for level in range(255, -1, -1):
        taken = min(left, histogram[level])
        total += taken * level
        left -= taken
    return total / wanted


def background(differences: Image.Image) -> float:
    """The share of the cells that differ; four fifths of that of the margin, if that is more."""
    width, height = differences.size
    everything = share_above(differences, DIFFERS)
    if min(width, height) <= 4 * _RING:
        return everything
    inner = differences.crop((_RING, _RING, width - _RING, height - _RING))
    inside = inner.size[0] * inner.size[1]
    outside = width * height - inside
    in_ring = (everything * width * height - share_above(inner, DIFFERS) * inside) / outside
    return max(everything, 0.8 * in_ring)


def gap(scene: Image.Image, result: Image.Image) -> float:
    """The share of the cells that have texture in the scene and none in the result."""
    has_texture = _ranges(scene).point([255 if level > _TEXTURED else 0 for level in range(256)])
    has_none = _ranges(result).point([255 if level < _SMOOTH else 0 for level in range(256)])
    return share_above(ImageChops.multiply(has_texture, has_none), 127)


def _ranges(cells: Image.Image) -> Image.Image:
    red, green, blue = ImageChops.subtract(
        cells.filter(ImageFilter.MaxFilter(3)), cells.filter(ImageFilter.MinFilter(3))
    ).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def bars(scene: Image.Image, result: Image.Image) -> float:
    """The share of the picture in bars of one colour along its sides, without those that the scene has."""
    return max(0.0, _bars(result) - _bars(scene))


def _bars(cells: Image.Image) -> float:
    width, height = cells.size
    across = [_is_one_colour(cells.crop((0, y, width, y + 1))) for y in range(height)]
    down = [_is_one_colour(cells.crop((x, 0, x + 1, height))) for x in range(width)]
    rows, columns = _at_both_ends(across), _at_both_ends(down)
    return 1 - (1 - rows / height) * (1 - columns / width)


def _is_one_colour(line: Image.Image) -> bool:
    extrema = line.getextrema()
    return all(high - low < _SMOOTH for low, high in extrema)  # type: ignore[misc]  # of each band


def _at_both_ends(lines: Sequence[bool]) -> int:
    """How many lines are true from the first on, and from the last back."""
    first = next((place for place, is_so in enumerate(lines) if not is_so), len(lines))
    last = next((place for place, is_so in enumerate(reversed(lines)) if not is_so), 0)
    return first + (last if first < len(lines) else 0)


def light(scene: Image.Image, result: Image.Image) -> float:
    """By how many levels the median of a channel has moved, in the channel that moved most."""
    pairs = zip(scene.split(), result.split(), strict=True)
    return float(max(abs(median(a) - median(b)) for a, b in pairs))
