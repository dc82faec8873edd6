"""How long swaps take, as far as polls can tell: when the first look at a job is worth a request."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

import anyio

_KEPT = 128
_ENOUGH = 20
_EARLY = 0.05
_HALF = 0.5
# Of a job that was done at the first look nothing is known but that. Taken as this part of the time it was
# left alone, a service that became faster is noticed within a few swaps.
_DONE_AT_FIRST = 0.75

PRIOR = 45.0
"""Before anything is known, in a batch: hardly any of the swaps that take 71.89 s on average ends earlier."""


class Durations:
    """Lower bounds of what the latest completed swaps of one workflow took. Belongs to one event loop.

    Attributes:
        news: Set, and replaced, when something shorter is learnt while little is known.
    """

    def __init__(self) -> None:
        self.changed = anyio.Event()
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self._is_scouted = False

    def first_poll_age(self, *, is_scarce: bool) -> float | None:
        """An age that one job in twenty does not reach; None while fewer than twenty are known.

        Where polls are scarce it is one in two: what is looked at early then comes late for a second time.
        """
        known = len(self._sorted)
        return self._sorted[int((_HALF if is_scarce else _EARLY) * known)] if known >= _ENOUGH else None

    @property
    def conservative(self) -> float:
        """For one of many, while little is known: no later than any job that is known was done."""
        return min((PRIOR, *self._sorted[:1]))

    def add_lower_bound(self, age: float) -> None:
        """A job that is completed now was not at this age, its last that is known."""
        if len(self._latest) == _KEPT:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
        is_news = len(self._sorted) < _ENOUGH and age < self.conservative
        self._latest.append(age)
        insort(self._sorted, age)
        if is_news:
            self.changed.set()
            self.changed = anyio.Event()

    def add_done_at_first_poll(self, age: float) -> None:
        """A job was completed when it was looked at first, as planned at this age."""
        self.add_lower_bound(_DONE_AT_FIRST * age)

    def try_probe(self) -> bool:
        """Whether the caller is to look early, for all: the first of many, while nothing is known.

        If so, it has to say `scouted` in the end.
        """
        is_scout = not self._sorted and not self._is_scouted
        self._is_scouted |= is_scout
        return is_scout

    def probe_done(self) -> None:
        """The scout is back: if it learnt nothing, another will go."""
        self._is_scouted = False
