"""The network finds what stands out."""

import numpy as np
from PIL import Image

from segmind_swap.emulator.preview._detection.saliency import saliency_map

from ....emulator import figures


def test_a_character_stands_out_and_its_backdrop_does_not() -> None:
    picture = figures.character()
    found = saliency_map(picture)
    assert found.shape == (picture.height, picture.width)
    assert 0.0 <= float(found.min()) <= float(found.max()) <= 1.0
    assert float(found[200:330, 120:180].mean()) > 0.8, "the coat"
    assert float(found[:40, :60].mean()) < 0.1, "the corner of the wall"


def test_the_same_picture_gives_the_same_map() -> None:
    picture = Image.new("RGB", (50, 60), "teal")
    assert np.array_equal(saliency_map(picture), saliency_map(picture))
