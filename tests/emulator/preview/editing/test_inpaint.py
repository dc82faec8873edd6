"""A hole is filled from its surroundings."""

import numpy as np
import pytest
from PIL import Image

from segmind_swap.emulator.preview._editing.inpaint import inpaint


def striped() -> Image.Image:
    rows = np.zeros((120, 160, 3), np.uint8)
    rows[:60], rows[60:] = (120, 190, 230), (90, 170, 96)
    return Image.fromarray(rows)


def test_a_hole_in_two_stripes_gets_their_colours() -> None:
    scene, hole = striped(), Image.new("L", (160, 120))
    scene.paste((214, 40, 40), (60, 30, 90, 90))
    hole.paste(255, (60, 30, 90, 90))
    patch, box = inpaint(scene, hole)
    assert patch.size == (box[2] - box[0], box[3] - box[1])
    assert box[0] < 60
    assert box[2] > 90
    above, below = (patch.getpixel((75 - box[0], y - box[1])) for y in (40, 80))
    assert above == pytest.approx((120, 190, 230), abs=25)
    assert below == pytest.approx((90, 170, 96), abs=25)


@pytest.mark.parametrize(("colour", "words"), [(0, "no hole"), (255, "nothing to fill it with")])
def test_no_hole_and_nothing_but_hole_are_refused(colour: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        inpaint(striped(), Image.new("L", (160, 120), colour))
