"""The rate limit: a number of requests in each fixed window of one minute."""

import math

RATE_WINDOW = 60.0
"""Seconds. Segmind states its limits in requests a minute."""


class RateLimit:
    """At most ``requests_per_minute`` requests in each fixed window.

    The first request starts the first window.
    """

    def __init__(self, requests_per_minute: int | None) -> None:
        self._limit = requests_per_minute
        self._window_start: float | None = None
        self._used = 0

    @property
    def requests_per_minute(self) -> int | None:
        return self._limit

    def usage(self, now: float) -> tuple[int, float | None]:
        """The requests in the current window, and the seconds to the next window.

        (0, None) if no window is open.
        """
        if self._window_start is None or now >= self._window_start + RATE_WINDOW:
            return 0, None
        return self._used, self._window_start + RATE_WINDOW - now

    def acquire(self, now: float) -> float | None:
        """Count a request. None if the request is allowed, else the seconds to the next window.

        A refused request is not counted.
        """
        if self._limit is None:
            return None
        if self._window_start is None:
            self._window_start = now
        # A client that waits exactly the returned seconds must not be too early by a rounding error.
        windows_passed = math.floor((now - self._window_start) / RATE_WINDOW + 1e-9)
        if windows_passed:
            self._window_start += windows_passed * RATE_WINDOW
            self._used = 0
        if self._used < self._limit:
            self._used += 1
            return None
        return self._window_start + RATE_WINDOW - now
