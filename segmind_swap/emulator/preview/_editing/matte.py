"""The character's matte: a soft mask that follows the picture's edges, and colours without the backdrop."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .._arrays import Colours, Plane, box_mean
from .pull_push import fill_colours

_SIDE_PX = 400
"""The filter is computed at most at this size, and applied at the full size."""

_RADIUS_PX = 5
_SMOOTHNESS = 2e-4
"""Colour differences well below the square root of this value count as noise, not as an edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutout:
    """A character without its picture: colours, and the character's share of each pixel."""

    colours: Colours
    alpha: Plane


def cut_out(colours: Colours, alpha: Plane) -> Cutout:
    """Cut the character out of its picture."""
    fine = _sharper(_guided(colours, alpha))
    return Cutout(colours=without_backdrop(colours, fine), alpha=fine)


def without_backdrop(colours: Colours, alpha: Plane) -> Colours:
    """The colours of the character alone. Along the edge, the colours are taken from further inside."""
    inside = (alpha > 0.97).astype(np.float32)
    if not inside.any():
        return colours
    return np.where((alpha > 0.97)[..., None], colours, fill_colours(colours, inside))


def _guided(colours: Colours, alpha: Plane) -> Plane:
    """A guided filter (He, Sun and Tang, 2010) with the colours as guide.

    In each small square, the mask is modelled as a linear function of the three colours.
    """
    height, width = alpha.shape
    zoom = min(1.0, _SIDE_PX / max(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    guide = np.stack([_resized(colours[..., c], size) for c in range(3)], axis=-1)
    mask = _resized(alpha, size)
    r = _RADIUS_PX
    mean_guide, mean_mask = box_mean(guide, r), box_mean(mask, r)
    together = box_mean(guide * mask[..., None], r) - mean_guide * mean_mask[..., None]
    variance = np.empty((*mask.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            own = box_mean(guide[..., i] * guide[..., j], r) - mean_guide[..., i] * mean_guide[..., j]
            variance[..., i, j] = variance[..., j, i] = own
    variance += _SMOOTHNESS * np.eye(3, dtype=np.float32)
    slope = np.asarray(np.linalg.solve(variance, together[..., None])[..., 0], np.float32)
    offset = np.asarray(mean_mask - (slope * mean_guide).sum(axis=-1), np.float32)
    slope, offset = box_mean(slope, r), box_mean(offset, r)
    fine = _resized(offset, (width, height))
    for c in range(3):
        fine = fine + _resized(slope[..., c], (width, height)) * colours[..., c]
    return np.asarray(np.clip(fine, 0.0, 1.0), np.float32)


def _sharper(alpha: Plane) -> Plane:
    """Set small values to 0 and large values to 1, with a smooth step between."""
    t = np.clip((alpha - 0.2) / 0.65, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)
