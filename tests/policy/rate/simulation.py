"""A client and a service: what the rules make of a limit. Time is a number, and costs nothing."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from segmind_swap._config import RateLimit, RetryPolicy
from segmind_swap._models import Call
from segmind_swap._policy.rate.rules import RateRules
from segmind_swap._policy.rate.state import MINUTE

Limit = float | Callable[[float], float]


class Service(Protocol):
    """Refuses what is too much."""

    def take(self, now: float) -> float | None:
        """Seconds until another request would be accepted; None for accepted."""
        ...


def _at(limit: Limit, now: float) -> float:
    return limit(now) if callable(limit) else limit


@dataclass
class FixedWindow:
    """So many requests in each minute, which begins at `phase`. Others use `others` a minute."""

    limit: Limit
    phase: float = 0.0
    others: Callable[[float], float] = lambda now: 0.0
    _window: int = -1
    _used: int = 0

    def take(self, now: float) -> float | None:
        window = math.floor((now - self.phase) / MINUTE)
        began = window * MINUTE + self.phase
        if window != self._window:
            self._window, self._used = window, 0
        if self._used + self.others(now) * (now - began) / MINUTE + 1 > _at(self.limit, now):
            return began + MINUTE - now
        self._used += 1
        return None


@dataclass
class SlidingLog:
    """So many requests in any minute."""

    limit: Limit
    _accepted: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> float | None:
        while self._accepted and self._accepted[0] <= now - MINUTE:
            self._accepted.popleft()
        if len(self._accepted) >= _at(self.limit, now):
            return self._accepted[0] + MINUTE - now if self._accepted else MINUTE
        self._accepted.append(now)
        return None


@dataclass
class Bucket:
    """Some requests at once, and so many a minute."""

    limit: Limit
    burst: float = 10.0
    _level: float = 10.0
    _at: float = 0.0

    def take(self, now: float) -> float | None:
        refill = _at(self.limit, now) / MINUTE
        self._level = min(self.burst, self._level + (now - self._at) * refill)
        self._at = now
        if self._level < 1.0:
            return (1.0 - self._level) / refill
        self._level -= 1.0
        return None


@dataclass
class Account:
    """The service as its clients meet it: the limit, and 429s that lie.

    Attributes:
        service: The limit of the submits.
        is_told: Whether a 429 of the limit names its end, in whole seconds.
        polls_count: Whether polls use up the same limit.
        polls: A limit of the polls alone.
        random: The share of requests that meet a 429 for no reason.
        spurious: The numbers of the requests of a kind that do, from 1.
        hint: The hint of such a 429.
    """

    service: Service
    is_told: bool = False
    polls_count: bool = False
    polls: Service | None = None
    random: float = 0.0
    spurious: dict[Call, Sequence[int]] = field(default_factory=dict)
    hint: float | None = None
    dice: Random = field(default_factory=lambda: Random(1))
    asked: dict[Call, int] = field(default_factory=lambda: dict.fromkeys(Call, 0))
    accepted: list[float] = field(default_factory=list)
    limited: list[tuple[float, Call]] = field(default_factory=list)

    def is_refused(self, call: Call, now: float) -> tuple[bool, float | None]:
        """Whether a request is refused, and the hint."""
        self.asked[call] += 1
        if self.asked[call] in self.spurious.get(call, ()) or self.dice.random() < self.random:
            self.limited.append((now, call))
            return True, self.hint
        service = self.service
        if call is Call.POLL and not self.polls_count:
            if self.polls is None:
                return False, None
            service = self.polls
        wait = service.take(now)
        if wait is not None:
            self.limited.append((now, call))
            return True, float(math.ceil(wait)) if self.is_told else None
        if call is Call.SUBMIT:
            self.accepted.append(now)
        return False, None

    def in_minutes(self, minutes: int, *, phase: float = 0.0) -> list[int]:
        """How many submits were accepted in each minute."""
        found = [0] * minutes
        for moment in self.accepted:
            minute = math.floor((moment - phase) / MINUTE)
            if 0 <= minute < minutes:
                found[minute] += 1
        return found

    def share(self, limit: float, begin: float, end: float) -> float:
        """Which part of a limit was used in a stretch of time."""
        return sum(begin <= moment < end for moment in self.accepted) / (limit * (end - begin) / MINUTE)

    def per_hundred(self, begin: float = 0.0) -> float:
        """The 429s to submits for each hundred accepted submits."""
        limited = sum(moment >= begin for moment, call in self.limited if call is Call.SUBMIT)
        return 100.0 * limited / max(1, sum(moment >= begin for moment in self.accepted))


class Clock:
    """What happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, moment: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (max(moment, self.now), self._number, act))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()
        self.now = until


