"""The estimate of the time left."""

import pytest

from segmind_swap.cli._batch.eta import EtaEstimator


def test_swaps_that_end_together_do_not_raise_the_rate_above_what_their_durations_allow() -> None:
    eta = EtaEstimator(concurrency=4)
    assert eta.seconds_left(0.0, 8, [0.0] * 4) is None
    for _ in range(4):
        eta.swap_ended(72.0, 72.0)
    assert eta.seconds_left(72.0, 4, [0.0] * 4) == pytest.approx(144.0)
    assert eta.seconds_left(108.0, 4, [36.0] * 4) == pytest.approx(108.0)
    # The last swaps take longer than the average. Nobody knows how much longer.
    assert eta.seconds_left(172.0, 0, [100.0] * 4) is None
    # No swap ended for ten minutes, and that lowers the rate.
    assert eta.swaps_per_second(672.0) == pytest.approx(4 / 600)


def test_a_swap_of_an_earlier_run_does_not_count_as_a_duration() -> None:
    eta = EtaEstimator(concurrency=4)
    eta.swap_ended(1.0, None)
    assert eta.swaps_per_second(2.0) is None
