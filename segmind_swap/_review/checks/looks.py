"""A picture, reduced to what its measures need, and the measures made of such. Needs Pillow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PIL import Image

from . import grid, palette
from .decoding import UndecodableError, decode
from .measures import PictureMeasures, ResultMeasures
from .signatures import Signature

_LEAST_PX = 256
"""Pixels that the shorter side of a JPEG keeps when it is decoded: four for each cell."""
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
    cells = grid.in_cells(result.image, scene.cells.size)
    first, second = grid.aligned(scene.cells, cells)
    second = grid.relit(first, second)
    differences = grid.difference(first, second)
    width, height = result.size
    colours = [] if reference is None else palette.palette_of(reference.cells)
    return {
        "change": grid.change(differences),
        "background": grid.background(differences),
        "gap": grid.gap(scene.cells, cells),
        "bars": grid.bars(scene.cells, cells),
        "light": grid.light(scene.cells, cells),
        "shape": abs(math.log(width / height) - math.log(scene.size[0] / scene.size[1])),
        "small": width * height / (scene.size[0] * scene.size[1]),
        "character": palette.share_found(colours, second, differences),
    }


def difference_map(result: Look, scene: Look) -> Image.Image:
    """The levels by which each cell of a result differs from its scene, as an image in mode L."""
    cells = grid.in_cells(result.image, scene.cells.size)
    return grid.difference(scene.cells, grid.relit(scene.cells, cells))
