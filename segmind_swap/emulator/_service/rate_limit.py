"""The rate limit: so many requests in each fixed window of a minute."""

import math

RATE_WINDOW = 60.0
"""Seconds: Segmind's limits are stated in requests a minute."""


class RateLimit:
    """At most so many requests in each fixed window of a minute; the first request starts the first."""

    def __init__(self, requests_per_minute: int | None) -> None:
        self._limit = requests_per_minute
        self._window_start: float | None = None
        self._used = 0

    @property
    def requests_per_minute(self) -> int | None:
        return self._limit

    def usage(self, now: float) -> tuple[int, float | None]:
        """How many places of the window are taken, and the seconds to the next; None if none has begun."""
        if self._window_start is None or now >= self._window_start + RATE_WINDOW:
            return 0, None
        return self._used, self._window_start + RATE_WINDOW - now

    def acquire(self, now: float) -> float | None:
        """Take a place in the window, or tell the seconds to the next one; a refused request takes none."""
        if self._limit is None:
            return None
        if self._window_start is None:
            self._window_start = now
        # Whoever waits exactly as long as told must not be early by a rounding error.
        windows_passed = math.floor((now - self._window_start) / RATE_WINDOW + 1e-9)
        if windows_passed:
            self._window_start += windows_passed * RATE_WINDOW
            self._used = 0
        if self._used < self._limit:
            self._used += 1
            return None
        return self._window_start + RATE_WINDOW - now
