"""Numbers of a histogram, which is all that Pillow says fast about many pixels. Needs Pillow."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

_CLIP = 32
"""Larger differences do not count more: a new figure must not decide where its background lies."""


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
    """The share of the pixels above a level; 0 without pixels."""
    histogram = band.histogram()
    total = sum(histogram)
    return sum(histogram[level + 1 :]) / total if total else 0.0


def clipped_difference(first: Image.Image, second: Image.Image) -> float:
    """The mean difference of two bands of one size, in levels; those of more than 32 levels count as 32."""
    histogram = ImageChops.difference(first, second).histogram()
    clipped = sum(level * histogram[level] for level in range(1, _CLIP)) + _CLIP * sum(histogram[_CLIP:])
    return clipped / (first.size[0] * first.size[1])


def white_where(band: Image.Image, *, above: int) -> Image.Image:
    """A mask that is white where the band is above a level."""
    return band.point([255 if level > above else 0 for level in range(256)])
