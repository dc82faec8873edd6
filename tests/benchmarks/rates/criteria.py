"""What is wanted of a client within rate limits: each criterion over its cases, of which the worst counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TypeAlias

from ..findings import Finding, Goal, at_least, at_most
from . import figures
from .cases import Case
from .run import Run

Figure: TypeAlias = Callable[[Run], float]
Runs: TypeAlias = Mapping[str, Run]
"""The runs of one limiter, by the names of their cases."""

_GOODPUT = at_least(0.985)
_FEW = at_most(2.0)
_TRIALS = at_most(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A figure that is wanted of every case of some families.

    Attributes:
        families: Patterns of cases' names.
        figure: Of one case.
        worst: `min` or `max`: which of the figures counts.
        goal: What is wanted of it; None for a figure that is only told.
    """

    what: str
    families: tuple[str, ...]
    figure: Figure | None
    worst: Callable[..., str]
    goal: Goal | None = None
    unit: str = ""

    def allows(self, figure: float) -> bool:
        """Whether a figure keeps the goal."""
        return Finding(what=self.what, figure=figure, goal=self.goal).is_reached

    def holds_for(self, case: Case) -> bool:
        """Whether the case counts here."""
        return any(fnmatch(case.name, f"{pattern}*") for pattern in self.families)

    def figures(self, runs: Runs) -> dict[str, float]:
        """The figure of each case that counts here."""
        return {name: self._figure_of(run, runs) for name, run in runs.items() if self.holds_for(run.case)}

    def _figure_of(self, run: Run, runs: Runs) -> float:
        if self.figure is not None:
            return self.figure(run)
        assert run.case.beside is not None
        return figures.cost(run, runs[run.case.beside])


def _low(
    what: str, families: str, figure: Figure | None, goal: Goal | None = None, unit: str = ""
) -> Criterion:
    return Criterion(
        what=what, families=tuple(families.split()), figure=figure, worst=max, goal=goal, unit=unit
    )


def _high(what: str, families: str, figure: Figure, goal: Goal | None = None, unit: str = "") -> Criterion:
    return Criterion(
        what=what, families=tuple(families.split()), figure=figure, worst=min, goal=goal, unit=unit
    )


