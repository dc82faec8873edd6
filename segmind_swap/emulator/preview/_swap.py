"""The whole swap: from the bytes of a reference and a scene to the bytes of the edited scene."""

import threading

import numpy as np
from PIL import Image

from .._pictures.decode import decode
from ._arrays import Colours, Mask, Plane, dilate
from ._detection.character import bounds, find_character
from ._editing.compose import Parts, compose
from ._editing.inpaint import NothingAroundError
from ._editing.matte import Cutout, cut_out, without_backdrop
from ._editing.placement import Extent, place_character
from ._editing.relight import relight
from ._input import opaque, working_copy

_ONE_AT_A_TIME = threading.Lock()

_HOLE = 0.012
"""The hole is the old character plus this margin, as a share of the scene's longer side."""

_RING = 0.08
"""The scene's light is measured in a ring of this width around the hole, as a share of the longer side."""


_OWN = " by the emulator's local preview"
"""Says that Segmind did not refuse the picture."""

_ALL_STANDS_OUT = f"No character was found in the scene{_OWN}, because all of it stands out"


class NoCharacter(Exception):  # noqa: N818 -- an outcome, not an error
    """No character was found. The text says in which picture."""


def swap(reference: bytes, scene: bytes, *, ribbon: bool = True) -> bytes:
    """The scene with the reference's character in place of its own, as PNG.

    Both inputs are JPEG, PNG or WebP. The result has the scene's size and mode. Pixels outside the edited
    region stay as decoded. A process runs one swap at a time; the same inputs give the same bytes.

    Raises:
        NoCharacter: no character was found in one of the pictures.
        UnusablePictureError: a picture cannot be decoded.
    """
    with _ONE_AT_A_TIME:
        new = _character(decode(reference))
        whole = decode(scene)
        small = working_copy(whole)
        parts = _parts(new, small, whole.size)
        try:
            return compose(whole, parts, ribbon=ribbon)
        except NothingAroundError as error:
            raise NoCharacter(_ALL_STANDS_OUT) from error


def _character(image: Image.Image) -> tuple[Cutout, Extent]:
    """The reference's character, cropped, and its place in the reference."""
    image = working_copy(image)
    colours = _pixels(opaque(image))
    own = _own_alpha(image)
    if own is not None:
        out = Cutout(colours=without_backdrop(_pixels(image.convert("RGB")), own), alpha=own)
    else:
        figure = find_character(opaque(image), alone=True)
        if figure is None:
            raise NoCharacter(f"No character was found in the reference image{_OWN}")
        out = cut_out(colours, figure.alpha)
    mask = out.alpha > 0.5
    if not mask.any():
        raise NoCharacter(f"No character was found in the reference image{_OWN}")
    extent = _extent(mask, 1.0)
    box = np.s_[int(extent.top) : int(extent.bottom), int(extent.left) : int(extent.right)]
    return Cutout(colours=out.colours[box], alpha=out.alpha[box]), extent


def _parts(new: tuple[Cutout, Extent], small: Image.Image, size: tuple[int, int]) -> Parts:
    """The changes to a scene of this size, computed on its working copy ``small``."""
    character, extent = new
    figure = find_character(opaque(small), alone=False)
    if figure is None:
        raise NoCharacter(f"No character was found in the scene{_OWN}")
    zoom = size[0] / small.width
    old = _extent(figure.alpha > 0.5, zoom)
    px = max(small.size)
    hole = dilate(figure.possible, max(2, round(_HOLE * px)))
    colours = _pixels(opaque(small))
    ring = dilate(hole, max(4, round(_RING * px))) & ~hole
    if not ring.any():
        raise NoCharacter(_ALL_STANDS_OUT)
    lit = relight(character.colours, character.alpha, colours, ring)
    return Parts(
        hole=hole,
        character=Cutout(colours=lit, alpha=_faded(character.alpha, extent, old)),
        placement=place_character(extent, old),
    )


def _own_alpha(image: Image.Image) -> Plane | None:
    """The alpha channel of the picture, if it separates a character from a backdrop."""
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"), np.float32) / np.float32(255)
    clear = float((alpha < 0.5).mean())
    return alpha if 0.01 < clear < 1.0 - 1e-4 else None


def _faded(alpha: Plane, new: Extent, old: Extent) -> Plane:
    """Fade the edges at which the reference's frame cut the character off, to avoid a straight line."""
    height, width = alpha.shape
    side = np.clip(np.arange(width, dtype=np.float32) / (0.06 * width), 0.0, 1.0)
    if new.cut_left and not old.cut_left:
        alpha = alpha * side
    if new.cut_right and not old.cut_right:
        alpha = alpha * side[::-1]
    if new.cut_below and not old.cut_below:
        alpha = (
            alpha * np.clip(np.arange(height, 0, -1, dtype=np.float32) / (0.08 * height), 0.0, 1.0)[:, None]
        )
    return alpha.astype(np.float32)


def _extent(mask: Mask, zoom: float) -> Extent:
    left, top, right, bottom = bounds(mask)
    columns = np.cumsum(mask.sum(axis=0))
    middle = int(np.searchsorted(columns, columns[-1] / 2)) + 0.5
    return Extent(
        left=left * zoom,
        top=top * zoom,
        right=right * zoom,
        bottom=bottom * zoom,
        middle=middle * zoom,
        picture=(mask.shape[1] * zoom, mask.shape[0] * zoom),
    )


def _pixels(image: Image.Image) -> Colours:
    return np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
