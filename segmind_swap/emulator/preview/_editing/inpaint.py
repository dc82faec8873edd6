"""Fills the old character's place with pieces of its surroundings (PatchMatch)."""

import numpy as np
import patchmatch
from PIL import Image, ImageFilter

_SIDE_PX = 384
"""The longer side at which pieces are searched. The time grows with the size of the hole."""

_CONTEXT = 0.6
"""The surroundings from which pieces are taken, as a share of the hole's box, on each side."""

_PATCH_PX = 3

Box = tuple[int, int, int, int]


class NothingAroundError(ValueError):
    """The hole leaves no pixels to fill it with."""


def inpaint(scene: Image.Image, hole: Image.Image) -> tuple[Image.Image, Box]:
    """A patch for an RGB scene in which the hole (white in an image of mode L) is filled, and its box.

    The box is larger than the hole. The patch must be used inside the hole only.
    """
    inner = hole.getbbox()
    if inner is None:
        raise ValueError("there is no hole to fill")
    wide, high = (round((inner[i + 2] - inner[i]) * _CONTEXT) for i in (0, 1))
    box = (
        max(0, inner[0] - wide),
        max(0, inner[1] - high),
        min(scene.width, inner[2] + wide),
        min(scene.height, inner[3] + high),
    )
    size = (box[2] - box[0], box[3] - box[1])
    zoom = min(1.0, _SIDE_PX / max(size))
    small = (max(8, round(size[0] * zoom)), max(8, round(size[1] * zoom)))
    pixels = np.asarray(scene.resize(small, Image.Resampling.LANCZOS, box))
    # Every pixel that belongs partly to the old character is filled, plus a margin of one pixel.
    gap = hole.resize(small, Image.Resampling.BOX, box).filter(ImageFilter.MaxFilter(3))
    mask = np.asarray(gap) > 0
    if mask.all():
        raise NothingAroundError("the hole covers all its surroundings: there is nothing to fill it with")
    filled = patchmatch.inpaint(pixels, mask.astype(np.uint8), patch_size=_PATCH_PX)
    return Image.fromarray(filled).resize(size, Image.Resampling.BICUBIC), box
