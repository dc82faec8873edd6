"""The clock of an account: the time of the event loop, unless the clock is paused or advanced."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress

import anyio


class Clock:
    """The time of jobs, records, rate limits and the windows of faults.

    A fault's delay uses the event loop's time.

    Every method may be called from any thread. Where no event loop runs, a change takes effect at the next
    reading of the clock. ``source`` returns the time of the event loop. A server sets ``source`` to the time
    of its own loop, which other threads can read.
    """

    def __init__(self) -> None:
        self.source: Callable[[], float] = anyio.current_time
        self._offset = 0.0
        self._paused = False
        self._paused_at: float | None = None
        self._lock = threading.Lock()

    @property
    def paused(self) -> bool:
        return self._paused

    def now(self) -> float:
        """The time in seconds: that of the event loop, if the clock was never paused or advanced."""
        with self._lock:
            return self._now()

    def now_or_none(self) -> float | None:
        """The time in seconds, or None where no event loop runs."""
        try:
            return self.now()
        except anyio.NoEventLoopError:
            return None

    def pause(self) -> None:
        with self._lock:
            self._paused = True
            self._apply_change()

    def resume(self) -> None:
        """Continue at the time at which the clock was paused."""
        with self._lock:
            self._paused = False
            self._apply_change()

    def advance(self, seconds: float) -> None:
        """Advance the clock, whether it runs or is paused.

        Raises:
            ValueError: ``seconds`` is negative or not finite.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds must be a number of at least 0, not {seconds!r}")
        with self._lock:
            self._apply_change()
            if self._paused_at is None:
                self._offset += seconds
            else:
                self._paused_at += seconds

    def reset(self) -> None:
        """Follow the event loop's time again."""
        with self._lock:
            self._offset, self._paused, self._paused_at = 0.0, False, None

    def _apply_change(self) -> None:
        with suppress(anyio.NoEventLoopError):
            self._now()

    def _now(self) -> float:
        now = self.source() + self._offset
        if self._paused:
            if self._paused_at is None:
                self._paused_at = now
            return self._paused_at
        if self._paused_at is not None:
            self._offset += self._paused_at - now
            now, self._paused_at = self._paused_at, None
        return now
