"""The row of rate limits: each criterion, this package beside others, and six cases to be drawn."""

from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import median

from ..findings import Effort, Finding, Found
from .cases import Case
from .criteria import CRITERIA
from .families import all_cases, with_what_they_are_compared_with
from .gates import OURS, WHO
from .run import Run, can_be_given_what_was_learnt
from .shown import SHOWN, possible
from .study import Verdict, by_who, in_processes, judged

_POSSIBLE = "possible"
_QUICK_SWAPS = 2500


def limits(effort: Effort) -> Found:
    """All cases, of which others run a sample. Quick: a small case for each criterion, ours alone."""
    if effort.share < 1.0:
        runs = by_who(in_processes([(case, OURS) for case in _first_of_each(_cases())]))
        return Found(row="limits", findings=findings(runs))
    work = [(case, who) for who in WHO for case in _cases() if who == OURS or case.is_sample]
    work += [(case, who) for who in WHO for case in SHOWN.values()]
    runs = by_who(in_processes(work))
    return Found(row="limits", findings=findings(runs), series=_series(runs))


def _cases() -> list[Case]:
    return [case for case in all_cases() if case.learnt is None or can_be_given_what_was_learnt()]


def _first_of_each(cases: Sequence[Case]) -> list[Case]:
    small = [case for case in cases if case.is_sample and case.swaps <= _QUICK_SWAPS]
    firsts = {
        next((case.name for case in small if criterion.holds_for(case)), None) for criterion in CRITERIA
    }
    return with_what_they_are_compared_with([case for case in small if case.name in firsts])


def findings(runs: Mapping[str, Mapping[str, Run]]) -> list[Finding]:
    """A finding for each criterion: ours, beside those of the others."""
    beside: dict[str, dict[str, float]] = {}
    for who, found in runs.items():
        for verdict in judged(found):
            beside.setdefault(verdict.criterion.what, {})[who] = verdict.figure
    others = [who for who in WHO if who != OURS and who in runs]
    return [
        Finding(
            what=verdict.criterion.what,
            figure=verdict.figure,
            unit=verdict.criterion.unit,
            goal=verdict.criterion.goal,
            beside={who: beside[verdict.criterion.what].get(who) for who in others},
            note=_note(verdict),
        )
        for verdict in judged(runs[OURS])
    ]


def _note(verdict: Verdict) -> str:
    if len(verdict.figures) == 1:
        return ""
    worst = f"worst of {len(verdict.figures)}, {verdict.case}"
    return f"{worst}; median {median(verdict.figures.values()):.3g}"


def _series(runs: Mapping[str, Mapping[str, Run]]) -> dict[str, Sequence[float]]:
    """Accepted submits in each minute, by the case's title and by whose limiter it was."""
    series = {
        f"{title} | {who}": runs[who][case.name].by_minute() for title, case in SHOWN.items() for who in runs
    }
    best = {f"{title} | {_POSSIBLE}": possible(case) for title, case in SHOWN.items()}
    return dict(chain(series.items(), best.items()))
