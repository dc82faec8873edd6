"""Where the new character stands, and how large."""

import pytest

from segmind_swap.emulator.preview._editing.placement import Extent, place_character


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
