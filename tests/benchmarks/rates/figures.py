"""Figures of a run: how much was accepted of what could have been, and at which price."""

from collections.abc import Sequence
from math import inf

from .run import Run, first_good_minute
from .steps import MINUTE

_ANSWER = 0.5
"""Seconds in which the answers of requests that left together have come."""
_TEN_MINUTES = 10 * MINUTE


def _count(times: Sequence[float], start: float, end: float) -> int:
    return sum(start <= at < end for at in times)


def window_after(run: Run, at: float) -> float:
    """When the first window begins after `at`; a minute of the clock, if the service has no windows."""
    begun = run.case.terms.begun
    return ((at + begun) // MINUTE + 1) * MINUTE - begun


def goodput(run: Run, since: float = 0.0, until: float = inf) -> float:
    """What was accepted of what was allowed, from the next window on, in whole windows."""
    start = window_after(run, since)
    end = start + (min(until, run.ended) - start) // MINUTE * MINUTE
    return _count(run.all_accepted, start, end) / run.case.terms.allowed(start, end)


def to_find(run: Run) -> float:
    """429s until the first request after them was accepted."""
    return sum(at <= _found_at(run) for at in run.refused)


def per_hundred_later(run: Run) -> float:
    """429s to a hundred requests, after the limit was found."""
    found = _found_at(run)
    return 100 * sum(at > found for at in run.refused) / max(1, sum(at > found for at in run.requests))


def _found_at(run: Run) -> float:
    if not run.refused:
        return 0.0
    first = run.refused[0]
    return next((at for at in run.all_accepted if at > first + _ANSWER), inf)


def cost(run: Run, calm: Run) -> float:
    """The share that one 429 cost of the ten minutes from its window on."""
    end = run.ended
    start = end - _TEN_MINUTES
    return 1.0 - _count(run.all_accepted, start, end) / _count(calm.all_accepted, start, end)


def seconds_after_raise(run: Run) -> float:
    """Seconds from a raise until the first minute with nine tenths of the new limit begins."""
    assert run.case.raised is not None
    at, limit = run.case.raised
    found = first_good_minute(run.accepted[0], at, limit)
    return inf if found is None else found - at


def goodput_after_drop(run: Run) -> float:
    """Goodput from the second window on, where the first one holds the moment of the drop."""
    return goodput(run, run.case.terms.limit.steps[-1][0])


def goodput_while_shared(run: Run) -> float:
    """Goodput while others take a part."""
    (_, _), (start, _), (end, _) = run.case.terms.others.steps
    return goodput(run, start, end)


def goodput_after_sharing(run: Run) -> float:
    """Goodput when the others have gone."""
    return goodput(run, run.case.terms.others.steps[-1][0])


def fairness(run: Run) -> float:
    """Jain's index of what two clients got, from three minutes after the second one's start."""
    start = window_after(run, max(run.case.starts) + 3 * MINUTE)
    shares = [_count(one, start, run.ended) for one in run.accepted]
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares) or 1)


def goodput_of_both(run: Run) -> float:
    """Goodput of two clients together, from three minutes after the second one's start."""
    return goodput(run, max(run.case.starts) + 3 * MINUTE)


def longest_wait_after_the_429(run: Run) -> float:
    """The longest wait of a submit that was asked for from the single 429 on."""
    since = run.case.terms.spurious[0].at - 5.0
    return max(seconds for asked_at, seconds in run.waits if asked_at >= since)


def goodput_after_restart(run: Run) -> float:
    """Goodput of the new client, from its second window on."""
    assert run.case.restart_at is not None
    return goodput(run, run.case.restart_at)


_STEADY = 5 * MINUTE
"""From when on swaps end evenly, where polls count."""


def swaps_where_polls_count(run: Run) -> float:
    """Swaps whose end was seen, of the most that is possible: half of the limit."""
    half = run.case.terms.allowed(_STEADY, run.ended) / 2
    return sum(at >= _STEADY for at, _ in run.delays) / half


def mean_delay(run: Run) -> float:
    """Mean seconds from the end of a swap to the poll that saw it."""
    delays = [delay for at, delay in run.delays if at >= _STEADY]
    return sum(delays) / len(delays) if delays else inf


def most_in_a_second(run: Run) -> float:
    """The most 429s in any second."""
    return _most_in(run, 1.0)


def most_in_ten_seconds(run: Run) -> float:
    """The most 429s in any ten seconds."""
    return _most_in(run, 10.0)


def _most_in(run: Run, seconds: float) -> float:
    times = sorted([*run.refused, *run.refused_polls])
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
