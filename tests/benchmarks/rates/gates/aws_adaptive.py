"""The client-side rate limit of AWS's adaptive retry mode, by its published rules.

The rate is measured in buckets of half a second, and smoothed. A throttled response multiplies the rate by
0.7; from there, it grows by CUBIC's curve, with C = 0.4 and seconds as unit of time. A bucket of tokens holds
requests back from the first throttled response on: its rate is never more than twice the measured one, and
never less than one in two seconds.

AWS advises a client for each resource. So submits and polls have a limit each, which helps here. The backoff
of a single request is not part of a gate and is left out. A time that a response names is obeyed.
"""

import itertools
import math

import anyio

from segmind_swap._models import Call
from segmind_swap._protocols.gate import Admission

from .hint_only import AT_ONCE

_SCALE = 0.4
_BETA = 0.7
_SMOOTHING = 0.8
_CLOCK = 0.5
_SLOWEST = 0.5
_SMALLEST_BUCKET = 1.0
_MOST_OF_MEASURED = 2.0


class _Cubic:
    """The curve between two throttled responses. Rates are requests a second."""

    def __init__(self) -> None:
        self._highest = 0.0
        self._inflection = 0.0
        self._throttled_at = 0.0

    def throttled(self, rate: float, now: float) -> float:
        self._highest = rate
        self._inflection = (rate * (1 - _BETA) / _SCALE) ** (1 / 3)
        self._throttled_at = now
        return rate * _BETA

    def succeeded(self, now: float) -> float:
        return _SCALE * (now - self._throttled_at - self._inflection) ** 3 + self._highest


class _Clock:
    """Measures the rate of responses."""

    def __init__(self) -> None:
        self.measured = 0.0
        self._last: float | None = None
        self._count = 0

    def record(self, now: float) -> None:
        bucket = math.floor(now / _CLOCK) * _CLOCK
        self._last = bucket if self._last is None else self._last
        self._count += 1
        if bucket > self._last:
            current = self._count / (bucket - self._last)
            self.measured = current * _SMOOTHING + self.measured * (1 - _SMOOTHING)
            self._count, self._last = 0, bucket


class _Limiter:
    """The limit of one kind of request."""

    def __init__(self) -> None:
        self._cubic = _Cubic()
        self._clock = _Clock()
        self._is_enabled = False
        self._rate = 0.0
        self._size = self._tokens = 0.0
        self._filled_at = 0.0
        self._line = anyio.Lock()
        self._changed = anyio.Event()

    async def acquire(self, opens_at: float) -> None:
        """Waits for a token, first come, first served."""
        async with self._line:
            while True:
                await anyio.sleep_until(opens_at)
                now = anyio.current_time()
                self._fill(now)
                if not self._is_enabled or self._tokens >= 1.0:
                    self._tokens -= self._is_enabled
                    return
                # A little more than needed: rounding must not make this wait for nothing again and again.
                with anyio.move_on_after((1.0 - self._tokens) / self._rate + 1e-6):
                    await self._changed.wait()

    def observe(self, now: float, *, is_throttled: bool) -> None:
        """Adjusts the rate after a response."""
        self._clock.record(now)
        if is_throttled:
            measured = self._clock.measured
            rate = self._cubic.throttled(min(measured, self._rate) if self._is_enabled else measured, now)
            self._is_enabled = True
        else:
            rate = self._cubic.succeeded(now)
        self._fill(now)
        self._rate = max(_SLOWEST, min(rate, _MOST_OF_MEASURED * self._clock.measured))
        self._size = max(_SMALLEST_BUCKET, self._rate)
        self._tokens = min(self._tokens, self._size)
        self._changed.set()
        self._changed = anyio.Event()

    def _fill(self, now: float) -> None:
        if self._is_enabled:
            self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now


class AwsAdaptiveGate:
    """One limit for submits, and one for all else."""

    counts_polls = False

    def __init__(self, seed: int) -> None:
        self._limiters = {True: _Limiter(), False: _Limiter()}
        self._opens_at = dict.fromkeys(self._limiters, 0.0)
        self._submits = anyio.Semaphore(AT_ONCE)
        self._numbers = itertools.count()

    def closed_for(self, call: Call) -> float:
        opens_at = self._opens_at[call is Call.SUBMIT]
        return 0.0 if call is Call.DOWNLOAD else max(0.0, opens_at - anyio.current_time())

    async def admit(self, call: Call) -> Admission:
        is_submit = call is Call.SUBMIT
        if is_submit:
            await self._submits.acquire()
        try:
            await self._limiters[is_submit].acquire(self._opens_at[is_submit])
        except BaseException:
            if is_submit:
                self._submits.release()
            raise
        return Admission(call, next(self._numbers), 0, anyio.current_time())

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        is_submit, now = admission.call is Call.SUBMIT, anyio.current_time()
        self._limiters[is_submit].observe(now, is_throttled=True)
        if retry_after is not None:
            self._opens_at[is_submit] = max(self._opens_at[is_submit], now + retry_after)
        return self.closed_for(admission.call)

    def answered(self, admission: Admission) -> None:
        self._limiters[admission.call is Call.SUBMIT].observe(anyio.current_time(), is_throttled=False)

    def release(self, admission: Admission) -> None:
        if admission.call is Call.SUBMIT:
            self._submits.release()
