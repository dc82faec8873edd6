"""Looks of pictures, and what is measured of three of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from segmind_swap._review.checks.measures import NUMBERS
from segmind_swap._review.checks.pixels.decoding import UndecodableError
from segmind_swap._review.checks.pixels.looks import (
    look_at,
    measures_of_picture,
    measures_of_result,
)

from ..made import BLUE, good, look, place, reference, scene, somebody


def change(result: Image.Image, of: Image.Image | None = None) -> float:
    found = measures_of_result(look(result), look(of or scene()), None).change
    assert found is not None
    return found


def test_a_look_is_small_and_knows_the_full_size() -> None:
    found = look(scene().resize((1600, 1200)))
    assert found.size == (1600, 1200)
    assert found.image.size == (256, 192)
    assert found.cells.size == (64, 48)
    assert look(Image.new("RGB", (1, 3000))).image.size == (1, 256)


def test_measures_of_a_picture_that_cannot_be_decoded_are_its_problem() -> None:
    with pytest.raises(UndecodableError) as caught:
        look_at(b"no picture", "ab")
    found = measures_of_picture(caught.value, "ab")
    assert (found.sha256, found.problem, found.spread) == ("ab", str(caught.value), None)
    sound = measures_of_picture(look(scene()), "ab")
    assert (sound.problem, sound.width_px, sound.height_px) == (None, 480, 360)


@pytest.mark.parametrize("by", [2, 4, 8, 16])
def test_a_scene_that_was_moved_is_unchanged_and_somebody_new_in_it_is_a_change(by: int) -> None:
    assert change(ImageChops.offset(scene(), by, -by)) < 30
    assert change(ImageChops.offset(good(), by, -by)) > 60


def test_a_scene_in_another_light_is_unchanged() -> None:
    # Much of it is cut off at white.
    assert change(scene().point(lambda level: min(255, level * 1.5))) < 36
    assert change(good().point(lambda level: min(255, level * 1.5))) > 60


def test_somebody_tiny_is_a_change() -> None:
    before = somebody(place(), (200, 40, 40), tall=0.1)
    assert change(somebody(place(), BLUE, tall=0.1), before) > 36
    assert change(before, before) < 10


def test_the_light_is_told_only_if_the_background_is_the_same() -> None:
    darker = good().point(lambda level: level * 0.7)
    assert (measures_of_result(look(darker), look(scene()), None).light or 0) > 15
    assert measures_of_result(look(place(9)), look(scene()), None).light is None


def test_another_size_alone_changes_no_number_but_small() -> None:
    own = measures_of_result(look(good()), look(scene()), look(reference()))
    for scale in (0.75, 2):
        other = good().resize((round(480 * scale), round(360 * scale)), Image.Resampling.LANCZOS)
        found = measures_of_result(look(other), look(scene()), look(reference()))
        assert found.small == pytest.approx(scale**2)
        assert found.shape == pytest.approx(0)
        for name in ("background", "gap", "bars", "light", "reference"):
            assert getattr(found, name) == pytest.approx(getattr(own, name), abs=1.0), name


@given(*[st.tuples(st.integers(1, 90), st.integers(1, 90), st.integers(0, 3)) for _ in range(3)])
@settings(max_examples=40)
def test_pictures_of_any_size_and_content_have_numbers(
    result: tuple[int, int, int], scene_of: tuple[int, int, int], reference_of: tuple[int, int, int]
) -> None:
    looks = [
        look(place(seed, (width, height)) if seed else Image.new("RGB", (width, height), "white"))
        for width, height, seed in (result, scene_of, reference_of)
    ]
    numbers = measures_of_result(*looks).numbers()
    assert set(NUMBERS) - {"light", "character"} <= set(numbers)
    for name in ("background", "gap", "bars", "character"):
        assert 0 <= numbers.get(name, 0) <= 1
