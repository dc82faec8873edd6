"""The preview's steps by themselves: blobs, spreading colours, placing, the backdrop."""

import numpy as np
import pytest
from PIL import Image

from segmind_swap.emulator.preview._arrays import box_mean, dilate
from segmind_swap.emulator.preview._detection.backdrop import correct_by_backdrop
from segmind_swap.emulator.preview._detection.components import connected_components
from segmind_swap.emulator.preview._editing.placement import Extent, place_character
from segmind_swap.emulator.preview._editing.pull_push import fill_colours


def extent(left: float, top: float, right: float, bottom: float, size: tuple[float, float]) -> Extent:
    return Extent(left=left, top=top, right=right, bottom=bottom, middle=(left + right) / 2, picture=size)


STANDING = extent(80, 40, 220, 360, (300, 400))
BUST = extent(20, 60, 280, 400, (300, 400))
OLD_STANDING = extent(400, 300, 500, 500, (1000, 600))
OLD_BUST = extent(200, 150, 700, 600, (1000, 600))


def test_a_standing_figure_gets_the_height_and_the_ground_of_the_old_one() -> None:
    found = place_character(STANDING, OLD_STANDING)
    assert found.stands
    assert found.scale == pytest.approx(200 / 320)
    assert found.top + STANDING.height * found.scale == pytest.approx(500)
    assert found.left + STANDING.width * found.scale / 2 == pytest.approx(450)


def test_a_bust_in_place_of_a_bust_reaches_the_lower_edge() -> None:
    found = place_character(BUST, OLD_BUST)
    assert not found.stands
    assert found.top + BUST.height * found.scale >= 600
    assert found.top == pytest.approx(150)


def test_a_whole_figure_in_place_of_a_bust_is_as_wide_and_cut_off_by_the_edge() -> None:
    found = place_character(STANDING, OLD_BUST)
    assert found.top == pytest.approx(150)
    assert found.top + STANDING.height * found.scale > 600
    assert STANDING.width * found.scale > 0.6 * OLD_BUST.width


def test_a_bust_in_place_of_a_figure_near_the_edge_grows_down_to_it() -> None:
    # Wide enough for a bust, and so not made smaller first.
    found = place_character(BUST, extent(350, 300, 550, 540, (1000, 600)))
    assert found.top + BUST.height * found.scale == pytest.approx(600)
    far = place_character(BUST, OLD_STANDING)
    assert far.top + BUST.height * far.scale == pytest.approx(500), "it would have to grow too much"


def test_a_very_wide_character_is_made_smaller_but_not_much() -> None:
    wide = extent(0, 0, 900, 300, (900, 300))
    found = place_character(extent(10, 10, 890, 280, (900, 300)), OLD_STANDING)
    assert wide.width > wide.height
    assert found.scale == pytest.approx(0.8 * 200 / 270)


def test_blobs_are_joined_round_corners_and_come_largest_first() -> None:
    rows = ["#..#....", "#..#..##", "####....", "........"]
    mask = np.array([[cell == "#" for cell in row] for row in rows])
    labels, found = connected_components(mask)
    assert [component.area_px for component in found] == [8, 2]
    first = found[0]
    assert (first.left, first.top, first.right, first.bottom) == (0, 0, 4, 3)
    assert np.count_nonzero(labels == first.label) == 8
    assert np.array_equal(labels > 0, mask)


def test_of_nothing_there_are_no_blobs() -> None:
    assert connected_components(np.zeros((3, 4), np.bool_))[1] == []


def test_colours_spread_to_where_there_are_none_and_stay_where_they_are_known() -> None:
    colours = np.zeros((33, 47, 3), np.float32)
    colours[:, :20] = (0.8, 0.1, 0.1)
    weight = np.zeros((33, 47), np.float32)
    weight[:, :20] = 1.0
    filled = fill_colours(colours, weight)
    assert np.allclose(filled, (0.8, 0.1, 0.1), atol=0.01)


def test_the_mean_around_and_the_grown_mask_stay_in_the_picture() -> None:
    ones = np.ones((9, 7), np.float32)
    assert np.allclose(box_mean(ones, 3), 1.0)
    mask = np.zeros((21, 21), np.bool_)
    mask[10, 10] = True
    larger = dilate(mask, 5)
    assert larger[10, 5]
    assert not larger[10, 3]
    assert not dilate(mask, 0)[10, 11]


def test_before_a_plain_backdrop_a_missed_arm_is_added_and_a_gap_taken_out() -> None:
    picture = Image.new("RGB", (120, 160), (230, 230, 240))
    picture.paste((30, 90, 60), (45, 30, 75, 150))
    picture.paste((30, 90, 60), (75, 50, 100, 60))
    mask = np.zeros((160, 120), np.bool_)
    mask[30:150, 45:75] = True
    saliency = mask.astype(np.float32)
    mask[70:90, 75:85] = True
    saliency[70:90, 75:85] = 0.6
    colours = np.asarray(picture, np.float32) / np.float32(255)
    seen, figure = correct_by_backdrop(saliency, mask, colours)
    assert figure[55, 75:100].all()
    assert (seen[55, 75:100] == 1.0).all()
    assert not figure[80, 78:85].any()
    assert figure[30:150, 46:74].all()


def test_before_a_busy_backdrop_nothing_is_added() -> None:
    noise = np.random.default_rng(1).random((160, 120, 3), np.float32)
    mask = np.zeros((160, 120), np.bool_)
    mask[30:150, 45:75] = True
    seen, figure = correct_by_backdrop(mask.astype(np.float32), mask, noise)
    assert np.array_equal(figure, mask)
    assert np.array_equal(seen, mask.astype(np.float32))
