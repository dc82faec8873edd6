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
        figures: Those of all cases, by name.
    """

    criterion: Criterion
    figure: float
    case: str
    figures: Mapping[str, float]

    @property
    def failed(self) -> Mapping[str, float]:
        """The cases that miss the goal, with their figures."""
        return {name: value for name, value in self.figures.items() if not self.criterion.allows(value)}


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
            figures=figures,
        )


def in_processes(work: Sequence[tuple[Case, str]]) -> Iterator[Run]:
    """Runs the cases, each with its limiter, as they are done."""
    # The longest first, so that no process is left alone with one at the end.
    ordered = sorted(work, key=lambda piece: piece[0].swaps, reverse=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 2, mp_context=context) as pool:
        running = {pool.submit(run, case, who): f"{case.name}, {who}" for case, who in ordered}
        for done in as_completed(running):
            try:
                result = done.result()
            except Exception as exc:
                exc.add_note(f"in the case {running[done]}")
                # The other cases would take minutes, and for nothing.
                pool.shutdown(cancel_futures=True)
                raise
            yield result


def by_who(runs: Iterable[Run]) -> Mapping[str, Mapping[str, Run]]:
    """The runs of each limiter, by the names of their cases."""
    found: dict[str, dict[str, Run]] = defaultdict(dict)
    for one in runs:
        found[one.who][one.case.name] = one
    return found
