"""The light of a result."""

import pytest
from PIL import Image, ImageChops, ImageStat

from segmind_swap._review.checks.pixels.light import Line, in_light, light_of, strength

from ..made import BLUE, good, place, scene, somebody

GRID = (64, 48)


def cells(image: Image.Image) -> Image.Image:
    return image.resize(GRID, Image.Resampling.BOX)


def apart(first: Image.Image, second: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(first, second)).mean)


@pytest.mark.parametrize(
    "line", [Line(1.0, 30.0), Line(1.25, 0.0), Line(0.7, 10.0), Line(0.8, -12.0)], ids=lambda line: f"{line}"
)
def test_another_light_is_taken_out_also_with_somebody_else_in_the_picture(line: Line) -> None:
    for result in (scene(), good(), somebody(place(), BLUE, tall=0.8)):
        lit = cells(result.point(line.table() * 3))
        lines = light_of(cells(scene()), lit)
        for found in lines:
            assert abs(found.gain - line.gain) < 0.12
        assert apart(in_light(cells(result), lines), lit) < 6


def test_the_same_light_is_no_light() -> None:
    lines = light_of(cells(scene()), cells(good()))
    assert strength(cells(scene()), lines) < 2
    assert in_light(cells(scene()), [Line(1.0, 0.0)] * 3).tobytes() == cells(scene()).tobytes()


def test_the_channel_that_moved_most_counts() -> None:
    warm = Image.merge(
        "RGB",
        [band.point(Line(1.0, by).table()) for band, by in zip(scene().split(), (20, 0, -8), strict=True)],
    )
    assert strength(cells(scene()), light_of(cells(scene()), cells(warm))) == pytest.approx(20, abs=2)


def test_levels_stay_between_black_and_white() -> None:
    assert Line(2.0, -100.0).table()[::51] == [0, 2, 104, 206, 255, 255]


@pytest.mark.parametrize("colour", ["black", "white", "grey"])
def test_pictures_of_one_colour_have_a_light(colour: str) -> None:
    plain = Image.new("RGB", GRID, colour)
    for first, second in ((plain, cells(scene())), (cells(scene()), plain), (plain, plain)):
        assert len(light_of(first, second)) == 3
