"""How a service counts: in fixed windows, in a sliding log, or with a bucket of tokens."""

import math
from collections import deque
from typing import Protocol

from .steps import MINUTE, Steps


class Limiter(Protocol):
    """Decides which requests a service accepts."""

    def take(self, now: float) -> bool:
        """Whether a request is accepted; if so, it is counted."""
        ...

    def resets_in(self, now: float) -> float:
        """Seconds until a request is accepted again."""
        ...


class FixedWindow:
    """So many requests in each minute. A change of the limit holds at once, in the running window, too.

    Args:
        limit: Requests a minute.
        begun: For how many seconds the running window had lasted at moment zero.
    """

    def __init__(self, limit: Steps, begun: float = 0.0) -> None:
        self._limit = limit
        self._begun = begun
        self._window = -math.inf
        self._used = 0

    def take(self, now: float) -> bool:
        """Whether the window has room."""
        window = (now + self._begun) // MINUTE
        if window != self._window:
            self._window, self._used = window, 0
        if self._used >= self._limit.at(now):
            return False
        self._used += 1
        return True

    def resets_in(self, now: float) -> float:
        """Seconds until the next window."""
        return MINUTE - (now + self._begun) % MINUTE


class SlidingLog:
    """So many requests in the minute before any moment."""

    def __init__(self, limit: Steps) -> None:
        self._limit = limit
        self._log: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Whether the last minute has room."""
        while self._log and self._log[0] <= now - MINUTE:
            self._log.popleft()
        if len(self._log) >= self._limit.at(now):
            return False
        self._log.append(now)
        return True

    def resets_in(self, now: float) -> float:
        """Seconds until enough of the log is older than a minute."""
        over = len(self._log) - int(self._limit.at(now))
        return max(0.0, self._log[max(0, over)] + MINUTE - now) if self._log else 0.0


class TokenBucket:
    """Tokens that come evenly, of which `burst` are kept at most; a request takes one."""

    def __init__(self, limit: Steps, burst: int) -> None:
        self._limit = limit
        self._burst = burst
        self._tokens = float(burst)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Whether there is a token."""
        self._tokens = min(self._burst, self._tokens + self._limit.between(self._at, now))
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def resets_in(self, now: float) -> float:
        """Seconds until the next token is whole."""
        return max(0.0, 1.0 - self._tokens) * MINUTE / self._limit.at(now)
