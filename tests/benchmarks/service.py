"""What the service does, without any I/O: jobs that take their time, a rate limit, and counts of what it saw.

Time is an argument, so that one service answers on sockets in real time and in memory in virtual time.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

MEDIAN_SECONDS = 72.0
"""How long a swap takes, by the workflow's API page; here the middle of a lognormal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the service is like.

    Attributes:
        seed: Which durations it draws.
        latency: Seconds from a request to its answer.
        duration: The median seconds of a job.
        sigma: Of the logarithm of a job's seconds.
        per_minute: Requests accepted in each fixed window of a minute; None for any number.
        counts_polls: Whether polls use up that limit too.
    """

    seed: int = 1
    latency: float = 0.1
    duration: float = MEDIAN_SECONDS
    sigma: float = 0.3
    per_minute: int | None = None
    counts_polls: bool = False
    window: float = 60.0

    def json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    def durations(self, count: int) -> list[float]:
        """The seconds of the first jobs, in the order of their submits."""
        draw = random.Random(self.seed)
        return [self.draw(draw) for _ in range(count)]

    def draw(self, draw: random.Random) -> float:
        """The seconds of the next job."""
        return draw.lognormvariate(math.log(self.duration), self.sigma)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the service saw, in all.

    Attributes:
        requests: By kind.
        connections: By the kind of their first request.
        limited: Requests that were answered 429, by kind.
        jobs: Accepted submits.
        done: Jobs whose end was seen.
        delay: Mean seconds from a job's end to the poll that saw it.
        gap: The smallest time between two polls of one job; infinite if none was polled twice.
        in_flight: The most jobs that were accepted and not seen to be done.
        cpu: Seconds of CPU that the service's process took.
    """

    requests: Mapping[str, int]
    connections: Mapping[str, int]
    limited: Mapping[str, int]
    jobs: int
    done: int
    delay: float
    gap: float
    in_flight: int
    cpu: float = 0.0

    @property
    def polls_a_swap(self) -> float:
        """Polls that were answered, for each swap that was done."""
        return (self.requests.get("poll", 0) - self.limited.get("poll", 0)) / max(1, self.done)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """As `json` wrote it."""
        return cls(**json.loads(text))

    def json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Job:
    """A swap, on the service's clock.

    Attributes:
        polls: How often it was looked at, up to the poll that saw its end.
        seen: When that was; None before.
    """

    ends: float
    polls: int = 0
    last_poll: float = -math.inf
    seen: float | None = None


@dataclass(slots=True)
class Service:
    """The account's jobs and counts."""

    conditions: Conditions
    requests: Counter[str] = field(default_factory=Counter)
    connections: Counter[str] = field(default_factory=Counter)
    accepted_at: list[float] = field(default_factory=list)
    limited_at: list[tuple[float, str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    gap: float = math.inf
    most_in_flight: int = 0
    _done: int = 0
    _delay: float = 0.0
    _draw: random.Random = field(init=False)
    _window: int = -1
    _left: int = 0

    def __post_init__(self) -> None:
        self._draw = random.Random(self.conditions.seed)

    def submit(self, now: float) -> int | None:
        """The new job's number; None if the limit is reached."""
        self.requests["submit"] += 1
        if self.conditions.per_minute is not None and not self._has_room(now):
            self.limited_at.append((now, "submit"))
            return None
        self.jobs.append(Job(now + self.conditions.draw(self._draw)))
        self.accepted_at.append(now)
        self.most_in_flight = max(self.most_in_flight, len(self.jobs) - self._done)
        return len(self.jobs) - 1

    def poll(self, number: int, now: float) -> bool | None:
        """Whether the job is done; None if the limit is reached."""
        self.requests["poll"] += 1
        if self.conditions.counts_polls and not self._has_room(now):
            self.limited_at.append((now, "poll"))
            return None
        job = self.jobs[number]
        self.gap = min(self.gap, now - job.last_poll)
        job.last_poll = now
        job.polls += job.seen is None
        if now < job.ends:
            return False
        if job.seen is None:
            job.seen = now
            self._done += 1
            self._delay += now - job.ends
        return True

    def resets_in(self, now: float) -> float:
        """Seconds until the next window."""
        window = self.conditions.window
        return (now // window + 1) * window - now

    def _has_room(self, now: float) -> bool:
        window = int(now // self.conditions.window)
        if window != self._window:
            self._window, self._left = window, self.conditions.per_minute or 0
        if self._left == 0:
            return False
        self._left -= 1
        return True

    def seen(self, cpu: float = 0.0) -> Seen:
        """The counts so far."""
        return Seen(
            requests=dict(self.requests),
            connections=dict(self.connections),
            limited=dict(Counter(kind for _, kind in self.limited_at)),
            jobs=len(self.jobs),
            done=self._done,
            delay=self._delay / max(1, self._done),
            gap=self.gap,
            in_flight=self.most_in_flight,
            cpu=cpu,
        )


# What it says

DONE: Mapping[str, Any] = {
    "status": "COMPLETED",
    "output": json.dumps(
        [{"keyname": "picture", "value": {"data": "https://images.segmind.com/a/1.png", "type": "image"}}]
    ),
}
RUNNING: Mapping[str, Any] = {"status": "PROCESSING", "output": ""}
CREDITS: Mapping[str, Any] = {"credits": 9.8478, "free-credits": 0.0184}
UPLOADED: Mapping[str, Any] = {"file_urls": ["https://images.segmind.com/assets/u1.png"]}
LIMITED: Mapping[str, Any] = {"error": "Rate limit exceeded"}


def accepted(poll_url: str, number: int) -> dict[str, Any]:
    """The answer to a submit."""
    return {"poll_url": poll_url, "request_id": f"r{number}", "status": "QUEUED", "message": "queued"}
