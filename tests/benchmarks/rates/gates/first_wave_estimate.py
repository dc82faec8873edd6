"""The estimate of the limiter of the first wave, as it was, to compare with.

An estimate of the account's rate limit: given by the user, or learned from 429s.

The limit is not published. The requests that were accepted in the minute before a 429 are taken as the limit,
and from then on requests are spread evenly over the minute. After two minutes without a 429, the estimate is
raised by 2 % (at least by one request). After each failed raise, the next raise comes after twice the time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from segmind_swap import RateLimit
from segmind_swap._models import Call

MINUTE = 60.0
_RAISE = 1.02
_BUSY = 0.9
_QUIET = 2 * MINUTE
_LONGEST_QUIET = 32 * MINUTE
# The lowest limit in any of Segmind's documents. One 429 in a quiet hour must not slow down the next hour.
_LOWEST = 5.0
# A request that leaves late by at most this does not delay the requests after it.
_SLACK = 0.05
# If the gate opens again within this time, the limit does not belong to a whole minute.
_SOON = 10.0
# Reset times are whole seconds, and the clocks of client and server differ a little.
_TOLERANCE = 2.0


class RateLimitEstimate:
    """The estimate of one client. All times are seconds on the event loop's clock.

    Attributes:
        count_polls: Whether polls use up the limit: given by the user, or shown by a 429 to a poll.
        per_minute: Requests a minute; None while nothing is known.
    """

    def __init__(self, given: RateLimit) -> None:
        self.count_polls = given.count_polls
        self.per_minute = given.requests_per_minute
        self._highest = given.requests_per_minute
        # The estimate before the current raise; None without a raise.
        self._before_raise: float | None = None
        self._accepted: dict[Call, deque[float]] = {Call.SUBMIT: deque(), Call.POLL: deque()}
        self._has_counted = False
        self._first_at: float | None = None
        self._limited_at: float | None = None
        self._opens_at = 0.0
        self._is_announced = self._has_skipped_partial_minute = False
        self._next_at = self._shift = 0.0
        self._quiet = _QUIET
        self._quiet_since = 0.0

    def counts(self, call: Call) -> bool:
        """Whether a request of this kind uses up the limit."""
        return call is Call.SUBMIT or (call is Call.POLL and self.count_polls)

    def next_at(self, now: float) -> float:
        """When the next request that counts may leave."""
        if self._limited_at is not None:
            if now < self._opens_at:
                return self._opens_at
            self._evaluate(self._limited_at)
        return self._next_at

    def observe_sent(self, now: float) -> None:
        """Records that a request that counts is being sent."""
        if self._first_at is None:
            self._first_at = self._quiet_since = now
        if self.per_minute is None:
            return
        self._try_raise(now)
        self._next_at = max(self._next_at, now - _SLACK) + (1.0 + self._shift) * MINUTE / self.per_minute
        self._shift = 0.0

    def observe_accepted(self, call: Call, sent_at: float) -> None:
        """Records a response that is not a 429, to a request that was sent at `sent_at`."""
        times = self._accepted.get(call)
        if times is None:
            return
        times.append(sent_at)
        # The times of the minute before a 429 are needed until the gate opens again.
        since = (sent_at if self._limited_at is None else self._limited_at) - MINUTE
        while times and times[0] <= since:
            times.popleft()
        self._has_counted |= self.counts(call)

    def observe_429(self, call: Call, now: float, opens_at: float, *, is_announced: bool) -> None:
        """Records the first 429 of a series: the gate is closed until `opens_at`.

        Args:
            call: The kind of request that was answered 429.
            now: The current time.
            opens_at: When the gate opens.
            is_announced: Whether the server has named `opens_at`.
        """
        if call is Call.POLL and not self.count_polls:
            self.count_polls = self._has_counted = True
            self.per_minute = self._before_raise = None
        if self.counts(call):
            self._limited_at, self._opens_at, self._is_announced = now, opens_at, is_announced

    def _evaluate(self, limited_at: float) -> None:
        """Evaluates a 429 when the gate opens: the responses to earlier requests have arrived by then."""
        self._limited_at = None
        # A 429 directly after a reset shows only that the announced time was too early.
        measured = self._measured(limited_at) if self._has_counted else None
        if measured is not None:
            self._learn(measured, limited_at)
        self._has_counted = False
        self._quiet_since = self._opens_at
        self._next_at = max(self._next_at, self._opens_at)
        # Send one request exactly at the reset, the following ones half an interval later. A request near a
        # minute boundary could fall into either minute through small delays.
        self._shift = 0.5

    def _measured(self, limited_at: float) -> float | None:
        """The limit that a 429 shows, in requests a minute; None if it shows nothing."""
        count = self._last_minute(limited_at)
        first_at = limited_at if self._first_at is None else self._first_at
        if self._is_announced and first_at > self._opens_at - MINUTE + _TOLERANCE:
            # The minute had begun earlier: other programs, or an earlier run of this program, used up a part.
            if not self._has_skipped_partial_minute:
                self._has_skipped_partial_minute = True
                return None
            if self._opens_at - limited_at < _SOON:
                return count * MINUTE / (self._opens_at - first_at) or None
        return count or None

    def _learn(self, measured: float, limited_at: float) -> None:
        if self._before_raise is not None:
            self._quiet = min(2 * self._quiet, _LONGEST_QUIET)
        estimate = self.per_minute if self._before_raise is None else self._before_raise
        if estimate is not None and measured < _BUSY * estimate and not self.count_polls:
            # Far fewer submits than before were accepted. Polls may have used up the rest of the limit.
            with_polls = sum(self._last_minute_of(times, limited_at) for times in self._accepted.values())
            if with_polls >= _BUSY * estimate:
                self.count_polls, measured = True, with_polls
        if estimate is None or measured < _BUSY * estimate or self._is_too_high(estimate, limited_at):
            self.per_minute = min(max(measured, _LOWEST), estimate or math.inf)
        else:
            self.per_minute = estimate
        self._before_raise = None

    def _is_too_high(self, estimate: float, limited_at: float) -> bool:
        """Whether a 429 contradicts the estimate itself: no raise was tried, and no request was late."""
        quiet = limited_at - self._quiet_since
        return self._before_raise is None and quiet < MINUTE - 0.25 * MINUTE / estimate

    def _last_minute(self, now: float) -> int:
        return sum(
            self._last_minute_of(times, now) for call, times in self._accepted.items() if self.counts(call)
        )

    @staticmethod
    def _last_minute_of(times: Iterable[float], now: float) -> int:
        return sum(now - MINUTE < time <= now for time in times)

    def _try_raise(self, now: float) -> None:
        limit = self.per_minute
        if limit is None or limit == self._highest or now - self._quiet_since < self._quiet:
            return
        if self._last_minute(now) < _BUSY * limit:
            return
        if self._before_raise is not None:
            self._quiet = _QUIET
        self._before_raise = limit
        raised = max(_RAISE * limit, limit + 1)
        self.per_minute = raised if self._highest is None else min(raised, self._highest)
        self._quiet_since = now
