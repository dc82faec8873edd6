"""The state of the rate limit's rules: a plain value. All moments are seconds on one clock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..._models import Call

MINUTE = 60.0
# Answers that are later than this are not waited for, when it is counted what was accepted lately.
_SLOWEST = 30.0


class Stage(StrEnum):
    """What the rules do with the believed rate."""

    HOLD = "hold"
    """The believed rate is used as it is."""
    LEAN = "lean"
    """A little more than the believed rate is tried, for a minute."""
    GROW = "grow"
    """More and more is tried, until a 429 or until nobody waits."""


_MOMENT = {"is_moment": True}


def _moment(default: float | None = None) -> Any:
    """A field that is a moment; None for never."""
    return field(default=default, metadata=_MOMENT)


@dataclass(slots=True, kw_only=True)
class Closure:
    """Whether a 429 has closed the way for a kind of call, and the episode of 429s that is not concluded yet.

    Attributes:
        opens_at: When requests may leave again.
        epoch: How often 429s have closed the way.
        window: How many requests may be in flight after a 429; None for no bound.
        is_open_episode: Whether no request was accepted since the first 429 of the episode.
        trials: How many 429s of the episode were news: their requests had left after the way had opened.
        failures: As `trials`, but counted from the last moment at which a window was expected to begin.
        is_told: Whether the server has named a time in the episode.
        told_until: The last time that the server has named.
        was_busy: Whether other requests waited when the first 429 was met.
        met_at: When the request of the first 429 had left.
        last_failed_at: When the request of the last 429 had left.
        passed_at: When the first submit left that was accepted, of those that left after `met_at`.
    """

    opens_at: float = _moment(0.0)
    epoch: int = 0
    window: int | None = None
    is_open_episode: bool = False
    trials: int = 0
    failures: int = 0
    is_told: bool = False
    told_until: float | None = _moment()
    was_busy: bool = False
    met_at: float = _moment(0.0)
    last_failed_at: float = _moment(0.0)
    passed_at: float | None = _moment()


@dataclass(slots=True, kw_only=True)
class PollEvidence:
    """What was seen of the question whether polls use up the limit.

    Attributes:
        limited_polls: When polls left that were answered 429, in the last minute.
        limited_submits: When submits left that were answered 429, in the last minutes.
        suspected_at: When a closure of the polls has last shown that polls may count.
        was_found: Whether polls were found to count before.
        lease: Seconds that the next finding is believed.
    """

    limited_polls: list[float] = field(default_factory=list, metadata=_MOMENT)
    limited_submits: list[float] = field(default_factory=list, metadata=_MOMENT)
    suspected_at: float | None = _moment()
    was_found: bool = False
    lease: float = 600.0


@dataclass(slots=True, kw_only=True)
class RateState:
    """All that the rules know.

    Attributes:
        rate: The believed limit in requests a minute; None while the limit is unknown.
        is_guess: Whether the rate comes from elsewhere, and no 429 has confirmed the rate yet.
        extra: What is tried above the rate, in requests a minute.
        stage: What the rules do with the rate.
        since: When the stage began.
        hold: Seconds of the stage HOLD.
        grown_at: When `extra` last grown.
        bad: Isolated 429s since the stage GROW began.
        quiet: Isolated 429s in the minute before the stage LEAN began.
        doublings: How often the bound of the requests in flight was doubled while the limit is unknown.
        doubled_at: When that was last.
        noise: When requests left that met an isolated 429, in the last minute.
        low_at: When the limit was last found below the rate.
        low: That lower limit, in requests a minute.
        is_busy: Whether other requests waited when the last request left.
        busy_since: The last moment at which nobody waited.
        first_at: When the first request that counts left.
        used_up_at: When a request was accepted again after the limit had been used up.
        phase: A moment at which a window of the service had begun; at first, when the first request left.
        phase_after: A moment before that begin; None if unknown.
        next_at: When the next request that counts may leave.
        shift: By which share of an interval the next request but one is put off.
        submits: When the submits left that were accepted, in the last minutes.
        polls: The same of the polls.
        latency: Seconds that the last request that counts took until it was accepted.
        count_polls: Whether polls are believed to use up the limit.
        count_until: When the belief that polls count ends; None if the user has said so.
        careful_until: Until when few polls may be in flight, because they count no longer.
        limited_at: When the last 429 was received.
        reason: Why the rate last changed.
        changes: Counts the changes.
        closures: The closures by kind of call. A poll has the closure of the submits while polls count.
        evidence: What was seen of the question whether polls count.
    """

    rate: float | None = None
    is_guess: bool = False
    extra: float = 0.0
    stage: Stage = Stage.HOLD
    since: float = _moment(0.0)
    hold: float = MINUTE
    grown_at: float = _moment(0.0)
    bad: int = 0
    quiet: int = 0
    doublings: int = 0
    doubled_at: float = _moment(0.0)
    noise: list[float] = field(default_factory=list, metadata=_MOMENT)
    low_at: float | None = _moment()
    low: float = 0.0
    is_busy: bool = False
    busy_since: float = _moment(0.0)
    first_at: float | None = _moment()
    used_up_at: float = _moment(0.0)
    phase: float | None = _moment()
    phase_after: float | None = _moment()
    next_at: float = _moment(0.0)
    shift: float = 0.0
    submits: list[float] = field(default_factory=list, metadata=_MOMENT)
    polls: list[float] = field(default_factory=list, metadata=_MOMENT)
    latency: float = 0.0
    count_polls: bool = False
    count_until: float | None = _moment()
    careful_until: float = _moment(0.0)
    limited_at: float | None = _moment()
    reason: str = ""
    changes: int = 0
    closures: dict[str, Closure] = field(
        default_factory=lambda: {call.value: Closure() for call in Call if call is not Call.DOWNLOAD}
    )
    evidence: PollEvidence = field(default_factory=PollEvidence)

    def accepted(self, after: float, until: float) -> int:
        """How many requests that count left after `after` and not after `until`, and were accepted."""
        polls = count(self.polls, after, until) if self.count_polls else 0
        return count(self.submits, after, until) + polls

    def accepted_before(self, after: float, before: float) -> int:
        """How many requests that count left after `after` and before `before`, and were accepted."""
        polls = count_before(self.polls, after, before) if self.count_polls else 0
        return count_before(self.submits, after, before) + polls

    def answered_until(self, now: float) -> float:
        """Until when it is known which requests were accepted: the answers to later ones are under way."""
        return now - min(self.latency, _SLOWEST)

    def accepted_lately(self, seconds: float, now: float) -> int:
        """How many requests that count were accepted in the last seconds of which the answers are known."""
        until = self.answered_until(now)
        return self.accepted(until - seconds, until)

    def begin_hold(self, now: float) -> None:
        """Goes on with the believed rate as it is."""
        self.stage, self.since, self.extra = Stage.HOLD, now, 0.0

    def begin_lean(self, now: float, *, extra: float) -> None:
        """Tries a little more."""
        self.stage, self.since, self.extra = Stage.LEAN, now, extra
        forget(self.noise, before=now - MINUTE)
        self.quiet = len(self.noise)
        self.noise.clear()

    def begin_growth(self, now: float, *, extra: float) -> None:
        """Tries more and more."""
        self.stage, self.since, self.extra = Stage.GROW, now, extra
        self.grown_at = now
        self.bad = 0
        self.hold = MINUTE

    def believe(self, rate: float, reason: str, *, at_most: float | None = None) -> None:
        """Changes the believed rate, which never exceeds what the user has given (`at_most`)."""
        rate = rate if at_most is None else min(rate, at_most)
        if rate != self.rate:
            self.rate = rate
            self.tell(reason)

    def tell(self, reason: str) -> None:
        """Counts a change of what is believed."""
        self.reason = reason
        self.changes += 1


def add(moments: list[float], moment: float, *, keep: float) -> None:
    """Adds a moment to moments in order, and forgets those more than `keep` seconds before the moment."""
    insort(moments, moment)
    forget(moments, before=moment - keep)


def forget(moments: list[float], *, before: float) -> None:
    """Removes the moments up to `before`."""
    del moments[: bisect_right(moments, before)]


def first_after(moments: list[float], after: float) -> float | None:
    """The first of the moments after `after`; None if there is none."""
    index = bisect_right(moments, after)
    return moments[index] if index < len(moments) else None


def count(moments: list[float], after: float, until: float) -> int:
    """How many moments are after `after`, and not after `until`."""
    return bisect_right(moments, until) - bisect_right(moments, after)


def count_before(moments: list[float], after: float, before: float) -> int:
    """How many moments are after `after`, and before `before`."""
    return bisect_left(moments, before) - bisect_right(moments, after)
