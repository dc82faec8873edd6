"""Connected components of a mask."""

import numpy as np

from segmind_swap.emulator.preview._detection.components import connected_components


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
