"""The one character of a picture."""

import numpy as np
from PIL import Image

from segmind_swap.emulator.preview._detection.character import bounds, find_character

from ....emulator import figures


def test_the_character_before_a_wall_is_found_where_it_stands() -> None:
    found = find_character(figures.character(), alone=True)
    assert found is not None
    left, top, right, bottom = bounds(found.alpha > 0.5)
    # Drawn 330 pixels high, 132 wide at the coat, with the feet at (150, 370).
    assert abs((left + right) / 2 - 150) < 12
    assert abs(top - 40) < 25
    assert abs(bottom - 370) < 25
    assert right - left < 200


def test_what_is_certain_is_part_of_what_is_possible() -> None:
    found = find_character(figures.scene(), alone=False)
    assert found is not None
    assert found.possible[found.alpha > 0.6].mean() > 0.97
    left, top, right, bottom = bounds(found.possible)
    outer = figures.box()
    assert figures.inside((left, top, right, bottom), outer)


def test_a_flat_picture_has_no_character() -> None:
    assert find_character(Image.new("RGB", (200, 150), "teal"), alone=True) is None


def test_bounds_are_the_box_of_what_is_set() -> None:
    mask = np.zeros((10, 12), np.bool_)
    mask[3, 4] = mask[7, 9] = True
    assert bounds(mask) == (4, 3, 10, 8)
