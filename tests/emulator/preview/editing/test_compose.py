"""The edited scene in full size: pasted, shaded, labelled, and untouched elsewhere."""

import numpy as np
import pytest
from PIL import Image

from segmind_swap.emulator.preview._editing.compose import Parts, compose
from segmind_swap.emulator.preview._editing.matte import Cutout
from segmind_swap.emulator.preview._editing.placement import Placement

from ...figures import changed, decoded, inside


def parts(left: float, *, stands: bool = False) -> Parts:
    colours = np.zeros((80, 40, 3), np.float32)
    colours[...] = (0.1, 0.2, 0.9)
    hole = np.zeros((240, 320), np.bool_)
    hole[100:180, 140:180] = True
    return Parts(
        hole=hole,
        character=Cutout(colours=colours, alpha=np.ones((80, 40), np.float32)),
        placement=Placement(left=left, top=100.0, scale=1.0, stands=stands),
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_only_the_hole_and_the_character_are_edited_in_every_mode(mode: str) -> None:
    scene = Image.new("RGB", (320, 240), (120, 190, 230)).convert(mode)
    after = decoded(compose(scene.copy(), parts(140.0), ribbon=False))
    assert (after.size, after.mode) == (scene.size, mode)
    # The filled hole has a soft edge.
    assert inside(changed(scene, after), (130, 90, 190, 190))


def test_a_character_that_stands_has_a_shadow_and_another_has_none() -> None:
    scene = Image.new("RGB", (320, 240), (120, 190, 230))
    bust, standing = (
        decoded(compose(scene.copy(), parts(140.0, stands=stands), ribbon=False)) for stands in (False, True)
    )
    below = (130, 181, 190, 186)
    dark, light = (sum(picture.crop(below).convert("L").tobytes()) for picture in (standing, bust))
    assert dark < light


@pytest.mark.parametrize("left", [-30.0, 300.0, 500.0])
def test_a_character_beyond_the_frame_is_cut_off_by_it(left: float) -> None:
    scene = Image.new("RGB", (320, 240), (120, 190, 230))
    assert decoded(compose(scene, parts(left), ribbon=False)).size == (320, 240)


def test_the_ribbon_is_in_the_lower_right_corner() -> None:
    scene = Image.new("RGB", (320, 240), (120, 190, 230))
    plain, labelled = (decoded(compose(scene.copy(), parts(140.0), ribbon=on)) for on in (False, True))
    left, top, right, bottom = changed(plain, labelled)
    assert (right, bottom) == (320, 240)
    assert left > 200
    assert top > 200
