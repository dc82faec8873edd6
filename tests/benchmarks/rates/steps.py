"""A number a minute that changes at given moments."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Steps:
    """Numbers a minute, each from its moment on.

    Attributes:
        steps: Pairs of a moment in seconds and a number a minute; the first moment is minus infinity.
    """

    steps: tuple[tuple[float, float], ...]

    @classmethod
    def always(cls, per_minute: float) -> Self:
        """The same number at all times."""
        return cls(((-math.inf, per_minute),))

    def then(self, at: float, per_minute: float) -> Self:
        """The same, but another number from `at` on."""
        return type(self)((*self.steps, (at, per_minute)))

    def at(self, now: float) -> float:
        """The number at a moment."""
        return next(value for since, value in reversed(self.steps) if since <= now)

    def between(self, start: float, end: float) -> float:
        """How many come together from `start` to `end`."""
        edges = [*self.steps, (math.inf, 0.0)]
        return sum(
            value * max(0.0, min(end, until) - max(start, since)) / MINUTE
            for (since, value), (until, _) in pairwise(edges)
            if min(end, until) > max(start, since)
        )
