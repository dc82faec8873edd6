"""What is wanted of a client within rate limits: each criterion over its cases, of which the worst counts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A figure that is wanted of every case of some families.

    Attributes:
        families: Patterns of the beginnings of cases' names.
        figure: Of one case; None for what it cost, compared with its calm case.
        worst: `min` or `max`: which of the figures counts.
        goal: What is wanted of it; None for a figure that is only told.
        unit: Of the figure and the goal; with "%", the figure is a share, and counts a hundredfold.
    """

    what: str
    families: tuple[str, ...]
    figure: Figure | None
    worst: Callable[..., str]
    goal: Goal | None
    unit: str

    def allows(self, figure: float) -> bool:
        """Whether a figure keeps the goal."""
        return Finding(what=self.what, figure=figure, goal=self.goal).is_reached

    def holds_for(self, case: Case) -> bool:
        """Whether the case counts here."""
        return any(fnmatch(case.name, f"{pattern}*") for pattern in self.families)

    def figures(self, runs: Runs) -> dict[str, float]:
        """The figure of each case that counts here."""
        scale = 100.0 if self.unit == "%" else 1.0
        concerned = {name: run for name, run in runs.items() if self.holds_for(run.case)}
        return {name: scale * self._figure_of(run, runs) for name, run in concerned.items()}

    def _figure_of(self, run: Run, runs: Runs) -> float:
        if self.figure is not None:
            return self.figure(run)
        assert run.case.beside is not None
        return figures.cost(run, runs[run.case.beside])


def _low(what: str, families: str, figure: Figure | None, most: float | None, unit: str = "") -> Criterion:
    """A figure of which the highest counts."""
    goal = None if most is None else at_most(most)
    patterns = tuple(families.split())
    return Criterion(what=what, families=patterns, figure=figure, worst=max, goal=goal, unit=unit)


def _high(what: str, families: str, figure: Figure, least: float | None, unit: str = "%") -> Criterion:
    """A figure of which the lowest counts."""
    goal = None if least is None else at_least(least)
    patterns = tuple(families.split())
    return Criterion(what=what, families=patterns, figure=figure, worst=min, goal=goal, unit=unit)


_SLOW, _FAST = (5, 10, 20, 30), (60, 120, 500, 1000)


def _constant() -> Iterator[Criterion]:
    goodput, later = figures.goodput, figures.per_hundred_later
    for told in ("told", "untold"):
        yield _high(f"goodput, fixed window, {told}", f"aligned-{told}/", goodput, 98.5)
        yield _high(f"goodput, window that had begun before, {told}", f"begun-{told}/", goodput, 98.5)
    yield _high("goodput, sliding log", "sliding/", goodput, 98.5)
    yield _high("goodput, bucket of 10", "bucket/", goodput, 98.5)
    yield _high("goodput, told the exact time", "hint-exact/", goodput, 98.5)
    yield _high("goodput, told no time at all", "hint-short/", goodput, None)
    yield _high("goodput, told an hour", "hint-long/", goodput, None)
    for told in ("told", "untold"):
        families = f"aligned-{told}/ begun-{told}/"
        yield _low(f"429s to find the limit, {told}", families, figures.to_find, 16)
    fast = " ".join(f"{kind}-*told/{limit}/" for kind in ("aligned", "begun") for limit in _FAST)
    slow = " ".join(f"*told/{limit}/" for limit in _SLOW)
    yield _low("429s to 100 requests later, fixed window, from 60 a minute on", fast, later, 2)
    yield _low("429s to 100 requests later, fixed window, 5 to 30 a minute", slow, later, None)
    yield _low("429s to 100 requests later, sliding log", "sliding/", later, 2)
    yield _low("429s to 100 requests later, bucket of 10", "bucket/", later, 4)


def _disturbed() -> Iterator[Criterion]:
    for request in ("submit", "poll"):
        yield _low(f"one spurious 429 on a {request}: cost", f"spurious-{request}/", None, 1, "%")
    yield _low("one spurious 429 that asks for 5 s: cost", "spurious-asks/", None, None, "%")
    for limit in (60, 120, 500, 1000):
        what = f"goodput, 1 % of all requests refused, {limit} a minute"
        yield _high(what, f"random-{limit}/", figures.goodput, 93)


def _moved() -> Iterator[Criterion]:
    for before, after in ((60, 500), (60, 90), (20, 200)):
        what, families = f"raise from {before} to {after}: after", f"raise-{before}-{after}/"
        yield _low(what, families, figures.seconds_after_raise, 180, "s")
    for kind, name in (("sliding", "sliding log"), ("bucket", "bucket of 10")):
        what = f"raise from 60 to 500, {name}: after"
        yield _low(what, f"raise-{kind}/", figures.seconds_after_raise, None, "s")
    for before, after in ((500, 60), (120, 40), (60, 50)):
        what, families = f"drop from {before} to {after}: goodput", f"drop-{before}-{after}/"
        yield _high(what, families, figures.goodput_after_drop, 90)


def _shared() -> Iterator[Criterion]:
    yield _high("others take half of 120: goodput of the rest", "shared/", figures.goodput_while_shared, 90)
    yield _high("others took half of 120: goodput afterwards", "shared/", figures.goodput_after_sharing, 90)
    yield _high("two clients, 120 a minute: Jain's index", "pair/", figures.fairness, 0.9, "")
    yield _high("two clients, 120 a minute: goodput of both", "pair/", figures.goodput_of_both, 95)


def _on_demand() -> Iterator[Criterion]:
    wait = figures.longest_wait_after_the_429
    yield _low("no limit, one 429 in a quiet time: longest wait", "web/", wait, 5, "s")
    yield _low("less to do than a learnt limit allows: longest wait", "below/", wait, 5, "s")


def _restarted() -> Iterator[Criterion]:
    goodput = figures.goodput_after_restart
    yield _high("goodput after a restart", "restart/", goodput, 90)
    yield _high("goodput after a restart, given what was learnt", "restart-learnt/", goodput, 98.5)


def _counted() -> Iterator[Criterion]:
    swaps, delay = figures.swaps_where_polls_count, figures.mean_delay
    fast = "counted-60/ counted-120/ counted-500/"
    yield _high("polls count, from 60 a minute on: swaps, of half the limit", fast, swaps, 60)
    yield _low("polls count, from 60 a minute on: mean delay of detection", fast, delay, 15, "s")
    yield _high("polls count, 20 a minute: swaps, of half the limit", "counted-20/", swaps, None)
    yield _low("polls count, 20 a minute: mean delay of detection", "counted-20/", delay, None, "s")


def _storms() -> Iterator[Criterion]:
    families, where = "aligned- begun- random-", "fixed windows and 1 % refused"
    yield _low(f"most 429s in a second, {where}", families, figures.most_in_a_second, 10)
    yield _low(f"most 429s in ten seconds, {where}", families, figures.most_in_ten_seconds, 20)


CRITERIA: Sequence[Criterion] = (
    *_constant(),
    *_disturbed(),
    *_moved(),
    *_shared(),
    *_on_demand(),
    *_restarted(),
    *_counted(),
    *_storms(),
)