CRITERIA: Sequence[Criterion] = (
    _high("goodput, fixed window, 5 to 1000 a minute, told", "aligned-told/", figures.goodput, _GOODPUT),
    _high("goodput, fixed window, 5 to 1000 a minute, untold", "aligned-untold/", figures.goodput, _GOODPUT),
    _high("goodput, a window that had begun before, told", "begun-told/", figures.goodput, _GOODPUT),
    _high("goodput, a window that had begun before, untold", "begun-untold/", figures.goodput, _GOODPUT),
    _high("goodput, sliding log, 60 and 500", "sliding/", figures.goodput, _GOODPUT),
    _high("goodput, bucket of 10, 60 and 500", "bucket/", figures.goodput, _GOODPUT),
    _high("goodput, exact hints", "hint-exact/", figures.goodput, _GOODPUT),
    _high("goodput, hints of no time at all", "hint-short/", figures.goodput),
    _high("goodput, hints of an hour", "hint-long/", figures.goodput),
    _low("429s to find the limit, told", "aligned-told/ begun-told/", figures.to_find, _TRIALS),
    _low("429s to find the limit, untold", "aligned-untold/ begun-untold/", figures.to_find, _TRIALS),
    _low(
        "429s to 100 requests later, fixed window, from 60 a minute on",
        " ".join(
            f"{begun}-*told/{limit}/" for begun in ("aligned", "begun") for limit in (60, 120, 500, 1000)
        ),
        figures.per_hundred_later,
        _FEW,
    ),
    _low(
        "429s to 100 requests later, fixed window, below 60 a minute",
        "*told/5/ *told/10/ *told/20/ *told/30/",
        figures.per_hundred_later,
    ),
    _low("429s to 100 requests later, sliding log", "sliding/", figures.per_hundred_later, _FEW),
    _low("429s to 100 requests later, bucket of 10", "bucket/", figures.per_hundred_later, at_most(4.0)),
    _low("one spurious 429 on a submit: its cost, of ten minutes", "spurious-submit/", None, at_most(0.01)),
    _low("one spurious 429 on a poll: its cost, of ten minutes", "spurious-poll/", None, at_most(0.01)),
    _high("goodput, 1 % of all requests refused, 60 a minute", "random-60/", figures.goodput, at_least(0.93)),
    _high(
        "goodput, 1 % of all requests refused, 120 a minute", "random-120/", figures.goodput, at_least(0.93)
    ),
    _high(
        "goodput, 1 % of all requests refused, 500 a minute", "random-500/", figures.goodput, at_least(0.93)
    ),
    _high(
        "goodput, 1 % of all requests refused, 1000 a minute", "random-1000/", figures.goodput, at_least(0.93)
    ),
    _low(
        "raise from 60 to 500: time until 0.9 of it",
        "raise-60-500/",
        figures.seconds_after_raise,
        at_most(180),
        "s",
    ),
    _low(
        "raise from 60 to 90: time until 0.9 of it",
        "raise-60-90/",
        figures.seconds_after_raise,
        at_most(180),
        "s",
    ),
    _low(
        "raise from 20 to 200: time until 0.9 of it",
        "raise-20-200/",
        figures.seconds_after_raise,
        at_most(180),
        "s",
    ),
    _low(
        "raise from 60 to 500, sliding log: time until 0.9 of it",
        "raise-sliding/",
        figures.seconds_after_raise,
        None,
        "s",
    ),
    _low(
        "raise from 60 to 500, bucket of 10: time until 0.9 of it",
        "raise-bucket/",
        figures.seconds_after_raise,
        None,
        "s",
    ),
    _high(
        "drop from 500 to 60: goodput from the second window on",
        "drop-500-60/",
        figures.goodput_after_drop,
        at_least(0.9),
    ),
    _high(
        "drop from 120 to 40: goodput from the second window on",
        "drop-120-40/",
        figures.goodput_after_drop,
        at_least(0.9),
    ),
    _high(
        "drop from 60 to 50: goodput from the second window on",
        "drop-60-50/",
        figures.goodput_after_drop,
        at_least(0.9),
    ),
    _high(
        "others take half of 120: goodput of the rest", "shared/", figures.goodput_while_shared, at_least(0.9)
    ),
    _high(
        "others took half of 120: goodput afterwards", "shared/", figures.goodput_after_sharing, at_least(0.9)
    ),
    _high("two clients, 120 a minute: Jain's index", "pair/", figures.fairness, at_least(0.9)),
    _high("two clients, 120 a minute: goodput of both", "pair/", figures.goodput_of_both, at_least(0.95)),
    _low(
        "no limit, one 429 in a quiet time: longest wait",
        "web/",
        figures.longest_wait_after_the_429,
        at_most(5),
        "s",
    ),
    _low(
        "less to do than a learnt limit: longest wait",
        "below/",
        figures.longest_wait_after_the_429,
        at_most(5),
        "s",
    ),
    _high("goodput after a restart", "restart/", figures.goodput_after_restart, at_least(0.95)),
    _high(
        "goodput after a restart, with the rate that was learnt",
        "restart-learnt/",
        figures.goodput_after_restart,
        _GOODPUT,
    ),
    _high(
        "polls count, from 60 a minute on: swaps, of half the limit",
        "counted-60/ counted-120/ counted-500/",
        figures.swaps_where_polls_count,
        at_least(0.6),
    ),
    _low(
        "polls count, from 60 a minute on: mean delay of detection",
        "counted-60/ counted-120/ counted-500/",
        figures.mean_delay,
        at_most(15),
        "s",
    ),
    _high(
        "polls count, 20 a minute: swaps, of half the limit", "counted-20/", figures.swaps_where_polls_count
    ),
    _low("polls count, 20 a minute: mean delay of detection", "counted-20/", figures.mean_delay, None, "s"),
    _low(
        "most 429s in a second, fixed windows and 1 % refused",
        "aligned- begun- random-",
        figures.most_in_a_second,
        at_most(10),
    ),
    _low(
        "most 429s in ten seconds, fixed windows and 1 % refused",
        "aligned- begun- random-",
        figures.most_in_ten_seconds,
        at_most(20),
    ),
)
