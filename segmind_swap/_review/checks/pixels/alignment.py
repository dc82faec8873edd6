"""Finds by how much a result was moved against its scene. Needs Pillow."""

from __future__ import annotations

from PIL import Image

from .histograms import clipped_difference

_STEPS = ((32, 2), (64, 1), (128, 1), (256, 1))
"""The longer side of the picture in each step, and by how many pixels a better place is looked for."""
_CLEARLY_BETTER = 0.8
"""A move is believed if it leaves less than this share of the difference."""
_ALIKE = 1.0
"""With a smaller mean difference, nothing was moved."""

Move = tuple[int, int]


def overlap(scene: Image.Image, result: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The parts of both that show the same, if the result is the scene moved by at most a tenth; else both.

    A model that draws a scene again often moves it by some pixels, and every edge would then differ.

    Args:
        scene: The scene, with a longer side of at most 256 pixels.
        result: The result, in the same size.
    """
    first, second = scene.convert("L"), result.convert("L")
    still = clipped_difference(first, second)
    if still < _ALIKE:
        return scene, result
    move, least, earlier = (0, 0), still, 0
    for longest, reach in _STEPS:
        if longest > max(first.size) or min(first.size) * longest < 8 * reach * max(first.size):
            continue
        if earlier:
            move = move[0] * longest // earlier, move[1] * longest // earlier
        earlier = longest
        move, least = _best(_reduced(first, longest), _reduced(second, longest), move, reach)
    if not earlier or least >= still * _CLEARLY_BETTER:
        return scene, result
    scale = max(first.size) / earlier
    return _cut(scene, result, (round(move[0] * scale), round(move[1] * scale)))


def _reduced(band: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(band.size)
    size = max(1, round(band.size[0] * scale)), max(1, round(band.size[1] * scale))
    return band if size == band.size else band.resize(size, Image.Resampling.BOX)


def _best(first: Image.Image, second: Image.Image, start: Move, reach: int) -> tuple[Move, float]:
    """The best move at most `reach` pixels from a first one, and the difference that it leaves."""
    moves = [
        (right, down)
        for down in range(start[1] - reach, start[1] + reach + 1)
        for right in range(start[0] - reach, start[0] + reach + 1)
    ]
    found = {move: clipped_difference(*_cut(first, second, move)) for move in moves}
    best = min(found, key=lambda move: (found[move], abs(move[0]) + abs(move[1])))
    return best, found[best]


def _cut(first: Image.Image, second: Image.Image, move: Move) -> tuple[Image.Image, Image.Image]:
    """Both without what is outside the other, if the second is the first moved to the right and down."""
    right, down = move
    if not right and not down:
        return first, second
    width, height = first.size[0] - abs(right), first.size[1] - abs(down)
    x, y, u, v = max(0, -right), max(0, -down), max(0, right), max(0, down)
    return first.crop((x, y, x + width, y + height)), second.crop((u, v, u + width, v + height))
