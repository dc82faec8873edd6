"""Fills unknown colours from the known ones (the pull-push algorithm over an image pyramid)."""

import numpy as np

from .._arrays import Colours, Plane


def fill_colours(colours: Colours, weight: Plane) -> Colours:
    """Each pixel's colour from the nearest pixels with a weight. Where the weight is 1, the colour stays."""
    height, width = weight.shape
    if height <= 2 and width <= 2:
        total = float(weight.sum())
        mean = (colours * weight[..., None]).sum(axis=(0, 1)) / max(total, 1e-6)
        return np.broadcast_to(mean, colours.shape).astype(np.float32)
    # Half the size, each pixel the weighted mean of four.
    even = ((0, height % 2), (0, width % 2))
    heavy = np.pad(colours * weight[..., None], (*even, (0, 0)))
    known = _sums(np.pad(weight, even)[..., None])
    means = np.asarray(_sums(heavy) / np.maximum(known, 1e-6), np.float32)
    coarse = fill_colours(means, np.asarray(np.minimum(known[..., 0], 1.0), np.float32))
    return colours * weight[..., None] + _doubled(coarse)[:height, :width] * (1.0 - weight[..., None])


def _sums(values: Colours) -> Colours:
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]


def _doubled(values: Colours) -> Colours:
    """Twice the size, interpolated."""
    for axis in (0, 1):
        padded = np.concatenate([values.take([0], axis), values, values.take([-1], axis)], axis=axis)
        count = values.shape[axis]
        before, after = (padded.take(range(at, at + count), axis) for at in (0, 2))
        halves = np.stack([0.75 * values + 0.25 * before, 0.75 * values + 0.25 * after], axis=axis + 1)
        shape = list(values.shape)
        shape[axis] *= 2
        values = halves.reshape(shape)
    return values.astype(np.float32)
