"""The rate limit in words: what is believed of the limit, and how long 429s hold back which requests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from segmind_swap import ConfigurationError, Event, LearnedRate, Rate, RateChanged, RateLimited

from .._terminal.text import format_duration


class RateStatus:
    """Follows the events of a client that concern the rate limit. All times are seconds on one clock."""

    def __init__(self) -> None:
        self._source: Callable[[], Rate] | None = None
        self._rate: tuple[Rate, float] | None = None
        self._closed_until: dict[str, float] = {}

    def set_source(self, source: Callable[[], Rate]) -> None:
        """Sets what tells the belief, on the event loop of the client. Else only changes are known."""
        self._source = source

    def follow(self, event: Event, now: float) -> str | None:
        """Takes any event. Returns a line to print if something is new, and None otherwise."""
        match event:
            case RateChanged(rate=rate):
                self._rate = rate, now
                return f"rate limit: {rate}"
            case RateLimited(call=call, delay=delay):
                until = self._closed_until.get(call, 0.0)
                self._closed_until[call] = max(until, now + delay)
                return None if now < until else f"rate limited (429): next {call} in {delay:.0f} s"
            case _:
                self._ask(now)
                return None

    def _ask(self, now: float) -> None:
        """Asks for the belief, at most once a second."""
        if self._source is not None and (self._rate is None or now - self._rate[1] >= 1.0):
            # The last events of a client come while it is closed.
            with suppress(ConfigurationError):
                self._rate = self._source(), now

    def closed_for(self, call: str, now: float) -> float:
        """Seconds for which a 429 holds back a kind of call."""
        return max(0.0, self._closed_until.get(call, 0.0) - now)

    def pause(self, now: float) -> str:
        """`rate limited (429): next submit in 12 s`; empty if no 429 holds requests back."""
        # Copied, because a display is drawn in a thread of its own.
        closed = [(call, until - now) for call, until in list(self._closed_until.items()) if until > now]
        pauses = ", ".join(f"next {call} in {seconds:.0f} s" for call, seconds in closed)
        return f"rate limited (429): {pauses}" if pauses else ""

    def limit(self, now: float) -> str:
        """`60/min, found by a 429; next try of more in 40 s`; empty while nothing is known."""
        if self._rate is None:
            return ""
        rate, asked_at = self._rate
        if self._closed_until.get("submit", 0.0) > now:
            # How long a 429 holds submits back is told by `pause`. Nothing more is tried meanwhile.
            return rate.belief
        next_try_in = rate.next_try_in
        if next_try_in is not None:
            next_try_in = max(0.0, next_try_in - (now - asked_at))
        return str(rate.model_copy(update={"next_try_in": next_try_in, "closed_for": 0.0}))


def learned_text(learned: LearnedRate) -> str:
    """`60/min, found by a 429 (3 min 05 s ago)`: what an earlier run has learned."""
    return f"{learned.rate.belief} ({format_duration(learned.age)} ago)"
