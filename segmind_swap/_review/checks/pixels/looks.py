"""A picture, reduced to what its measures need, and the measures made of such. Needs Pillow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PIL import Image

from ..measures import PictureMeasures, ResultMeasures
from ..signatures import Signature
from . import alignment, grid, light, palette
from .decoding import UndecodableError, decode

_LEAST_PX = 256
"""Pixels that the shorter side of a JPEG keeps when it is decoded: four for each cell."""
_MOST_LOST = 0.6
"""If more of the scene's texture is lost, its light cannot be compared."""
_KEPT_PX = 256
"""The longer side of what is kept of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A decoded picture, small enough to be kept: at most 200 KB.

    Attributes:
        sha256: Identifies the content of the file.
        size: Width and height in pixels, upright.
        image: The picture in RGB, of at most 256 x 256 pixels.
        cells: The picture on its grid.
        signature: The signature.
    """

    sha256: str
    size: tuple[int, int]
    image: Image.Image = field(repr=False)
    cells: Image.Image = field(repr=False)
    signature: Signature


def look_at(data: bytes, sha256: str) -> Look:
    """Decodes a picture.

    Raises:
        UndecodableError: the picture cannot be decoded, or has too many pixels.
    """
    image, size = decode(data, least_px=_LEAST_PX)
    longest = max(image.size)
    if longest > _KEPT_PX:
        small = (max(1, image.size[0] * _KEPT_PX // longest), max(1, image.size[1] * _KEPT_PX // longest))
        image = image.resize(small, Image.Resampling.BOX)
    cells = grid.in_cells(image, grid.grid_of(size))
    return Look(sha256=sha256, size=size, image=image, cells=cells, signature=Signature.of(image))


def measures_of_picture(look: Look | UndecodableError, sha256: str) -> PictureMeasures:
    """The numbers of one picture."""
    if isinstance(look, UndecodableError):
        return PictureMeasures(problem=str(look), sha256=sha256)
    return PictureMeasures(
        sha256=sha256,
        width_px=look.size[0],
        height_px=look.size[1],
        spread=grid.spread(look.cells),
        signature=look.signature,
    )


def measures_of_result(result: Look, scene: Look | None, reference: Look | None) -> ResultMeasures:
    """The numbers of a result. Those that need a picture that is None are None."""
    numbers: dict[str, float | None] = {"spread": grid.spread(result.cells)}
    if reference is not None:
        numbers["reference"] = result.signature.colour_distance(reference.signature)
    if scene is not None:
        numbers |= _beside_scene(result, scene, reference)
    return ResultMeasures(
        sha256=result.sha256,
        width_px=result.size[0],
        height_px=result.size[1],
        signature=result.signature,
        scene_signature=None if scene is None else scene.signature,
        **numbers,  # type: ignore[arg-type]  # the names are those of numbers
    )


def _beside_scene(result: Look, scene: Look, reference: Look | None) -> dict[str, float | None]:
    own = grid.in_cells(result.image, scene.image.size)
    before, after = alignment.overlap(scene.image, own)
    coarse = grid.grid_of(before.size)
    first, second = grid.in_cells(before, coarse), grid.in_cells(after, coarse)
    lines = light.light_of(first, second)
    # Before the cells are made: what is brighter than white stays white in each pixel, and not in a mean.
    before = light.in_light(before, lines)
    lit = grid.in_cells(before, coarse)
    differences = grid.differences(lit, second)
    background = grid.background(lit, second, differences)
    colours = [] if reference is None else palette.palette_of(reference.cells)
    return {
        "change": _change(before, after),
        "background": background,
        "gap": grid.gap(before, after),
        "bars": grid.bars(light.in_light(scene.cells, lines), grid.in_cells(own, scene.cells.size)),
        "light": light.strength(first, lines) if background <= _MOST_LOST else None,
        "shape": abs(math.log(result.size[0] / result.size[1]) - math.log(scene.size[0] / scene.size[1])),
        "small": result.size[0] * result.size[1] / (scene.size[0] * scene.size[1]),
        "character": palette.share_found(colours, second, differences),
    }


def _change(before: Image.Image, after: Image.Image) -> float:
    fine = grid.grid_of(before.size, grid.FINE)
    return grid.change(grid.differences(grid.in_cells(before, fine), grid.in_cells(after, fine)))
