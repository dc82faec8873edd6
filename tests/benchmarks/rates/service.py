"""A service with a rate limit that may move, lie, and be shared. Without I/O; time is an argument."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from .limiters import FixedWindow, Limiter, SlidingLog, TokenBucket
from .steps import MINUTE, Steps

Kind: TypeAlias = Literal["fixed", "sliding", "bucket"]
Hint: TypeAlias = Literal["none", "whole seconds", "exact", "short", "long"]
Request: TypeAlias = Literal["submit", "poll"]

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MEDIAN, _SIGMA = 72.0, 0.3
"""How long a job takes, by the workflow's API page: a lognormal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spurious:
    """One 429 that nothing explains.

    Attributes:
        request: The kind of request that gets it.
        number: Which request of this kind, from 1; the first one after `at`.
        at: Seconds from the start.
        hint: Seconds that it asks to wait; None if it names no time.
    """

    request: Request = "submit"
    number: int = 1
    at: float = 0.0
    hint: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the service allows, and how it tells.

    Attributes:
        limit: Requests a minute.
        kind: How they are counted.
        begun: For how many seconds the first fixed window had lasted before the start.
        burst: The size of a bucket.
        hint: What a 429 says about the time until the next request is accepted: nothing; the reset in whole
            seconds, as Segmind does; the exact time; zero seconds; an hour.
        counts_polls: Whether polls use up the limit.
        others: Submits a minute of other programs with the same account, evenly spread.
        random: The share of all requests that are answered 429 for no reason.
        spurious: Single 429s for no reason.
        seed: Of everything random.
        latency: Seconds from a request to its answer.
    """

    limit: Steps
    kind: Kind = "fixed"
    begun: float = 0.0
    burst: int = 10
    hint: Hint = "none"
    counts_polls: bool = False
    others: Steps = Steps.always(0.0)  # noqa: RUF009 - frozen
    random: float = 0.0
    spurious: tuple[Spurious, ...] = ()
    seed: int = 1
    latency: float = 0.1

    def limiter(self) -> Limiter:
        """A new account."""
        match self.kind:
            case "fixed":
                return FixedWindow(self.limit, self.begun)
            case "sliding":
                return SlidingLog(self.limit)
            case "bucket":
                return TokenBucket(self.limit, self.burst)

    def allowed(self, start: float, end: float) -> float:
        """What a client that knows all of this would get accepted from `start` to `end`.

        For a fixed window, both are ends of windows. The tokens that a bucket had at first are not counted.
        """
        return self.limit.between(start, end) - self.others.between(start, end)


@dataclass(slots=True)
class Log:
    """What the service saw. All times are seconds from the start.

    Attributes:
        accepted: When submits were accepted, for each client.
        refused: When requests were answered 429, and of which kind they were.
        requests: When requests arrived that the limit counts.
        seen: For each job: when it ended, and when a poll saw that.
    """

    accepted: list[list[float]]
    refused: list[tuple[float, Request]] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    seen: list[tuple[float, float]] = field(default_factory=list)


class Service:
    """An account with its jobs.

    Attributes:
        terms: What it allows.
        log: What it saw.
    """

    def __init__(self, terms: Terms, clients: int = 1) -> None:
        self.terms = terms
        self.log = Log([[] for _ in range(clients)])
        self._limiter = terms.limiter()
        self._durations = random.Random(terms.seed)
        self._noise = random.Random(terms.seed + 1_000_003)
        self._ends: list[float] = []
        self._seen: set[int] = set()
        self._spurious = list(terms.spurious)
        self._counts = dict.fromkeys(terms.spurious, 0)
        self._others = self._arrivals()
        self._next_other = next(self._others)

    def submit(self, client: int, now: float) -> int | Mapping[str, str]:
        """The new job's number, or the headers of a 429."""
        refusal = self._refusal("submit", now, counts=True)
        if refusal is not None:
            return refusal
        self.log.accepted[client].append(now)
        self._ends.append(now + self._durations.lognormvariate(math.log(_MEDIAN), _SIGMA))
        return len(self._ends) - 1

    def poll(self, number: int, now: float) -> bool | Mapping[str, str]:
        """Whether the job is done, or the headers of a 429."""
        refusal = self._refusal("poll", now, counts=self.terms.counts_polls)
        if refusal is not None:
            return refusal
        if now < self._ends[number]:
            return False
        if number not in self._seen:
            self._seen.add(number)
            self.log.seen.append((self._ends[number], now))
        return True

    def _refusal(self, request: Request, now: float, *, counts: bool) -> Mapping[str, str] | None:
        while self._next_other <= now:
            self._limiter.take(self._next_other)
            self._next_other = next(self._others)
        if counts:
            self.log.requests.append(now)
        spurious = self._spurious_429(request, now)
        if spurious is not None:
            headers: Mapping[str, str] = (
                {} if spurious.hint is None else {"retry-after": f"{spurious.hint:.3f}"}
            )
        elif self.terms.random and self._noise.random() < self.terms.random:
            headers = {}
        elif counts and not self._limiter.take(now):
            headers = self._hint(now)
        else:
            return None
        self.log.refused.append((now, request))
        return headers

    def _spurious_429(self, request: Request, now: float) -> Spurious | None:
        for spurious in self._spurious:
            if spurious.request == request and now >= spurious.at:
                self._counts[spurious] += 1
                if self._counts[spurious] == spurious.number:
                    self._spurious.remove(spurious)
                    return spurious
        return None

    def _hint(self, now: float) -> Mapping[str, str]:
        seconds = self._limiter.resets_in(now)
        match self.terms.hint:
            case "none":
                return {}
            case "whole seconds":
                moment, reset = (_EPOCH + timedelta(seconds=s) for s in (now, now + seconds))
                return {
                    "date": moment.strftime("%a, %d %b %Y %H:%M:%S GMT"),
                    "x-rate-limit-reset-at-utc": reset.strftime("%Y-%m-%d %H:%M:%S"),
                }
            case "exact":
                return {"retry-after": f"{seconds:.3f}"}
            case "short":
                return {"retry-after": "0"}
            case "long":
                return {"retry-after": "3600"}

    def _arrivals(self) -> Iterator[float]:
        """When the others submit. Their refused requests are not repeated."""
        others = self.terms.others
        for tick in itertools.count(1):
            # Looked at a hundred times a minute, so that a change of their number is seen.
            before, after = ((tick - back) * MINUTE / 100 for back in (1, 0))
            if int(others.between(0.0, after) + 0.5) > int(others.between(0.0, before) + 0.5):
                yield after
            if after > others.steps[-1][0] and not others.steps[-1][1]:
                break
        yield math.inf
