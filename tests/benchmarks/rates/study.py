"""Runs many cases in processes, and judges them by the criteria."""

import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from .cases import Case
from .criteria import CRITERIA, Criterion
from .run import Run, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a criterion for one limiter.

    Attributes:
        figure: The worst one.
        case: Which case that was.
        of: How many cases there were.
        failed: The cases that miss the goal, with their figures.
    """

    criterion: Criterion
    figure: float
    case: str
    of: int
    failed: Mapping[str, float]


def judged(runs: Mapping[str, Run]) -> Iterator[Verdict]:
    """A verdict for each criterion that some of the cases concern."""
    for criterion in CRITERIA:
        figures = criterion.figures(runs)
        if not figures:
            continue
        worst = criterion.worst(figures, key=figures.__getitem__)
        yield Verdict(
            criterion=criterion,
            figure=figures[worst],
            case=worst,
            of=len(figures),
            failed={name: value for name, value in figures.items() if not criterion.allows(value)},
        )


def in_processes(work: Sequence[tuple[Case, str]]) -> Iterator[Run]:
    """Runs the cases, each with its limiter, as they are done."""
    # The longest first, so that no process is left alone with one at the end.
    ordered = sorted(work, key=_swaps, reverse=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 2, mp_context=context) as pool:
        for done in as_completed([pool.submit(run, case, who) for case, who in ordered]):
            yield done.result()


def _swaps(piece: tuple[Case, str]) -> float:
    case, _ = piece
    demand = case.terms.limit if case.demand is None else case.demand
    return demand.between(0.0, case.minutes * 60)


def by_who(runs: Iterable[Run]) -> Mapping[str, Mapping[str, Run]]:
    """The runs of each limiter, by the names of their cases."""
    found: dict[str, dict[str, Run]] = defaultdict(dict)
    for one in runs:
        found[one.who][one.case.name] = one
    return found
