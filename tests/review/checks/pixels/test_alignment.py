"""By how much a result was moved."""

import pytest
from PIL import Image, ImageChops

from segmind_swap._review.checks.pixels.alignment import overlap

from ..made import good, place, scene

SMALL = (256, 192)


def small(image: Image.Image) -> Image.Image:
    return image.resize(SMALL, Image.Resampling.BOX)


@pytest.mark.parametrize("move", [(1, 0), (0, -2), (5, 3), (-9, 4), (12, -12)])
def test_a_moved_picture_is_laid_over_its_scene(move: tuple[int, int]) -> None:
    own = small(scene())
    moved = ImageChops.offset(own, *move)
    before, after = overlap(own, moved)
    assert before.size == after.size == (SMALL[0] - abs(move[0]), SMALL[1] - abs(move[1]))
    assert before.tobytes() == after.tobytes()


def test_a_moved_picture_with_somebody_else_in_it_is_laid_over_its_scene_too() -> None:
    before, after = overlap(small(scene()), ImageChops.offset(small(good()), 6, -6))
    assert before.size == after.size == (SMALL[0] - 6, SMALL[1] - 6)


def test_a_picture_that_was_not_moved_stays_whole() -> None:
    for result in (small(scene()), small(good()), small(place(7)), Image.new("RGB", SMALL, "grey")):
        before, after = overlap(small(scene()), result)
        assert before.size == after.size == SMALL
        assert after.tobytes() == result.tobytes()


@pytest.mark.parametrize("size", [(1, 1), (2, 200), (256, 1), (7, 9), (40, 30)])
def test_small_and_narrow_pictures_are_no_problem(size: tuple[int, int]) -> None:
    first, second = scene().resize(size), good().resize(size)
    before, after = overlap(first, second)
    assert before.size == after.size
