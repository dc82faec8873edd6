"""Corrects a mask before a plain backdrop: adds an arm that the network missed, and removes a filled gap."""

import numpy as np

from .._arrays import Colours, Mask, Plane, dilate
from .components import connected_components

_PLAIN = 0.08
"""Colours with a smaller difference (each channel from 0 to 1) may belong to the same backdrop."""

_CLEARLY = 0.16
"""Colours with a larger difference from the backdrop do not belong to the backdrop."""

_ROW_SHARE = 0.7
"""A row is plain if this share of its pixels outside the character has the backdrop's colour."""

_MOST_ADDED = 0.2
"""The largest part to add, as a share of the character: a larger part is an object behind the character."""

_FEET = 0.1
"""Nothing is added in this lowest share of the character: it would be the shadow on the ground."""


def correct_by_backdrop(saliency: Plane, mask: Mask, colours: Colours) -> tuple[Plane, Mask]:
    """Saliency and mask, corrected row by row: the backdrop's colour may change from top to bottom."""
    outside = ~dilate(mask, max(2, round(0.01 * max(mask.shape))))
    away = np.full(mask.shape, 0.5 * (_PLAIN + _CLEARLY), np.float32)
    for row in np.flatnonzero(mask.any(axis=1) & (outside.sum(axis=1) > 0.2 * mask.shape[1])):
        around = colours[row][outside[row]]
        apart = np.abs(colours[row] - np.median(around, axis=0)).max(axis=-1)
        if float((apart[outside[row]] < _PLAIN).mean()) >= _ROW_SHARE:
            away[row] = apart
    rows = np.flatnonzero(mask.any(axis=1))
    feet = rows[-1] - round(_FEET * (rows[-1] - rows[0]))
    added = _attached(away > _CLEARLY, mask, feet)
    gaps = (away < _PLAIN) & (saliency < 0.95)
    saliency = np.where(added, np.float32(1.0), np.where(gaps, np.float32(0.0), saliency))
    return np.asarray(saliency, np.float32), (mask & ~gaps) | added


def _attached(differs: Mask, mask: Mask, feet: int) -> Mask:
    """The parts that differ from the backdrop, touch the character, and are small enough for a limb."""
    beyond = differs & ~mask
    beyond[feet:] = False
    touch = dilate(mask, 2)
    labels, parts = connected_components(beyond)
    width = mask.shape[1]
    limit = _MOST_ADDED * np.count_nonzero(mask)
    limbs = [
        part.label
        for part in parts
        if part.area_px <= limit
        and part.left > 0
        and part.right < width
        and part.top > 0
        and bool(
            (
                touch[part.top : part.bottom, part.left : part.right]
                & (labels[part.top : part.bottom, part.left : part.right] == part.label)
            ).any()
        )
    ]
    return np.asarray(np.isin(labels, limbs), np.bool_)
