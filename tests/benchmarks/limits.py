"""What comes of a rate limit that nobody told the client: in virtual time."""

import itertools
import logging
import multiprocessing
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import mean

import anyio

from segmind_swap import SwapClient, SwapRequest

from .clients import KEY, PICTURES
from .findings import Effort, Finding, Found, at_least, at_most
from .service import Conditions, Service
from .virtual import InMemory, in_virtual_time

_LIMITS = (5, 10, 30, 60, 120, 500, 1000)
_COUNTING = (60, 120, 500)
_MINUTE = 60.0
_STEADY_FROM = 5
"""Minutes, where polls count: until the first swaps are done and the limit is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """What happened, minute by minute.

    Attributes:
        to_find: 429s until the first request after them was accepted.
        later: 429s after that.
        delays: Seconds from the end of a swap to the poll that saw it, in the steady minutes.
    """

    limit: int
    accepted: Sequence[int]
    seen: Sequence[int]
    requests: int
    to_find: int
    later: int
    delays: Sequence[float]

    @property
    def goodput(self) -> float:
        """Accepted submits after the first window, as a share of what the limit allows."""
        return mean(self.accepted[1:]) / self.limit

    @property
    def per_hundred(self) -> float:
        """429s to a hundred requests, once the limit was found."""
        return 100 * self.later / self.requests


def _minutes(limit: int, minutes: int, *, counts_polls: bool) -> Minutes:
    """A batch without end that meets a limit, and is left after some minutes."""
    service = Service(Conditions(per_minute=limit, counts_polls=counts_polls))
    # It is left with swaps under way, which the package warns of, as it should.
    logging.getLogger("segmind_swap").setLevel(logging.ERROR)

    async def batch() -> None:
        client = SwapClient(KEY, transport=InMemory(service), max_in_flight=64 + 3 * limit)
        requests = (SwapRequest(id=f"s{number}", **PICTURES) for number in itertools.count())
        with anyio.move_on_after(minutes * _MINUTE):
            async with client, client.swap_many(requests) as outcomes:
                async for outcome in outcomes:
                    outcome.unwrap()

    in_virtual_time(batch())
    accepted = Counter(int(at // _MINUTE) for at in service.accepted_at)
    seen = Counter(int(job.seen // _MINUTE) for job in service.jobs if job.seen is not None)
    limited_at = [at for at, _ in service.limited_at]
    first = limited_at[0] if limited_at else 0.0
    # The answer is under way for a moment, in which others are sent.
    found_at = next((at for at in service.accepted_at if at > first + 1.0), first)
    to_find = sum(at <= found_at for at in limited_at)
    return Minutes(
        limit=limit,
        accepted=[accepted[minute] for minute in range(minutes)],
        seen=[seen[minute] for minute in range(minutes)],
        requests=service.requests["submit"] + (service.requests["poll"] if counts_polls else 0),
        to_find=to_find,
        later=len(limited_at) - to_find,
        delays=[
            job.seen - job.ends
            for job in service.jobs
            if job.seen is not None and job.seen >= _STEADY_FROM * _MINUTE
        ],
    )


def _in_processes(limits: Sequence[int], effort: Effort, *, counts_polls: bool) -> list[Minutes]:
    lengths = [_length(limit, effort, counts_polls=counts_polls) for limit in limits]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return list(pool.map(partial(_minutes, counts_polls=counts_polls), limits, lengths))


def _length(limit: int, effort: Effort, *, counts_polls: bool) -> int:
    """Minutes: long enough for a steady state, and no more swaps than needed."""
    if effort.share < 1.0:
        return 10 if counts_polls else 4
    return 20 if counts_polls else 30 if limit <= 120 else 5


def limits(effort: Effort) -> Found:
    """A fixed window of a minute that only submits fill."""
    chosen = _LIMITS if effort.share == 1.0 else _LIMITS[3:4]
    findings = []
    series = {}
    for found in _in_processes(chosen, effort, counts_polls=False):
        findings += [
            Finding(
                what=f"goodput of {found.limit} a minute, unknown",
                figure=found.goodput,
                goal=at_least(0.99),
                note=f"over {len(found.accepted) - 1} minutes after the first",
            ),
            Finding(what=f"429s to find {found.limit} a minute", figure=found.to_find, goal=at_most(8)),
            Finding(
                what=f"429s to 100 requests later, at {found.limit} a minute",
                figure=found.per_hundred,
                goal=at_most(1.0) if found.limit >= 60 else None,
                note=f"{found.later} in all",
            ),
        ]
        series[f"accepted, {found.limit}"] = found.accepted
    return Found(row="limits", findings=findings, series=series)


def counted(effort: Effort) -> Found:
    """A fixed window of a minute that polls fill, too; nobody told the client."""
    chosen = _COUNTING if effort.share == 1.0 else _COUNTING[:1]
    findings = []
    series = {}
    for found in _in_processes(chosen, effort, counts_polls=True):
        a_minute = mean(found.seen[_STEADY_FROM:])
        findings += [
            Finding(
                what=f"swaps a minute where polls count, of {found.limit // 2}",
                figure=a_minute / (found.limit / 2),
                goal=at_least(0.6),
                note=f"{a_minute:.1f} a minute; {found.to_find + found.later} 429s"
                f" of {found.requests} requests",
            ),
            Finding(
                what=f"mean delay of detection where polls count, {found.limit} a minute",
                figure=mean(found.delays) if found.delays else float("inf"),
                unit="s",
                goal=at_most(15.0),
            ),
        ]
        series[f"seen, {found.limit}"] = found.seen
    return Found(row="counted", findings=findings, series=series)
