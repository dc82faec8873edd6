"""The forms of an input that the steps of a preview need."""

import pytest
from PIL import Image

from segmind_swap.emulator.preview._input import WORKING_PX, opaque, working_copy


def test_a_large_picture_is_reduced_and_a_small_one_is_not_copied() -> None:
    small = Image.new("LA", (40, 30))
    assert working_copy(small) is small
    large = working_copy(Image.new("RGB", (3000, 3)))
    assert (large.mode, large.size) == ("RGB", (WORKING_PX, 1))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_transparent_pixels_become_light_grey(mode: str) -> None:
    clear = (153, 0) if mode == "LA" else (153, 153, 153, 0)
    image = Image.new(mode, (4, 3), clear if mode.endswith("A") else "#999999")
    grey = 200 if mode.endswith("A") else 153
    assert opaque(image).getpixel((2, 1)) == (grey, grey, grey)
