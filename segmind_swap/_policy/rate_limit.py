"""The account's rate limit: as it was given, or as 429s have shown it.

Nobody publishes it, so it is found: what was accepted in the minute before a 429 is the limit, and requests
are spread evenly over the minute from then on. After two quiet minutes 2 % more are tried (or one), and after
each time that this fails, twice as many minutes go by first.
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
# The lowest that any of Segmind's documents names: one 429 in a quiet hour must not make the next one slow.
_LOWEST = 5.0
# Who leaves late does not put off those after it, unless it was later than this.
_SLACK = 0.05
# A limit that lets requests pass again so soon is not counted by the minute.
_SOON = 10.0
# Reset times are told in whole seconds, and by clocks that are a little off.
_TOLERANCE = 2.0


class RateLimitEstimate:
    """What is known of the limit. All moments are on the event loop's clock.

    Attributes:
        count_polls: Whether polls use up the limit, as was said or as a 429 has shown.
        per_minute: Requests a minute; None while nothing is known.
    """

    def __init__(self, given: RateLimit) -> None:
        self.count_polls = given.count_polls
        self.per_minute = given.requests_per_minute
        self._most = given.requests_per_minute
        # What held before more was tried.
        self._proven: float | None = None
        self._accepted: dict[Call, deque[float]] = {Call.SUBMIT: deque(), Call.POLL: deque()}
        self._is_news = False
        self._first_at: float | None = None
        self._met_at: float | None = None
        self._opens_at = 0.0
        self._is_told = self._was_late = False
        self._next_at = self._shift = 0.0
        self._quiet = _QUIET
        self._quiet_since = 0.0

    def counts(self, call: Call) -> bool:
        """Whether such a request uses up the limit."""
        return call is Call.SUBMIT or (call is Call.POLL and self.count_polls)

    def next_at(self, now: float) -> float:
        """When the next request that counts may leave."""
        if self._met_at is not None:
            if now < self._opens_at:
                return self._opens_at
            self._conclude(self._met_at)
        return self._next_at

    def observe_sent(self, now: float) -> None:
        """A request that counts leaves."""
        if self._first_at is None:
            self._first_at = self._quiet_since = now
        if self.per_minute is None:
            return
        self._try_more(now)
        self._next_at = max(self._next_at, now - _SLACK) + (1.0 + self._shift) * MINUTE / self.per_minute
        self._shift = 0.0

    def observe_accepted(self, call: Call, left_at: float) -> None:
        """A request was answered with something else than 429."""
        moments = self._accepted.get(call)
        if moments is None:
            return
        moments.append(left_at)
        # Those of the minute before a 429 are needed until the gate opens again.
        since = (left_at if self._met_at is None else self._met_at) - MINUTE
        while moments and moments[0] <= since:
            moments.popleft()
        self._is_news |= self.counts(call)

    def observe_429(self, call: Call, now: float, opens_at: float, *, is_told: bool) -> None:
        """A 429 came, the first of those that belong together. The gate opens at `opens_at`, perhaps told."""
        if call is Call.POLL and not self.count_polls:
            self.count_polls = self._is_news = True
            self.per_minute = self._proven = None
        if self.counts(call):
            self._met_at, self._opens_at, self._is_told = now, opens_at, is_told

    def _conclude(self, met_at: float) -> None:
        """What a 429 shows, now that the answers to what left before it have come, too."""
        self._met_at = None
        # Straight after a reset, a 429 shows that it was told too early, and no other limit.
        found = self._found(met_at) if self._is_news else None
        if found is not None:
            self._learn(found, met_at)
        self._is_news = False
        self._quiet_since = self._opens_at
        self._next_at = max(self._next_at, self._opens_at)
        # One asks at the very reset. Those after it stay half an interval away from the resets to come, where
        # the least delay would move a request into the minute before or after.
        self._shift = 0.5

    def _found(self, met_at: float) -> float | None:
        count = self._last_minute(met_at)
        first_at = met_at if self._first_at is None else self._first_at
        if self._is_told and first_at > self._opens_at - MINUTE + _TOLERANCE:
            # The minute had begun before: with others, or with this program before it was started again.
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
            # Far fewer submits than were accepted before: unless polls have used up the rest.
            everything = sum(self._last_minute_of(moments, met_at) for moments in self._accepted.values())
            if everything >= _BUSY * known:
                self.count_polls, found = True, everything
        if known is None or found < _BUSY * known or self._is_too_much(known, met_at):
            self.per_minute = min(max(found, _LOWEST), known or math.inf)
        else:
            self.per_minute = known
        self._proven = None

    def _is_too_much(self, known: float, met_at: float) -> bool:
        """Whether what held does no more, but for a trial, or for one that came late in its minute."""
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
