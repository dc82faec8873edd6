"""Colours filled in from the known ones."""

import numpy as np

from segmind_swap.emulator.preview._editing.pull_push import fill_colours


def test_colours_spread_to_where_there_are_none_and_stay_where_they_are_known() -> None:
    colours = np.zeros((33, 47, 3), np.float32)
    colours[:, :20] = (0.8, 0.1, 0.1)
    weight = np.zeros((33, 47), np.float32)
    weight[:, :20] = 1.0
    filled = fill_colours(colours, weight)
    assert np.allclose(filled, (0.8, 0.1, 0.1), atol=0.01)
