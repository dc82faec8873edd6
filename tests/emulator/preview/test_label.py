"""What a preview says of itself: a ribbon in its corner, and metadata."""

import pytest
from PIL import Image

from segmind_swap.emulator.preview._label import COMMENT, png, ribbon

from ..figures import decoded
from ..odd_pictures import srgb


@pytest.mark.parametrize("size", [(4000, 3000), (480, 360), (20, 10)])
def test_a_ribbon_is_never_larger_than_its_picture(size: tuple[int, int]) -> None:
    label = ribbon(size)
    assert label.mode == "RGBA"
    assert label.width <= size[0]
    assert label.height <= size[1]


def test_a_ribbon_grows_with_its_picture_and_has_light_letters() -> None:
    small, large = ribbon((480, 360)), ribbon((1920, 1440))
    assert large.width > small.width
    assert max(large.getchannel("R").tobytes()) > 200


@pytest.mark.parametrize("side", [40, 2100])
def test_the_metadata_says_local_preview_at_every_size(side: int) -> None:
    image = Image.new("RGB", (side, side), "teal")
    found = decoded(png(image))
    assert found.info["Comment"] == COMMENT
    assert found.tobytes() == image.tobytes()


def test_the_colour_space_of_the_scene_is_kept() -> None:
    image = Image.new("RGB", (20, 10), "teal")
    image.info = {"gamma": 0.625, "srgb": 1, "chromaticity": (0.31, 0.33, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)}
    found = decoded(png(image)).info
    assert {name: found[name] for name in image.info} == image.info
    image.info = {"icc_profile": srgb()}
    assert decoded(png(image)).info["icc_profile"] == srgb()
