"""Runs a case, in virtual time: the same result each time."""

import asyncio
import contextlib
import gc
import logging
import math
import random
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from segmind_swap import RateLimit, SwapClient

from ..clients import KEY
from ..virtual import in_virtual_time
from .cases import Case
from .demand import Swaps, batch
from .gates import OURS, WHO
from .service import Service
from .steps import MINUTE
from .transport import InMemory

_LOOK = 5.0
"""Seconds between two looks, where a case may end early."""
_NEARLY = 0.9
_IN_FLIGHT, _BATCH_A_MINUTE = 64, 3
"""Swaps of a batch at once: more than a minute's, because a swap takes longer."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a case. All times are seconds from the start.

    Attributes:
        who: Whose limiter it was.
        ended: When the case ended.
        accepted: When submits were accepted, for each client.
        refused: When submits, and polls that count, were answered 429.
        refused_polls: When polls that do not count were answered 429.
        requests: When requests arrived that count.
        waits: When each submit was asked for, and the seconds until it was accepted, or until the end.
        delays: When a poll saw the end of a job, and the seconds since that end.
    """

    case: Case
    who: str
    ended: float
    accepted: Sequence[Sequence[float]]
    refused: Sequence[float]
    refused_polls: Sequence[float]
    requests: Sequence[float]
    waits: Sequence[tuple[float, float]]
    delays: Sequence[tuple[float, float]]

    @property
    def all_accepted(self) -> list[float]:
        """When submits of any client were accepted."""
        return sorted(at for one in self.accepted for at in one)

    def by_minute(self, client: int | None = None) -> list[int]:
        """Accepted submits in each minute: of the service's windows, or else from the start."""
        times = self.all_accepted if client is None else self.accepted[client]
        begun = self.case.terms.begun
        counts = Counter(int((at + begun) // MINUTE) for at in times)
        return [counts[minute] for minute in range(int((self.ended + begun) // MINUTE))]


def can_be_given_what_was_learnt() -> bool:
    """Whether this package's `RateLimit` takes a rate to start at, which is no bound."""
    return any(field.name == "start_at" for field in fields(RateLimit))


def run(case: Case, who: str = OURS) -> Run:
    """Runs a case with the client, and the limiter of `who`."""
    log_of_package = logging.getLogger("segmind_swap")
    level, thresholds = log_of_package.level, gc.get_threshold()
    # It is left with swaps under way, which the package warns of, as it should.
    log_of_package.setLevel(logging.CRITICAL)
    random.seed(case.terms.seed)
    # Thousands of tasks wait: to look for garbage among them again and again takes a tenth of the time.
    gc.set_threshold(50_000, 20, 100)
    service = Service(case.terms, len(case.starts))
    running = _Running(case, who, service)
    try:
        ended = in_virtual_time(running.until_it_ends())
    finally:
        log_of_package.setLevel(level)
        gc.set_threshold(*thresholds)
    log = service.log
    counts_polls = case.terms.counts_polls
    return Run(
        case=case,
        who=who,
        ended=ended,
        accepted=[array("d", one) for one in log.accepted],
        refused=array("d", (at for at, kind in log.refused if counts_polls or kind == "submit")),
        refused_polls=array("d", (at for at, kind in log.refused if kind == "poll" and not counts_polls)),
        requests=array("d", log.requests),
        waits=running.waits(ended),
        delays=[(seen, seen - ends) for ends, seen in log.seen],
    )


class _Running:
    def __init__(self, case: Case, who: str, service: Service) -> None:
        self._case = case
        self._who = who
        self._service = service
        self._swaps: list[Swaps] = []

    def waits(self, ended: float) -> list[tuple[float, float]]:
        """The waits of all submits that were asked for, also of those that still wait."""
        return [wait for swaps in self._swaps for wait in swaps.waits_until(ended)]

    async def until_it_ends(self) -> float:
        """Runs all clients, until the case ends. Returns when that was."""
        tasks = [
            asyncio.create_task(self._client(number, start)) for number, start in enumerate(self._case.starts)
        ]
        time = asyncio.get_running_loop().time
        try:
            while (left := self._case.minutes * MINUTE - time()) > 0 and not self._is_over(time()):
                done, _ = await asyncio.wait(tasks, timeout=min(left, _LOOK if self._case.raised else left))
                for task in done:
                    await task
            return time()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, number: int, start: float) -> None:
        await asyncio.sleep(start)
        if self._case.restart_at is None:
            await self._one(number)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._case.restart_at):
                await self._one(number)
        await self._one(number, learnt=self._case.learnt)

    async def _one(self, number: int, *, learnt: float | None = None) -> None:
        case = self._case
        limit = WHO[self._who](case.terms.seed + number)
        if learnt is not None and self._who == OURS:
            given: Any = {"start_at": learnt}
            limit = RateLimit(**given)
        in_flight = _IN_FLIGHT
        if case.polling == "batch":
            in_flight += _BATCH_A_MINUTE * int(case.terms.limit.at(0.0))
        transport = InMemory(self._service, number)
        async with SwapClient(KEY, transport=transport, max_in_flight=in_flight, rate_limit=limit) as client:
            if case.polling == "batch":
                await batch(client)
                return
            swaps = Swaps(client, case.polling)
            self._swaps.append(swaps)
            await (swaps.without_end() if case.demand is None else swaps.on_demand(case.demand))

    def _is_over(self, now: float) -> bool:
        if self._case.raised is None:
            return False
        found = first_good_minute(self._service.log.accepted[0], *self._case.raised)
        return found is not None and found + 2 * MINUTE <= now


def first_good_minute(accepted: Sequence[float], at: float, limit: float) -> float | None:
    """When the first minute after `at` began in which nine tenths of the limit were accepted."""
    times = [time for time in accepted if time >= at]
    needed = math.ceil(_NEARLY * limit)
    for first, last in zip(times, times[needed - 1 :], strict=False):
        if last - first < MINUTE:
            # The minute may as well begin earlier, as long as it ends after its last submit.
            return max(at, last - MINUTE) if last - MINUTE < first else first
    return None
