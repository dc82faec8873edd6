"""Edits the scene in its full size: fills the hole and pastes the character; other pixels stay."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .._arrays import Mask
from .._input import working_copy
from .._label import png
from .._label import ribbon as label
from .inpaint import inpaint
from .matte import Cutout
from .placement import Placement

_SHADOW = 0.42
"""The opacity of the shadow on the ground below the new character's feet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The changes to a scene: the hole (in the working copy), and the new character with its placement."""

    hole: Mask
    character: Cutout
    placement: Placement


def compose(scene: Image.Image, parts: Parts, *, ribbon: bool) -> bytes:
    """The edited scene as PNG, in the scene's own size and mode. The scene itself is changed."""
    _remove_character(scene, parts.hole)
    figure = _figure(parts.character, parts.placement)
    at = (round(parts.placement.left), round(parts.placement.top))
    if parts.placement.stands:
        _draw_shadow(scene, figure.getchannel("A"), at)
    _paste(scene, figure, at)
    if ribbon:
        text = label(scene.size)
        _paste(scene, text, (scene.width - text.width, scene.height - text.height))
    return png(scene)


def _remove_character(picture: Image.Image, hole: Mask) -> None:
    """Fill the old character's place with its surroundings."""
    small = working_copy(picture)
    gap = Image.fromarray(hole.astype(np.uint8) * 255)
    patch, box = inpaint(small.convert("RGB"), gap)
    soft = gap.filter(ImageFilter.GaussianBlur(1.0)).crop(box)
    zoom = picture.width / small.width
    target = tuple(round(side * zoom) for side in box)
    size = (target[2] - target[0], target[3] - target[1])
    patch = patch.resize(size, Image.Resampling.BICUBIC)
    soft = soft.resize(size, Image.Resampling.BICUBIC)
    patch.putalpha(soft)
    _paste(picture, patch, (target[0], target[1]))


def _figure(character: Cutout, placement: Placement) -> Image.Image:
    height, width = character.alpha.shape
    size = (max(1, round(width * placement.scale)), max(1, round(height * placement.scale)))
    colours = Image.fromarray(np.round(character.colours * 255).astype(np.uint8))
    alpha = Image.fromarray(np.round(character.alpha * 255).astype(np.uint8))
    figure = colours.resize(size, Image.Resampling.LANCZOS)
    figure.putalpha(alpha.resize(size, Image.Resampling.LANCZOS))
    return figure


def _draw_shadow(picture: Image.Image, alpha: Image.Image, at: tuple[int, int]) -> None:
    """Draw a soft shadow where the feet touch the ground."""
    sole = alpha.crop((0, round(alpha.height * 0.93), alpha.width, alpha.height)).getbbox()
    if sole is None:
        return
    half = (sole[2] - sole[0]) / 2 * 1.15
    middle, ground = at[0] + (sole[0] + sole[2]) / 2, at[1] + alpha.height * 0.985
    thick = max(2.0, half * 0.2)
    pad = thick * 1.5
    left, top = round(middle - half - pad), round(ground - thick - pad)
    size = (round(2 * (half + pad)), round(2 * (thick + pad)))
    soft = Image.new("L", size)
    ImageDraw.Draw(soft).ellipse((pad, pad, size[0] - pad, size[1] - pad), fill=round(255 * _SHADOW))
    shadow = Image.new("RGBA", size, (18, 14, 28, 0))
    shadow.putalpha(soft.filter(ImageFilter.GaussianBlur(thick * 0.45)))
    _paste(picture, shadow, (left, top))


def _paste(picture: Image.Image, layer: Image.Image, at: tuple[int, int]) -> None:
    """Paste an RGBA layer into a picture of any mode. Where the layer is transparent, no pixel changes."""
    clip = (
        max(0, -at[0]),
        max(0, -at[1]),
        min(layer.width, picture.width - at[0]),
        min(layer.height, picture.height - at[1]),
    )
    if clip[0] >= clip[2] or clip[1] >= clip[3]:
        return
    layer = layer.crop(clip)
    corner = (at[0] + clip[0], at[1] + clip[1])
    mask = layer.getchannel("A")
    if picture.mode in {"RGB", "L"}:
        picture.paste(layer.convert("RGB").convert(picture.mode), corner, mask)
        return
    below = picture.crop((*corner, corner[0] + layer.width, corner[1] + layer.height))
    mixed = Image.alpha_composite(below.convert("RGBA"), layer).convert(picture.mode)
    picture.paste(mixed, corner, mask.point(lambda value: 255 if value else 0))
