"""Learns from polls how long swaps take, to choose the time of a job's first poll."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

import anyio

_KEPT = 128
_ENOUGH = 20
_EARLY = 0.05
_HALF = 0.5
# A job that is done at its first poll has shown no lower bound. Counting this part of its age, a service that
# became faster is noticed within a few swaps.
_DONE_AT_FIRST = 0.75

PRIOR = 45.0
"""The age of a job at its first poll in a batch, in seconds, before any swap has completed.

Swaps take 71.89 s on average (the workflow's API page), and hardly any swap takes less than 45 s.
"""


class Durations:
    """Lower bounds of the durations of the latest completed swaps. Belongs to one event loop.

    Attributes:
        changed: Set, and replaced by a new event, when a shorter duration is learned while little is known.
    """

    def __init__(self) -> None:
        self.changed = anyio.Event()
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self._is_probing = False

    def first_poll_age(self, *, is_scarce: bool) -> float | None:
        """The age in seconds at which one job in twenty is done; None while fewer than twenty are known.

        With `is_scarce`, the age at which one job in two is done: polls use up the rate limit, and a job that
        is polled too early needs a second poll.
        """
        known = len(self._sorted)
        return self._sorted[int((_HALF if is_scarce else _EARLY) * known)] if known >= _ENOUGH else None

    @property
    def conservative(self) -> float:
        """Seconds: the age for the first poll while little is known, at most the shortest known duration."""
        return min((PRIOR, *self._sorted[:1]))

    def add_lower_bound(self, age: float) -> None:
        """Adds a completed job. A poll at this age had still shown the job running."""
        if len(self._latest) == _KEPT:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
        is_shorter = len(self._sorted) < _ENOUGH and age < self.conservative
        self._latest.append(age)
        insort(self._sorted, age)
        if is_shorter:
            self.changed.set()
            self.changed = anyio.Event()

    def add_done_at_first_poll(self, age: float) -> None:
        """Adds a job that was completed at its first poll, which was planned for this age."""
        self.add_lower_bound(_DONE_AT_FIRST * age)

    def try_probe(self) -> bool:
        """Starts a probe, if no duration is known and no other probe runs. Returns whether it has started.

        The caller then polls its job early, for all jobs of the batch, and must call `probe_done` in the end,
        whatever happens.
        """
        is_probe = not self._sorted and not self._is_probing
        self._is_probing |= is_probe
        return is_probe

    def probe_done(self) -> None:
        """Ends a probe. If the probe has learned nothing, the next `try_probe` starts another."""
        self._is_probing = False
