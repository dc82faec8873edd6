"""What a plain backdrop adds to a mask, and takes away."""

import numpy as np
from PIL import Image

from segmind_swap.emulator.preview._detection.backdrop import correct_by_backdrop


def test_before_a_plain_backdrop_a_missed_arm_is_added_and_a_gap_taken_out() -> None:
    picture = Image.new("RGB", (120, 160), (230, 230, 240))
    picture.paste((30, 90, 60), (45, 30, 75, 150))
    picture.paste((30, 90, 60), (75, 50, 100, 60))
    mask = np.zeros((160, 120), np.bool_)
    mask[30:150, 45:75] = True
    saliency = mask.astype(np.float32)
    mask[70:90, 75:85] = True
    saliency[70:90, 75:85] = 0.6
    colours = np.asarray(picture, np.float32) / np.float32(255)
    seen, figure = correct_by_backdrop(saliency, mask, colours)
    assert figure[55, 75:100].all()
    assert (seen[55, 75:100] == 1.0).all()
    assert not figure[80, 78:85].any()
    assert figure[30:150, 46:74].all()


def test_before_a_busy_backdrop_nothing_is_added() -> None:
    noise = np.random.default_rng(1).random((160, 120, 3), np.float32)
    mask = np.zeros((160, 120), np.bool_)
    mask[30:150, 45:75] = True
    seen, figure = correct_by_backdrop(mask.astype(np.float32), mask, noise)
    assert np.array_equal(figure, mask)
    assert np.array_equal(seen, mask.astype(np.float32))
