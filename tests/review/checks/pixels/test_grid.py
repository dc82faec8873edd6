"""Numbers of two pictures on one grid, each with damage that was made for it."""

from random import Random

import pytest
from PIL import Image, ImageChops, ImageFilter

from segmind_swap._review.checks.pixels import grid

from ..made import SIZE, good, place, scene

GRID = grid.grid_of(SIZE)


def cells(image: Image.Image) -> Image.Image:
    return grid.in_cells(image, GRID)


def backgrounds(first: Image.Image, second: Image.Image) -> float:
    a, b = cells(first), cells(second)
    return grid.background(a, b, grid.differences(a, b))


def test_a_grid_has_the_shape_of_its_picture() -> None:
    assert GRID == (64, 48)
    assert grid.grid_of((100, 1000)) == (6, 64)
    assert grid.grid_of((1, 1000)) == (1, 64)
    assert grid.grid_of((480, 360), grid.FINE) == (128, 96)


@pytest.mark.parametrize("size", [(64, 48), (1, 1), (1, 9), (2, 2)])
def test_the_range_of_a_neighbourhood_is_that_of_pillows_filters(size: tuple[int, int]) -> None:
    image = Image.frombytes("RGB", size, Random(3).randbytes(3 * size[0] * size[1]))
    least, most = image.filter(ImageFilter.MinFilter(3)), image.filter(ImageFilter.MaxFilter(3))
    bands = ImageChops.subtract(most, least).split()
    expected = [max(levels) for levels in zip(*(band.tobytes() for band in bands), strict=True)]
    assert [*grid.ranges(image).tobytes()] == expected


def test_only_a_picture_of_one_colour_has_no_spread() -> None:
    assert grid.spread(Image.new("RGB", GRID, "navy")) == 0
    assert grid.spread(cells(scene())) > 50
    # A logo on white: most of the picture is white, and its standard deviation is that of the logo.
    logo = Image.new("RGB", GRID, "white")
    logo.paste("black", (0, 0, 10, 10))
    assert grid.spread(logo) > 20
    # A colour of constant grey.
    tinted = Image.new("RGB", GRID, (100, 100, 100))
    tinted.paste((180, 59, 100), (0, 0, 32, 48))
    assert grid.spread(tinted) > 30


def test_an_edge_that_moved_by_one_cell_is_no_difference() -> None:
    own = cells(scene())
    assert grid.change(grid.differences(own, ImageChops.offset(own, 1, 0))) == 0
    assert grid.change(grid.differences(own, ImageChops.offset(own, 9, 0))) > 50


def test_somebody_else_is_a_change_and_nobody_else_is_none() -> None:
    assert grid.change(grid.differences(cells(scene()), cells(good()))) > 100
    assert grid.change(grid.differences(cells(scene()), cells(scene()))) == 0


def test_the_sides_of_the_picture_are_no_change() -> None:
    framed = cells(scene())
    framed.paste("white", (0, 0, 64, 1))
    framed.paste("white", (0, 0, 1, 48))
    assert grid.change(grid.differences(cells(scene()), framed)) == 0


def test_another_background_loses_the_texture_of_the_scene_and_a_new_figure_does_not() -> None:
    assert backgrounds(scene(), good()) < 0.25
    assert backgrounds(scene(), place(2)) > 0.6
    assert backgrounds(scene(), Image.new("RGB", SIZE, (128, 128, 128))) > 0.6
    assert backgrounds(scene(), scene()) == 0


def test_of_a_scene_without_texture_all_cells_are_compared() -> None:
    plain = Image.new("RGB", SIZE, (200, 200, 200))
    assert backgrounds(plain, plain) == 0
    assert backgrounds(plain, Image.new("RGB", SIZE, (100, 200, 200))) == 1


@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 0, 0)])
def test_a_missing_tile_is_a_gap(colour: tuple[int, int, int]) -> None:
    damaged = good()
    damaged.paste(colour, (120, 60, 400, 300))
    assert grid.gap(cells(scene()), cells(damaged)) > 0.25
    assert grid.gap(cells(scene()), cells(good())) < 0.1
    # Somebody in one colour is no gap where the scene has no texture either.
    assert grid.gap(Image.new("RGB", GRID, "white"), cells(damaged)) == 0


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 480, 90), 0.25),
        ((0, 180, 480, 360), 0.5),
        ((0, 0, 60, 360), 0.125),
        ((360, 0, 480, 360), 0.25),
    ],
)
def test_a_bar_is_measured_on_each_side(box: tuple[int, int, int, int], expected: float) -> None:
    barred = good()
    barred.paste("black", box)
    assert grid.bars(cells(scene()), cells(barred)) == pytest.approx(expected, abs=0.02)


def test_a_frame_is_measured_and_one_that_the_scene_has_is_not() -> None:
    framed = Image.new("RGB", SIZE, "white")
    framed.paste(good().resize((360, 270)), (60, 45))
    own = Image.new("RGB", SIZE, "white")
    own.paste(scene().resize((360, 270)), (60, 45))
    assert grid.bars(cells(scene()), cells(framed)) == pytest.approx(1 - 0.75**2, abs=0.05)
    assert grid.bars(cells(own), cells(framed)) == 0
    assert grid.bars(cells(scene()), cells(good())) == 0


def test_a_sky_is_no_bar_and_a_bar_over_a_sky_is_one() -> None:
    def under_a_sky(image: Image.Image) -> Image.Image:
        image = image.copy()
        for y in range(120):
            image.paste((90 + y, 140 + y // 2, 230), (0, y, 480, y + 1))
        return image

    assert grid.bars(cells(under_a_sky(scene())), cells(under_a_sky(good()))) == 0
    barred = under_a_sky(good())
    barred.paste("black", (0, 0, 480, 45))
    assert grid.bars(cells(under_a_sky(scene())), cells(barred)) == pytest.approx(0.125, abs=0.02)
