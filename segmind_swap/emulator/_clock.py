"""The account's own time: that of the event loop, unless somebody stops it or puts it forward."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress

import anyio


class Clock:
    """Time for jobs, records, rate limits and the windows of faults; a fault's delay is not part of it.

    Every method may be called from any thread. Where no loop runs to tell the time, a change begins with the
    next look at the clock. ``source`` tells the loop's time: a server puts its own loop's here, which other
    threads can read.
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
        """Seconds; without a pause or an advance, those of the loop."""
        with self._lock:
            return self._now()

    def now_or_none(self) -> float | None:
        """The same, or None where no loop tells the time."""
        try:
            return self.now()
        except anyio.NoEventLoopError:
            return None

    def pause(self) -> None:
        with self._lock:
            self._paused = True
            self._apply_change()

    def resume(self) -> None:
        """Go on from where the clock stands: the pause has taken no time."""
        with self._lock:
            self._paused = False
            self._apply_change()

    def advance(self, seconds: float) -> None:
        """Put the clock forward, whether it runs or stands.

        Raises:
            ValueError: ``seconds`` is negative or no finite number.
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
        """Run with the loop again."""
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
