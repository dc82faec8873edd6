"""Whether the colours of a reference are found where a result differs from its scene. Needs Pillow."""

from __future__ import annotations

from typing import TypeAlias

from PIL import Image

from .grid import DIFFERS
from .histograms import median

_COLOURS = 8
_NEAR = 40
"""Levels by which two colours may differ in each channel."""

Colour: TypeAlias = tuple[int, int, int]


def palette_of(cells: Image.Image) -> list[tuple[Colour, int]]:
    """The main colours of a picture with the cells of each, without the colour along its sides."""
    few = cells.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    entries = few.getpalette() or []
    backdrop = _colour_of_sides(cells)
    found = []
    for place, count in enumerate(few.histogram()[: len(entries) // 3]):
        colour = entries[3 * place], entries[3 * place + 1], entries[3 * place + 2]
        if count and not _is_near(colour, backdrop):
            found.append((colour, count))
    return found


def _colour_of_sides(cells: Image.Image) -> Colour:
    width, height = cells.size
    sides = [
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    ]
    line = Image.new("RGB", (2 * width + 2 * height, 1))
    at = 0
    for side in sides:
        part = cells.crop(side)
        part = part if part.size[1] == 1 else part.transpose(Image.Transpose.TRANSPOSE)
        line.paste(part, (at, 0))
        at += part.size[0]
    red, green, blue = line.split()
    return median(red), median(green), median(blue)


def _is_near(first: Colour, second: Colour) -> bool:
    return all(abs(a - b) <= _NEAR for a, b in zip(first, second, strict=True))


def share_found(
    palette: list[tuple[Colour, int]], result: Image.Image, differences: Image.Image
) -> float | None:
    """The share of the palette that is among the cells that differ, from 0 to 1; None without a palette."""
    total = sum(count for _, count in palette)
    if not total:
        return None
    data, levels = result.tobytes(), differences.tobytes()
    cells = {
        (data[3 * at], data[3 * at + 1], data[3 * at + 2])
        for at, level in enumerate(levels)
        if level > DIFFERS
    }
    found = sum(count for colour, count in palette if any(_is_near(colour, cell) for cell in cells))
    return found / total
