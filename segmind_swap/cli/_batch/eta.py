"""Estimate the rate of a batch and the seconds until it ends, from the swaps that ended so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection


class EtaEstimator:
    """Estimates rate and remaining time from the end time and the duration of each swap.

    The rate is the rate of the latest swaps, limited to what their durations allow at this concurrency.
    Without the limit, swaps that started together and therefore end together would look like a high rate.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._end_times: deque[float] = deque(maxlen=max(50, 2 * concurrency))
        self._durations: deque[float] = deque(maxlen=200)

    def swap_ended(self, now: float, duration: float | None) -> None:
        """Records the end of a swap; `duration` is None for a swap that began in an earlier run."""
        self._end_times.append(now)
        if duration is not None:
            self._durations.append(max(duration, 0.001))

    @property
    def mean_duration(self) -> float | None:
        """The average duration of a swap in seconds; None before a swap with a known duration ended."""
        # Copied, because the thread that redraws the display reads while the batch appends.
        durations = list(self._durations)
        return sum(durations) / len(durations) if durations else None

    def swaps_per_second(self, now: float) -> float | None:
        """The rate; None before the first swap with a known duration ended."""
        end_times, duration = list(self._end_times), self.mean_duration
        if duration is None:
            return None
        highest = self._concurrency / duration
        elapsed = now - end_times[0]
        return highest if elapsed <= 0 else min(highest, len(end_times) / elapsed)

    def seconds_left(self, now: float, waiting: int, ages: Collection[float]) -> float | None:
        """Seconds until all swaps ended; None while nothing is known.

        Nothing is known before a swap of this run has ended, and nothing is known when the last swaps in
        flight already take longer than the average: "0 s left" would be wrong until they end.

        Args:
            now: The current time, on the same clock as in `swap_ended`.
            waiting: How many swaps are not submitted yet.
            ages: The seconds since the submit of each swap in flight.
        """
        rate, duration = self.swaps_per_second(now), self.mean_duration
        if rate is None or duration is None:
            return None
        seconds = (waiting + sum(max(0.0, 1 - age / duration) for age in ages)) / rate
        return seconds if seconds >= 0.5 else None
