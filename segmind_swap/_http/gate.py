"""When the next request may leave: the account's rate limit, and one gate that every 429 closes.

The gate reopens at a pace: one request in flight, then twice as many for each that is answered without a 429,
so that a thousand waiting tasks do not run into the limit together.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import islice

import anyio

from .._config import RateLimit, RetryPolicy
from .._models import Call
from .._policy.rate_limit import RateLimitEstimate
from .._policy.retry import backoff
from .._protocols import Admission

_SHORTEST_CLOSURE = 0.5
_OPEN_FROM = 64
# A request that takes longer than this no longer keeps others from trying the reopened gate.
_PROBE = 5.0
# As many may meet a limit that nobody knows yet.
_UNKNOWN = 8
# Where polls use up the limit, too: a swap needs about two, and more are at the cost of the next swaps. But
# while polls come so many seconds late, there are swaps enough under way.
_POLLS_A_SUBMIT = 2
_LATE_POLLS_A_SUBMIT = 3
_LATE = 20.0


@dataclass(slots=True, eq=False)
class _Ticket:
    """Somebody who waits since a moment; `turn` is there while it sleeps."""

    since: float
    turn: anyio.Event | None = None
    gone: bool = False


class LocalGate:
    """Holds requests back until they may leave. One for each client; belongs to one event loop."""

    def __init__(self, limit: RateLimit, retry: RetryPolicy) -> None:
        self._limit = RateLimitEstimate(limit)
        self._retry = retry
        self._opens_at = 0.0
        self._window: int | None = None
        self._in_flight: dict[int, float] = {}
        self._submits_in_flight = 0
        self._closures = 0
        self._closed_in_a_row = 0
        self._free: deque[_Ticket] = deque()
        self._polls: deque[_Ticket] = deque()
        self._submits: deque[_Ticket] = deque()
        self._polls_in_a_row = 0
        self._is_submits_turn = False
        self._numbers = 0

    @property
    def closed_for(self) -> float:
        """Seconds until the gate opens; zero if it is open."""
        return max(0.0, self._opens_at - anyio.current_time())

    @property
    def counts_polls(self) -> bool:
        """Whether polls are known to use up the limit."""
        return self._limit.count_polls

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave. What becomes of it is told to the methods below."""
        ticket = _Ticket(anyio.current_time())
        queue = self._queue_of(call)
        queue.append(ticket)
        counts = self._limit.counts(call)
        while (at := self._turn_at(ticket, counts=counts)) > (now := anyio.current_time()):
            ticket.turn = anyio.Event()
            try:
                # Until that very moment: a delay counted from now may end a rounding error too early.
                with anyio.CancelScope(deadline=at):
                    await ticket.turn.wait()
            except BaseException:
                ticket.gone = True
                self._call_next()
                raise
            # A 429 may have shown meanwhile that polls count.
            counts = self._limit.counts(call)
        queue.popleft()
        if counts:
            self._limit.observe_sent(now)
            self._polls_in_a_row = self._polls_in_a_row + 1 if call is Call.POLL else 0
            # Decided here, once: who sleeps until its turn relies on being the next.
            is_late = bool(self._polls) and now - self._polls[0].since > _LATE
            most = _LATE_POLLS_A_SUBMIT if is_late else _POLLS_A_SUBMIT
            self._is_submits_turn = self._polls_in_a_row >= most
        self._numbers += 1
        self._in_flight[self._numbers] = now
        self._submits_in_flight += call is Call.SUBMIT
        self._call_next()
        return Admission(call, self._numbers, self._closures, now)

    def rate_limited(self, admission: Admission, hint: float | None) -> float:
        """A 429 came: closes the gate for everyone; returns the seconds until it reopens."""
        now = anyio.current_time()
        is_news = admission.epoch == self._closures
        if is_news:
            # Of many requests that met the same limit together, only the first is news.
            self._closures += 1
            self._closed_in_a_row += 1
        wait = hint if hint is not None else backoff(self._retry, self._closed_in_a_row)
        self._opens_at = max(self._opens_at, now + max(wait, _SHORTEST_CLOSURE))
        self._window = 1
        if is_news or (admission.call is Call.POLL and not self._limit.count_polls):
            self._limit.observe_429(admission.call, now, self._opens_at, is_told=hint is not None)
        return self.closed_for

    def answered(self, admission: Admission) -> None:
        """An answer other than 429 came: the gate opens further, if it was asked since it closed."""
        self._limit.observe_accepted(admission.call, admission.left_at)
        if admission.epoch != self._closures:
            return
        self._closed_in_a_row = 0
        if self._window is not None:
            self._window *= 2
            if self._window > _OPEN_FROM:
                self._window = None

    def release(self, admission: Admission) -> None:
        """A request that was admitted is over, however it ended."""
        del self._in_flight[admission.number]
        self._submits_in_flight -= admission.call is Call.SUBMIT
        self._call_next()

    def _queue_of(self, call: Call) -> deque[_Ticket]:
        match call:
            case Call.SUBMIT:
                return self._submits
            case Call.POLL:
                return self._polls
            case _:
                return self._free

    def _turn_at(self, ticket: _Ticket, *, counts: bool) -> float:
        """When the ticket's request may leave, as far as is known now."""
        if self._head() is not ticket:
            return math.inf
        opens_at = self._opens_at
        if counts:
            opens_at = max(opens_at, self._limit.next_at(anyio.current_time()))
        return max(opens_at, self._has_room_at())

    def _has_room_at(self) -> float:
        """When the reopening gate has room for one more, if no answer comes earlier."""
        if self._window is None or len(self._in_flight) < self._window:
            return 0.0
        earlier = len(self._in_flight) - self._window
        return next(islice(self._in_flight.values(), earlier, None)) + _PROBE

    def _head(self) -> _Ticket | None:
        """Who is next: of those that wait in order of coming, by what they are."""
        for queue in self._order():
            while queue and queue[0].gone:
                queue.popleft()
            if queue:
                return queue[0]
        return None

    def _order(self) -> tuple[deque[_Ticket], ...]:
        if self._limit.per_minute is None and self._submits_in_flight >= _UNKNOWN:
            return (self._free, self._polls)
        # What uses up no limit goes first: holding it back would only delay results.
        if self._limit.count_polls and self._is_submits_turn:
            return (self._free, self._submits, self._polls)
        return (self._free, self._polls, self._submits)

    def _call_next(self) -> None:
        head = self._head()
        if head is not None and head.turn is not None:
            head.turn.set()
