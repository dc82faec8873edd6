"""Numbers of histograms."""

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segmind_swap._review.checks.pixels.histograms import (
    clipped_difference,
    median,
    quantile,
    share_above,
    white_where,
)


def band(levels: list[int]) -> Image.Image:
    return Image.frombytes("L", (len(levels), 1), bytes(levels))


LEVELS = st.lists(st.integers(0, 255), min_size=1, max_size=60)


@given(LEVELS)
def test_the_median_has_half_of_the_pixels_at_or_below_it(levels: list[int]) -> None:
    found = median(band(levels))
    assert 2 * sum(level <= found for level in levels) >= len(levels)
    assert 2 * sum(level < found for level in levels) < len(levels)


@given(LEVELS, st.integers(0, 255))
def test_a_mask_and_a_share_count_the_same_pixels(levels: list[int], above: int) -> None:
    mask = white_where(band(levels), above=above)
    assert share_above(mask, 127) == share_above(band(levels), above)
    assert share_above(mask, 127) == sum(level > above for level in levels) / len(levels)


def test_a_large_difference_counts_as_32_levels() -> None:
    assert clipped_difference(band([0, 0, 0, 0]), band([0, 4, 32, 255])) == (4 + 32 + 32) / 4


def test_only_the_masked_pixels_count() -> None:
    assert median(band([1, 2, 200, 210, 220]), band([255, 255, 0, 0, 0])) == 1
    assert quantile([0, 0, 0], 0.5) == 0
    assert share_above(band([1]).crop((0, 0, 0, 0)), 0) == 0.0
