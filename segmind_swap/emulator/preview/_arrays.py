"""The array types of the preview, and two operations that most steps use: box mean and dilation."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Colours: TypeAlias = npt.NDArray[np.float32]
"""Height x width x 3: red, green and blue from 0 to 1."""

Plane: TypeAlias = npt.NDArray[np.float32]
"""Height x width, from 0 to 1."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""Height x width."""


def box_mean(values: Plane | Colours, radius: int) -> Plane | Colours:
    """The mean of the square of ``2 * radius + 1`` pixels around each pixel; the edge is repeated outwards.

    Computed with a running sum, so that the time does not depend on the radius.
    """
    for axis in (0, 1):
        pad = [(0, 0)] * values.ndim
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float64)
        size = 2 * radius + 1
        windows = sums[size:] - sums[:-size] if axis == 0 else sums[:, size:] - sums[:, :-size]
        values = (windows / size).astype(np.float32)
    return values


def dilate(mask: Mask, radius: int) -> Mask:
    """The mask and every pixel that is at most ``radius`` pixels away from the mask."""
    if radius < 1:
        return mask
    # A square, then a blurred square: rounder than a square, and as fast.
    square = box_mean(mask.astype(np.float32), max(1, round(radius * 0.7))) > 1e-6
    rest = radius - max(1, round(radius * 0.7))
    if rest < 1:
        return square
    soft = box_mean(box_mean(square.astype(np.float32), rest), rest)
    return soft > 0.08
