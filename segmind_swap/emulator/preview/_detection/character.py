"""Chooses the character among the salient parts of a picture, and finds its exact mask."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .._arrays import Mask, Plane, dilate
from .backdrop import correct_by_backdrop
from .components import Component, connected_components
from .saliency import saliency_map

SURE = 0.5
"""Pixels with at least this salience may be the character."""

_LEAST_SHARE = 0.002
"""A character covers at least this share of its picture; a smaller part is noise."""

_MARGIN = 0.3
"""The second pass of the network sees the character's box plus this margin on each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A character: ``alpha`` is its share of each pixel, ``possible`` every pixel that may belong to it."""

    alpha: Plane
    possible: Mask


def find_character(picture: Image.Image, *, alone: bool) -> Character | None:
    """Find the one character of an RGB picture in two passes. None if nothing stands out.

    ``alone``: the picture may show nothing but the character, so that a plain backdrop can correct the mask.
    A scene cannot be corrected so: its row may be plain except for a shop behind the character.
    """
    first = saliency_map(picture)
    body = _likeliest(first)
    if body is None:
        return None
    box = _with_margin(body, picture.size)
    if (box[2] - box[0]) * (box[3] - box[1]) > 0.7 * body.size:
        closer, mask = first, body
    else:
        closer = np.zeros_like(first)
        closer[box[1] : box[3], box[0] : box[2]] = saliency_map(picture.crop(box))
        again = _likeliest(closer)
        # The second pass must find the same object. If the masks differ much, it found another object.
        if again is None or np.count_nonzero(again & body) < 0.5 * np.count_nonzero(again | body):
            closer, again = first, body
        mask = again
    if alone:
        closer, mask = correct_by_backdrop(closer, mask, np.asarray(picture, np.float32) / np.float32(255))
    alpha = closer * dilate(mask, max(1, round(0.006 * max(mask.shape))))
    alpha[_pinholes(mask)] = 1.0
    return Character(alpha=alpha.astype(np.float32), possible=mask | body)


def bounds(mask: Mask) -> tuple[int, int, int, int]:
    """The box of the set pixels: (left, top, right, bottom)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _likeliest(saliency: Plane) -> Mask | None:
    """The component that is most like a character, with the smaller parts near it."""
    labels, parts = connected_components(saliency > SURE)
    parts = [part for part in parts if part.area_px >= _LEAST_SHARE * saliency.size]
    if not parts:
        return None
    best = max(parts, key=lambda part: _likeness(part, saliency.shape))
    mask: Mask = labels == best.label
    reach = dilate(mask, max(2, round(0.05 * max(best.width, best.height))))
    for part in parts:
        # Such as a hat above a dark band, or a hand beyond a sleeve.
        if part is not best and part.area_px < 0.5 * best.area_px:
            own = labels == part.label
            if np.count_nonzero(own & reach) > 0:
                mask |= own
    return mask | _pinholes(mask)


def _likeness(part: Component, shape: tuple[int, ...]) -> float:
    """How much a component is like a character: large, upright, near the middle."""
    upright = min(1.0, part.height / part.width / 0.9)
    off = abs((part.left + part.right) / 2 / shape[1] - 0.5)
    return part.area_px * upright * (1.0 - off)


def _pinholes(mask: Mask) -> Mask:
    """The small holes that the mask encloses, such as an eye, a buckle or a band."""
    labels, gaps = connected_components(~mask)
    height, width = mask.shape
    limit = 0.02 * np.count_nonzero(mask)
    small = [
        gap.label
        for gap in gaps
        if gap.area_px <= limit and gap.left > 0 and gap.top > 0 and gap.right < width and gap.bottom < height
    ]
    return np.isin(labels, small)


def _with_margin(mask: Mask, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = bounds(mask)
    wide, high = round((right - left) * _MARGIN), round((bottom - top) * _MARGIN)
    return max(0, left - wide), max(0, top - high), min(size[0], right + wide), min(size[1], bottom + high)
