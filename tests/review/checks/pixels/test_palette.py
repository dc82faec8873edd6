"""The colours of a reference in its result."""

from PIL import Image

from segmind_swap._review.checks.pixels import grid
from segmind_swap._review.checks.pixels.palette import palette_of, share_found

from ..made import BLUE, RED, SIZE, good, place, reference, scene

GRID = grid.grid_of(SIZE)


def found_in(result: Image.Image) -> float | None:
    own = reference()
    palette = palette_of(grid.in_cells(own, grid.grid_of(own.size)))
    first, second = grid.in_cells(scene(), GRID), grid.in_cells(result, GRID)
    return share_found(palette, second, grid.differences(first, second))


def test_the_colours_are_found_where_somebody_was_replaced() -> None:
    share, without = found_in(good()), found_in(place())
    assert share is not None
    assert without is not None
    assert share > 0.8
    assert without < 0.5
    assert found_in(scene()) == 0


def test_the_wall_behind_a_reference_is_not_one_of_its_colours() -> None:
    own = reference()
    colours = [colour for colour, _ in palette_of(grid.in_cells(own, grid.grid_of(own.size)))]
    assert any(max(abs(a - b) for a, b in zip(colour, BLUE, strict=True)) < 25 for colour in colours)
    assert not any(
        max(abs(a - b) for a, b in zip(colour, (228, 222, 210), strict=True)) < 25 for colour in colours
    )


def test_a_reference_of_one_colour_has_no_palette() -> None:
    assert palette_of(Image.new("RGB", (48, 64), RED)) == []
    assert share_found([], Image.new("RGB", GRID), Image.new("L", GRID)) is None