class Client:
    """Sends what waits as soon as the rules allow it; a 429 makes its request wait again.

    The turns of submits and polls, and the bounds of the requests in flight, are those of the real gate.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock | None = None,
        *,
        given: RateLimit | None = None,
        latency: float = 0.2,
        rules: RateRules | None = None,
        seed: int = 1,
    ) -> None:
        self.account = account
        self.clock = clock or Clock()
        self.rules = rules or RateRules(given or RateLimit(), RetryPolicy())
        self.waiting: dict[Call, deque[tuple[float, Callable[[], None]]]] = {call: deque() for call in Call}
        self.delays: dict[Call, list[tuple[float, float]]] = {call: [] for call in Call}
        self.in_flight: dict[int, tuple[Call, float]] = {}
        self._of = dict.fromkeys(Call, 0)
        self._latency = latency
        self._before_growth = 0
        self._polls_in_a_row = 0
        self._number = 0
        self._wakes: dict[Call, float] = {}
        self._dice = Random(seed)

    # Demand

    def saturate(self, workers: int = 64, *, then: Callable[[], None] | None = None) -> None:
        """Always another submit waits for each that was accepted."""

        def submit() -> None:
            if then is not None:
                then()
            self.send(Call.SUBMIT, submit)

        for _ in range(workers):
            self.send(Call.SUBMIT, submit)

    def arrive(self, every: Callable[[float], float]) -> None:
        """A swap arrives after each interval: a submit, and then its polls."""

        def come() -> None:
            self.send(Call.SUBMIT, self.poll_later)
            self.clock.at(self.clock.now + every(self.clock.now), come)

        self.clock.at(0.0, come)

    def poll_later(self, *, polls: int = 5) -> None:
        """Polls a job that was submitted, every seven seconds from the 45th on."""

        def poll(left: int) -> None:
            if left:
                later = self.clock.now + 7.0
                self.send(Call.POLL, lambda: self.clock.at(later, lambda: poll(left - 1)))

        self.clock.at(self.clock.now + 45.0, lambda: poll(polls))

    def run(self, minutes: float) -> Client:
        self.clock.run(self.clock.now + minutes * MINUTE)
        return self

    # The gate

    def send(self, call: Call, done: Callable[[], None] = lambda: None) -> None:
        self.waiting[call].append((self.clock.now, done))
        self._let_leave()

    def _turn(self) -> list[Call]:
        polls, submits = self.waiting[Call.POLL], self.waiting[Call.SUBMIT]
        if not self.rules.state.count_polls:
            return [Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS]
        is_submits = (self._polls_in_a_row >= 2 and bool(submits)) or not polls
        return [Call.SUBMIT if is_submits else Call.POLL, Call.UPLOAD, Call.CREDITS]

    def _let_leave(self) -> None:
        left = True
        while left:
            left = any(self._leave(call) for call in self._turn())

    def _leave(self, call: Call) -> bool:
        now = self.clock.now
        if not self.waiting[call]:
            return False
        at = max(self.rules.ready_at(call, now), self._has_room_at(call, now))
        if at > now:
            if math.isfinite(at) and not now < self._wakes.get(call, -1.0) <= at:
                self._wakes[call] = at
                self.clock.at(at, self._let_leave)
            return False
        queued_at, done = self.waiting[call].popleft()
        self._polls_in_a_row = self._polls_in_a_row + 1 if call is Call.POLL else 0
        calls = self._with(call)
        was_growing = self.rules.state.stage == "grow"
        self.rules.leaves(call, now, others_wait=any(self.waiting[other] for other in calls))
        if self.rules.state.stage == "grow" and not was_growing:
            self._before_growth = sum(self._of[other] for other in calls)
        self._number += 1
        self.in_flight[self._number] = call, now
        self._of[call] += 1
        number, epoch = self._number, self.rules.closure(call).epoch
        refused, hint = self.account.is_refused(call, now)

        def answer() -> None:
            del self.in_flight[number]
            self._of[call] -= 1
            if refused:
                self.waiting[call].appendleft((queued_at, done))
                self.rules.limited(
                    call,
                    left_at=now,
                    epoch=epoch,
                    now=self.clock.now,
                    hint=hint,
                    jitter=self._dice.uniform(1.0, 1.2),
                )
            else:
                self.rules.accepted(call, left_at=now, epoch=epoch, now=self.clock.now)
                self.delays[call].append((queued_at, now - queued_at))
                done()
            self._let_leave()

        self.clock.at(now + self._latency, answer)
        return True

    def _with(self, call: Call) -> tuple[Call, ...]:
        is_shared = self.rules.state.count_polls and call in (Call.SUBMIT, Call.POLL)
        return (Call.SUBMIT, Call.POLL) if is_shared else (call,)

    def _has_room_at(self, call: Call, now: float) -> float:
        calls = self._with(call)
        total = sum(self._of[other] for other in calls)
        if total >= self.rules.most_in_flight(call, now, before_growth=self._before_growth):
            return math.inf
        window = self.rules.closure(call).window
        if window is None or total < window:
            return 0.0
        moments = [left_at for other, left_at in self.in_flight.values() if other in calls]
        return moments[total - window] + 5.0


def saturated(
    account: Account, minutes: float, *, given: RateLimit | None = None, latency: float = 0.2
) -> Client:
    """A client that has always more to submit than the limit allows."""
    client = Client(account, given=given, latency=latency)
    client.saturate(64 if latency < 1.0 else 400)
    return client.run(minutes)
