"""Decides when the next request of one client may leave: by the account's rate limit, and after every 429.

The rules are in `_policy.rate`. This module has the queues: it lets the first request of a queue leave
when the rules allow it. A 429 closes the way for the calls of its kind. The way reopens slowly: first for one
request in flight, then for twice as many after each response that is not a 429. So a thousand waiting tasks
do not meet the limit at once.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import anyio

from .._config import RateLimit, RetryPolicy
from .._models import Call, Rate
from .._policy.rate.rules import RateRules
from .._policy.rate.state import Stage
from .._policy.rate.view import adopt, describe
from .._protocols.gate import Admission

# Seconds after which a request without a response no longer fills the window of the reopened gate.
_PROBE = 5.0
# If polls use up the limit, a swap needs about two polls. More polls would delay the next submits. When polls
# are `_LATE` seconds late, enough swaps are in flight, so polls get a larger share.
_POLLS_A_SUBMIT = 2
_LATE_POLLS_A_SUBMIT = 3
_LATE = 20.0
# Waits without a hint are longer by up to this factor, so that two clients of an account lose their step.
_JITTER = 1.2

_COUNTED = (Call.SUBMIT, Call.POLL)


@dataclass(slots=True, eq=False)
class _Ticket:
    """A request that waits in a queue.

    Attributes:
        call: The kind of request.
        queued_at: When the request began to wait.
        woken: Set to wake the task that waits; None until the task sleeps.
        cancelled: The task no longer waits, so the ticket must be skipped.
    """

    call: Call
    queued_at: float
    woken: anyio.Event | None = None
    cancelled: bool = False


class LocalGate:
    """The gate of one client, on one event loop. It counts the requests of this client only."""

    def __init__(self, limit: RateLimit, retry: RetryPolicy) -> None:
        self._rules = RateRules(limit, retry)
        self._queues: dict[Call, deque[_Ticket]] = {
            call: deque() for call in Call if call is not Call.DOWNLOAD
        }
        # When each request left that has not ended, oldest first, and how many there are of each kind.
        self._in_flight: dict[int, tuple[Call, float]] = {}
        self._in_flight_of: dict[Call, int] = dict.fromkeys(self._queues, 0)
        # How many requests that count were in flight when the rules began to try more and more.
        self._in_flight_before_growth = 0
        self._polls_in_a_row = 0
        self._is_submits_turn = False
        self._numbers = 0

    def closed_for(self, call: Call) -> float:
        """Seconds until calls of this kind may leave after a 429; 0.0 for a download."""
        if call is Call.DOWNLOAD:
            return 0.0
        return max(0.0, self._rules.closure(call).opens_at - anyio.current_time())

    @property
    def counts_polls(self) -> bool:
        """Whether polls are believed to use up the limit."""
        return self._rules.state.count_polls

    @property
    def rate_changes(self) -> int:
        """How often the believed rate has changed."""
        return self._rules.state.changes

    def rate(self) -> Rate:
        """What is believed of the account's rate limit now."""
        return describe(self._rules, anyio.current_time())

    def believe(self, learned: Rate, *, age: float, is_guess: bool = False) -> None:
        """Starts from what an earlier client has learned, if this client has learned nothing yet."""
        adopt(self._rules, learned, anyio.current_time(), age=age, is_guess=is_guess)
        for call in self._queues:
            self._wake_next(call)

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave."""
        ticket = _Ticket(call, anyio.current_time())
        queue = self._queues[call]
        queue.append(ticket)
        # One moment for both: the belief that polls count may end between two looks at the clock.
        while (at := self._turn_at(ticket, now := anyio.current_time())) > now:
            ticket.woken = anyio.Event()
            try:
                # An absolute deadline: a delay counted from now could end too early by a rounding error.
                with anyio.CancelScope(deadline=at):
                    await ticket.woken.wait()
            except BaseException:
                ticket.cancelled = True
                self._wake_next(call)
                raise
        queue.popleft()
        rules = self._rules
        if rules.counts(call):
            self._note_turn(call, now)
            was_growing = rules.state.stage is Stage.GROW
            rules.leaves(call, now, others_wait=self._head(call) is not None)
            if rules.state.stage is Stage.GROW and not was_growing:
                self._in_flight_before_growth = self._in_flight_with(call)
        self._numbers += 1
        self._in_flight[self._numbers] = call, now
        self._in_flight_of[call] += 1
        self._wake_next(call)
        return Admission(call, self._numbers, rules.closure(call).epoch, now)

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        """Closes the way for the calls of this kind after a 429. Returns the seconds until it reopens."""
        closed_for = self._rules.limited(
            admission.call,
            left_at=admission.admitted_at,
            epoch=admission.epoch,
            now=anyio.current_time(),
            hint=retry_after,
            jitter=random.uniform(1.0, _JITTER),  # noqa: S311 - spreads load, hides nothing
        )
        return max(0.0, closed_for)

    def answered(self, admission: Admission) -> None:
        """Opens the way further after a response that is not a 429, to a request of the current epoch."""
        self._rules.accepted(
            admission.call,
            left_at=admission.admitted_at,
            epoch=admission.epoch,
            now=anyio.current_time(),
        )

    def release(self, admission: Admission) -> None:
        """Ends an admission, however its request ended."""
        del self._in_flight[admission.number]
        self._in_flight_of[admission.call] -= 1
        self._wake_next(admission.call)
        if admission.call in _COUNTED and not self._rules.state.count_polls:
            # The response may have been the one that has shown whether polls count.
            self._wake_next(Call.POLL if admission.call is Call.SUBMIT else Call.SUBMIT)

    def _calls_with(self, call: Call) -> Sequence[Call]:
        """The kinds of call that share a turn with this kind, in the order in which they are served."""
        if call not in _COUNTED or not self._rules.state.count_polls:
            return (call,)
        return (Call.SUBMIT, Call.POLL) if self._is_submits_turn else (Call.POLL, Call.SUBMIT)

    def _in_flight_with(self, call: Call) -> int:
        return sum(self._in_flight_of[other] for other in self._calls_with(call))

    def _note_turn(self, call: Call, now: float) -> None:
        """Chooses the next queue now and keeps that choice.

        A waiter that sleeps until its departure time must not be overtaken meanwhile.
        """
        self._polls_in_a_row = self._polls_in_a_row + 1 if call is Call.POLL else 0
        polls = self._queues[Call.POLL]
        is_late = bool(polls) and now - polls[0].queued_at > _LATE
        most = _LATE_POLLS_A_SUBMIT if is_late else _POLLS_A_SUBMIT
        self._is_submits_turn = self._polls_in_a_row >= most

    def _turn_at(self, ticket: _Ticket, now: float) -> float:
        """When the ticket's request may leave, as known now; infinity while another ticket is first.

        A ticket also looks again when the belief ends that polls count.
        """
        did_count = self._rules.state.count_polls
        ready_at = self._rules.ready_at(ticket.call, now)
        if did_count and not self._rules.state.count_polls:
            # The queues part. The first of the other queue may sleep until this belief would have ended.
            self._wake_next(Call.SUBMIT)
            self._wake_next(Call.POLL)
        if self._head(ticket.call) is not ticket:
            return self._rules.state.count_until or math.inf
        return max(ready_at, self._has_room_at(ticket.call, now))

    def _has_room_at(self, call: Call, now: float) -> float:
        """When there is room for another request in flight, at the latest."""
        total = self._in_flight_with(call)
        if total >= self._rules.most_in_flight(call, now, before_growth=self._in_flight_before_growth):
            return math.inf
        window = self._rules.closure(call).window
        if window is None or total < window:
            return 0.0
        calls = self._calls_with(call)
        oldest_first = (left_at for other, left_at in self._in_flight.values() if other in calls)
        return next(islice(oldest_first, total - window, None)) + _PROBE

    def _head(self, call: Call) -> _Ticket | None:
        """The first ticket of the first queue that is not empty, of the calls that share a turn."""
        for other in self._calls_with(call):
            queue = self._queues[other]
            while queue and queue[0].cancelled:
                queue.popleft()
            if queue:
                return queue[0]
        return None

    def _wake_next(self, call: Call) -> None:
        head = self._head(call)
        if head is not None and head.woken is not None:
            head.woken.set()
