"""An estimate of the account's rate limit: given by the user, or learned from 429s.

The limit is not published. The requests that were accepted in the minute before a 429 are taken as the limit,
and from then on requests are spread evenly over the minute. After two minutes without a 429, the estimate is
raised by 2 % (at least by one request). After each failed raise, the next raise comes after twice the time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from .._config import RateLimit
from .._models import Call

MINUTE = 60.0
_MORE = 1.02
_BUSY = 0.9
_QUIET = 2 * MINUTE
_LONGEST_QUIET = 32 * MINUTE
# The lowest limit in any of Segmind's documents. One 429 in a quiet hour must not slow down the next hour.
_LOWEST = 5.0
# A request that leaves late by at most this does not delay the requests after it.
_SLACK = 0.05
# A limit that opens again within this time is not counted by the minute.
_SOON = 10.0
# Reset times are whole seconds, of clocks that differ a little.
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
        self._most = given.requests_per_minute
        # The estimate before the current raise; None without a raise.
        self._proven: float | None = None
        self._accepted: dict[Call, deque[float]] = {Call.SUBMIT: deque(), Call.POLL: deque()}
        self._has_counted = False
        self._first_at: float | None = None
        self._met_at: float | None = None
        self._opens_at = 0.0
        self._is_announced = self._was_late = False
        self._next_at = self._shift = 0.0
        self._quiet = _QUIET
        self._quiet_since = 0.0

    def counts(self, call: Call) -> bool:
        """Whether a request of this kind uses up the limit."""
        return call is Call.SUBMIT or (call is Call.POLL and self.count_polls)

    def next_at(self, now: float) -> float:
        """When the next request that counts may leave."""
        if self._met_at is not None:
            if now < self._opens_at:
                return self._opens_at
            self._conclude(self._met_at)
        return self._next_at

    def observe_sent(self, now: float) -> None:
        """A request that counts has left."""
        if self._first_at is None:
            self._first_at = self._quiet_since = now
        if self.per_minute is None:
            return
        self._try_more(now)
        self._next_at = max(self._next_at, now - _SLACK) + (1.0 + self._shift) * MINUTE / self.per_minute
        self._shift = 0.0

    def observe_accepted(self, call: Call, left_at: float) -> None:
        """The response to a request that left at `left_at` was not a 429."""
        moments = self._accepted.get(call)
        if moments is None:
            return
        moments.append(left_at)
        # The times of the minute before a 429 are needed until the gate opens again.
        since = (left_at if self._met_at is None else self._met_at) - MINUTE
        while moments and moments[0] <= since:
            moments.popleft()
        self._has_counted |= self.counts(call)

    def observe_429(self, call: Call, now: float, opens_at: float, *, is_announced: bool) -> None:
        """The first 429 of a series came: the gate is closed until `opens_at`.

        Args:
            call: The kind of request that was answered 429.
            now: The current time.
            opens_at: When the gate opens.
            is_announced: Whether the server has named that time.
        """
        if call is Call.POLL and not self.count_polls:
            self.count_polls = self._has_counted = True
            self.per_minute = self._proven = None
        if self.counts(call):
            self._met_at, self._opens_at, self._is_announced = now, opens_at, is_announced

    def _conclude(self, met_at: float) -> None:
        """Evaluates a 429 when the gate opens: the responses to earlier requests have arrived by then."""
        self._met_at = None
        # A 429 directly after a reset shows that the announced time was too early, and no other limit.
        found = self._found(met_at) if self._has_counted else None
        if found is not None:
            self._learn(found, met_at)
        self._has_counted = False
        self._quiet_since = self._opens_at
        self._next_at = max(self._next_at, self._opens_at)
        # Send one request exactly at the reset, the following ones half an interval later. A request near a
        # minute boundary could fall into either minute through small delays.
        self._shift = 0.5

    def _found(self, met_at: float) -> float | None:
        count = self._last_minute(met_at)
        first_at = met_at if self._first_at is None else self._first_at
        if self._is_announced and first_at > self._opens_at - MINUTE + _TOLERANCE:
            # The minute had begun earlier: other programs, or an earlier run of this one, used up a part.
            if not self._was_late:
                self._was_late = True
                return None
            if self._opens_at - met_at < _SOON:
                return count * MINUTE / (self._opens_at - first_at) or None
        return count or None

    def _learn(self, found: float, met_at: float) -> None:
        if self._proven is not None:
            self._quiet = min(2 * self._quiet, _LONGEST_QUIET)
        known = self.per_minute if self._proven is None else self._proven
        if known is not None and found < _BUSY * known and not self.count_polls:
            # Far fewer submits than before were accepted. Polls may have used up the rest of the limit.
            everything = sum(self._last_minute_of(moments, met_at) for moments in self._accepted.values())
            if everything >= _BUSY * known:
                self.count_polls, found = True, everything
        if known is None or found < _BUSY * known or self._is_too_much(known, met_at):
            self.per_minute = min(max(found, _LOWEST), known or math.inf)
        else:
            self.per_minute = known
        self._proven = None

    def _is_too_much(self, known: float, met_at: float) -> bool:
        """Whether the known limit failed: not a raise of it, and not one request late in its minute."""
        return self._proven is None and met_at - self._quiet_since < MINUTE - 0.25 * MINUTE / known

    def _last_minute(self, now: float) -> int:
        return sum(
            self._last_minute_of(moments, now)
            for call, moments in self._accepted.items()
            if self.counts(call)
        )

    @staticmethod
    def _last_minute_of(moments: Iterable[float], now: float) -> int:
        return sum(now - MINUTE < moment <= now for moment in moments)

    def _try_more(self, now: float) -> None:
        limit = self.per_minute
        if limit is None or limit == self._most or now - self._quiet_since < self._quiet:
            return
        if self._last_minute(now) < _BUSY * limit:
            return
        if self._proven is not None:
            self._quiet = _QUIET
        self._proven = limit
        more = max(_MORE * limit, limit + 1)
        self.per_minute = more if self._most is None else min(more, self._most)
        self._quiet_since = now
