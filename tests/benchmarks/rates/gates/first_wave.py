"""The limiter of the first wave, as it was, to compare with; only its randomness is seeded.

Decides when the next request of one client may leave: by the account's rate limit, and after every 429.

A 429 closes the gate for all requests. The gate reopens slowly: first for one request in flight, then for
twice as many after each response that is not a 429. So a thousand waiting tasks do not meet the limit at
once.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from itertools import islice

import anyio

from segmind_swap import RateLimit
from segmind_swap._models import Call
from segmind_swap._protocols.gate import Admission

from .first_wave_estimate import RateLimitEstimate

_SHORTEST_CLOSURE = 0.5
_LONGEST_BACKOFF = 30.0
# A window larger than this no longer limits the requests in flight.
_OPEN_FROM = 64
# Seconds after which a request without a response no longer fills the window of the reopened gate.
_PROBE = 5.0
# The most submits in flight while the limit is unknown, so that few submits get the first 429 together.
_UNKNOWN = 8
# If polls use up the limit, a swap needs about two polls. More polls would delay the next submits. When polls
# are `_LATE` seconds late, enough swaps are in flight, so polls get a larger share.
_POLLS_A_SUBMIT = 2
_LATE_POLLS_A_SUBMIT = 3
_LATE = 20.0


@dataclass(slots=True, eq=False)
class _Ticket:
    """A request that waits in a queue.

    Attributes:
        queued_at: When the request began to wait.
        woken: Set to wake the task that waits; None until the task sleeps.
        cancelled: The task no longer waits, so the ticket must be skipped.
    """

    queued_at: float
    woken: anyio.Event | None = None
    cancelled: bool = False


class FirstWaveGate:
    """The gate of one client, on one event loop. It counts the requests of this client only."""

    def __init__(self, seed: int) -> None:
        self._limit = RateLimitEstimate(RateLimit())
        self._random = random.Random(seed)
        self._opens_at = 0.0
        self._window: int | None = None
        self._in_flight: dict[int, float] = {}
        self._submits_in_flight = 0
        self._epoch = 0
        self._closed_in_a_row = 0
        self._free_queue: deque[_Ticket] = deque()
        self._poll_queue: deque[_Ticket] = deque()
        self._submit_queue: deque[_Ticket] = deque()
        self._polls_in_a_row = 0
        self._is_submits_turn = False
        self._numbers = 0

    def closed_for(self, call: Call) -> float:
        """Seconds until the gate opens again after a 429; 0.0 if it is open, and for downloads."""
        return 0.0 if call is Call.DOWNLOAD else self._closed_for

    @property
    def counts_polls(self) -> bool:
        """Whether polls are known to use up the limit."""
        return self._limit.count_polls

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave."""
        ticket = _Ticket(anyio.current_time())
        queue = self._queue_of(call)
        queue.append(ticket)
        counts = self._limit.counts(call)
        while (at := self._turn_at(ticket, counts=counts)) > (now := anyio.current_time()):
            ticket.woken = anyio.Event()
            try:
                # An absolute deadline: a delay counted from now could end too early by a rounding error.
                with anyio.CancelScope(deadline=at):
                    await ticket.woken.wait()
            except BaseException:
                ticket.cancelled = True
                self._wake_next()
                raise
            # A 429 may have shown meanwhile that polls use up the limit.
            counts = self._limit.counts(call)
        queue.popleft()
        if counts:
            self._limit.observe_sent(now)
            self._polls_in_a_row = self._polls_in_a_row + 1 if call is Call.POLL else 0
            # Choose the next queue now and keep that choice. A waiter that sleeps until its departure time
            # must not be overtaken meanwhile.
            is_late = bool(self._poll_queue) and now - self._poll_queue[0].queued_at > _LATE
            most = _LATE_POLLS_A_SUBMIT if is_late else _POLLS_A_SUBMIT
            self._is_submits_turn = self._polls_in_a_row >= most
        self._numbers += 1
        self._in_flight[self._numbers] = now
        self._submits_in_flight += call is Call.SUBMIT
        self._wake_next()
        return Admission(call, self._numbers, self._epoch, now)

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        """Closes the gate for all requests after a 429. Returns the seconds until it reopens."""
        now = anyio.current_time()
        is_first = admission.epoch == self._epoch
        if is_first:
            # Many requests may get a 429 together. Only the first 429 starts a new epoch.
            self._epoch += 1
            self._closed_in_a_row += 1
        wait = retry_after if retry_after is not None else self._backoff()
        self._opens_at = max(self._opens_at, now + max(wait, _SHORTEST_CLOSURE))
        self._window = 1
        if is_first or (admission.call is Call.POLL and not self._limit.count_polls):
            self._limit.observe_429(admission.call, now, self._opens_at, is_announced=retry_after is not None)
        return self._closed_for

    def answered(self, admission: Admission) -> None:
        """Opens the gate further after a response that is not a 429, to a request of the current epoch."""
        self._limit.observe_accepted(admission.call, admission.admitted_at)
        if admission.epoch != self._epoch:
            return
        self._closed_in_a_row = 0
        if self._window is not None:
            self._window *= 2
            if self._window > _OPEN_FROM:
                self._window = None

    def release(self, admission: Admission) -> None:
        """Ends an admission, however its request ended."""
        del self._in_flight[admission.number]
        self._submits_in_flight -= admission.call is Call.SUBMIT
        self._wake_next()

    def _backoff(self) -> float:
        return self._random.uniform(0, min(_LONGEST_BACKOFF, 2.0 ** min(self._closed_in_a_row - 1, 62)))

    @property
    def _closed_for(self) -> float:
        return max(0.0, self._opens_at - anyio.current_time())

    def _queue_of(self, call: Call) -> deque[_Ticket]:
        match call:
            case Call.SUBMIT:
                return self._submit_queue
            case Call.POLL:
                return self._poll_queue
            case _:
                return self._free_queue

    def _turn_at(self, ticket: _Ticket, *, counts: bool) -> float:
        """When the ticket's request may leave, as known now; infinity while another ticket is first."""
        if self._head() is not ticket:
            return math.inf
        opens_at = self._opens_at
        if counts:
            opens_at = max(opens_at, self._limit.next_at(anyio.current_time()))
        return max(opens_at, self._has_room_at())

    def _has_room_at(self) -> float:
        """When the window of the reopening gate has room for another request, at the latest."""
        if self._window is None or len(self._in_flight) < self._window:
            return 0.0
        earlier = len(self._in_flight) - self._window
        return next(islice(self._in_flight.values(), earlier, None)) + _PROBE

    def _head(self) -> _Ticket | None:
        """The first ticket of the first queue that is not empty."""
        for queue in self._order():
            while queue and queue[0].cancelled:
                queue.popleft()
            if queue:
                return queue[0]
        return None

    def _order(self) -> tuple[deque[_Ticket], ...]:
        if self._limit.per_minute is None and self._submits_in_flight >= _UNKNOWN:
            return (self._free_queue, self._poll_queue)
        # Calls that do not use up the limit are first: to delay them would only delay results.
        if self._limit.count_polls and self._is_submits_turn:
            return (self._free_queue, self._submit_queue, self._poll_queue)
        return (self._free_queue, self._poll_queue, self._submit_queue)

    def _wake_next(self) -> None:
        head = self._head()
        if head is not None and head.woken is not None:
            head.woken.set()
