"""When the next request may leave: the account's rate limit, and one gate that every 429 closes.

The gate reopens at a pace: one request in flight, then twice as many for each that is answered without a 429,
so that a thousand waiting tasks do not run into the limit together.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import anyio

from ._config import RateLimit, RetryPolicy
from ._retry import backoff
from ._wire import Call

_SHORTEST_CLOSURE = 0.5
_OPEN_FROM = 64
# A request that takes longer than this no longer keeps others from trying the reopened gate.
_PROBE = 5.0
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Admission:
    """One request's permission to leave.

    Attributes:
        call: What it is.
        number: Counts a client's requests.
        closures: How often the gate had been closed before.
    """

    call: Call
    number: int
    closures: int


@dataclass(order=True, slots=True)
class _Ticket:
    rank: int
    number: int
    turn: anyio.Event = field(compare=False, default_factory=anyio.Event)
    gone: bool = field(compare=False, default=False)


class Pace:
    """Holds requests back until they may leave. One for each client; belongs to one event loop."""

    def __init__(self, limit: RateLimit, retry: RetryPolicy) -> None:
        self._polls_count = limit.count_polls
        self._retry = retry
        self._spacing = 0.0 if limit.requests_per_minute is None else _MINUTE / limit.requests_per_minute
        self._next_slot = 0.0
        self._opens_at = 0.0
        self._window: int | None = None
        self._in_flight: dict[int, float] = {}
        self._closures = 0
        self._closed_in_a_row = 0
        self._queue: list[_Ticket] = []
        self._numbers = 0

    @property
    def closed_for(self) -> float:
        """Seconds until the gate opens; zero if it is open."""
        return max(0.0, self._opens_at - anyio.current_time())

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave. What becomes of it is told to the methods below."""
        counted = call is Call.SUBMIT or (call is Call.POLL and self._polls_count)
        # While polls are not known to count, holding them back behind submits would only delay results.
        self._numbers += 1
        ticket = _Ticket(rank=int(call is Call.SUBMIT and not self._polls_count), number=self._numbers)
        heapq.heappush(self._queue, ticket)
        try:
            while (at := self._turn_at(ticket, counted=counted)) > anyio.current_time():
                # Until that very moment: a delay counted from now may end a rounding error too early.
                with anyio.CancelScope(deadline=at):
                    await ticket.turn.wait()
                    ticket.turn = anyio.Event()
        except BaseException:
            ticket.gone = True
            self._call_next()
            raise
        heapq.heappop(self._queue)
        if counted and self._spacing:
            self._next_slot = max(self._next_slot, anyio.current_time()) + self._spacing
        self._in_flight[ticket.number] = anyio.current_time()
        self._call_next()
        return Admission(call, ticket.number, self._closures)

    def limited(self, admission: Admission, hint: float | None) -> float:
        """A 429 came: closes the gate for everyone; returns the seconds until it reopens."""
        if admission.call is Call.POLL:
            self._polls_are_known_to_count()
        if admission.closures == self._closures:
            # Of many requests that met the same limit together, only the first is news.
            self._closures += 1
            self._closed_in_a_row += 1
        wait = hint if hint is not None else backoff(self._retry, self._closed_in_a_row)
        self._opens_at = max(self._opens_at, anyio.current_time() + max(wait, _SHORTEST_CLOSURE))
        self._window = 1
        return self.closed_for

    def _polls_are_known_to_count(self) -> None:
        """From now on everybody is served in the order of coming, those who wait already included."""
        self._polls_count = True
        for ticket in self._queue:
            ticket.rank = 0
        heapq.heapify(self._queue)

    def answered(self, admission: Admission) -> None:
        """An answer other than 429 came: the gate opens further, if it was asked since it closed."""
        if admission.closures != self._closures:
            return
        self._closed_in_a_row = 0
        if self._window is not None:
            self._window *= 2
            if self._window > _OPEN_FROM:
                self._window = None

    def left(self, admission: Admission) -> None:
        """A request that was admitted is over, however it ended."""
        del self._in_flight[admission.number]
        self._call_next()

    def _turn_at(self, ticket: _Ticket, *, counted: bool) -> float:
        """When the ticket's request may leave, as far as is known now."""
        if self._head() is not ticket:
            return float("inf")
        opens_at = max(self._opens_at, self._next_slot) if counted else self._opens_at
        return max(opens_at, self._has_room_at())

    def _has_room_at(self) -> float:
        """When the reopening gate has room for one more, if no answer comes earlier."""
        if self._window is None or len(self._in_flight) < self._window:
            return 0.0
        latest = sorted(self._in_flight.values())[-self._window :]
        return latest[0] + _PROBE

    def _head(self) -> _Ticket | None:
        while self._queue and self._queue[0].gone:
            heapq.heappop(self._queue)
        return self._queue[0] if self._queue else None

    def _call_next(self) -> None:
        head = self._head()
        if head is not None:
            head.turn.set()
