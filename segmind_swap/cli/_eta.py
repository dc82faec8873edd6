"""How fast a batch goes, and how long it will take, from what was seen of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection


class Pace:
    """Takes the moment and the duration of each swap that ends.

    The rate is that of the latest swaps, and never above what their durations allow at this concurrency:
    those that began together end together, and say nothing about the next.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._ends: deque[float] = deque(maxlen=max(50, 2 * concurrency))
        self._durations: deque[float] = deque(maxlen=200)

    def ended(self, now: float, duration: float | None) -> None:
        """A swap is done; its duration is None if it began in an earlier run."""
        self._ends.append(now)
        if duration is not None:
            self._durations.append(max(duration, 0.001))

    @property
    def duration(self) -> float | None:
        """Seconds a swap takes."""
        durations = list(self._durations)
        return sum(durations) / len(durations) if durations else None

    def a_second(self, now: float) -> float | None:
        """Swaps a second; None while nothing is known."""
        ends, duration = list(self._ends), self.duration
        if duration is None:
            return None
        most = self._concurrency / duration
        passed = now - ends[0]
        return most if passed <= 0 else min(most, len(ends) / passed)

    def left(self, now: float, waiting: int, ages: Collection[float]) -> float | None:
        """Seconds until all are done: those that wait, and those under way, which are partly done."""
        rate, duration = self.a_second(now), self.duration
        if rate is None or duration is None:
            return None
        return (waiting + sum(max(0.0, 1 - age / duration) for age in ages)) / rate
