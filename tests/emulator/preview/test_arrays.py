"""The mean around a pixel, and masks that grow and shrink."""

import numpy as np

from segmind_swap.emulator.preview._arrays import box_mean, dilate


def test_the_mean_around_and_the_grown_mask_stay_in_the_picture() -> None:
    ones = np.ones((9, 7), np.float32)
    assert np.allclose(box_mean(ones, 3), 1.0)
    mask = np.zeros((21, 21), np.bool_)
    mask[10, 10] = True
    larger = dilate(mask, 5)
    assert larger[10, 5]
    assert not larger[10, 3]
    assert not dilate(mask, 0)[10, 11]
