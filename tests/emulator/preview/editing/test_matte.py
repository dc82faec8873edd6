"""The soft edge of a character, and its colours without the backdrop."""

import numpy as np

from segmind_swap.emulator.preview._editing.matte import cut_out, without_backdrop


def test_an_edge_of_the_mask_moves_to_the_edge_of_the_colours() -> None:
    colours = np.zeros((60, 60, 3), np.float32)
    colours[:, 30:] = 1.0
    alpha = np.zeros((60, 60), np.float32)
    alpha[:, 32:] = 1.0  # two pixels beside the edge of the picture
    found = cut_out(colours, alpha).alpha
    assert found[30, 30] > 0.5, "on the other side of the mask's edge, and on this side of the picture's"
    assert found[30, 29] < 0.05
    assert found[30, 5] == 0.0
    assert found[30, 55] == 1.0


def test_the_backdrop_s_colour_is_gone_from_a_half_transparent_edge() -> None:
    colours = np.zeros((20, 20, 3), np.float32)
    colours[:, :10] = (0.0, 1.0, 0.0)
    colours[:, 10:] = (1.0, 0.0, 0.0)
    colours[:, 9] = (0.5, 0.5, 0.0)
    alpha = np.zeros((20, 20), np.float32)
    alpha[:, 10:] = 1.0
    alpha[:, 9] = 0.5
    found = without_backdrop(colours, alpha)
    assert np.allclose(found[:, 9], (1.0, 0.0, 0.0), atol=0.02)
    assert np.array_equal(found[:, 10:], colours[:, 10:])


def test_without_a_solid_part_the_colours_stay() -> None:
    colours = np.random.default_rng(1).random((8, 8, 3), np.float32)
    assert without_backdrop(colours, np.full((8, 8), 0.5, np.float32)) is colours
