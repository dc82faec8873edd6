"""When to look at a job next, and when to believe that the service has forgotten it."""

from __future__ import annotations

from .._config import PollPolicy, RetryPolicy
from .durations import Durations
from .retry import backoff

_GONE_ANSWERS = 3
_GONE_INTERVALS = 2
_GONE_SECONDS = 30.0
# Polls come whole intervals apart, but for the last digit of a clock's float.
_ROUNDING = 1e-6


class Schedule:
    """The times of one job's polls. All moments are on the event loop's clock."""

    def __init__(self, policy: PollPolicy, retry: RetryPolicy) -> None:
        self._policy = policy
        self._retry = retry
        self._failures = 0
        self._gone_since = 0.0
        self._gone_answers = 0

    def first(self) -> float:
        """The age at which a job is to be looked at first."""
        policy = self._policy
        return policy.interval if policy.first_after is None else policy.first_after

    def first_learnt(self, durations: Durations, *, cautious: bool, is_scarce: bool = False) -> float:
        """The same, by what other jobs took; `cautious` counts on slow ones as long as little is known."""
        policy = self._policy
        early = durations.first_poll_age(is_scarce=is_scarce) if policy.learn else None
        if early is None and cautious and policy.learn and policy.first_after is None:
            early = durations.conservative
        return self.first() if early is None else max(policy.interval, early)

    def after_answer(self) -> float:
        """The delay after a poll that told the state."""
        self._failures = self._gone_answers = 0
        return self._policy.interval

    def after_failure(self) -> float:
        """The delay after a poll that told nothing: never less than usual, so an outage does not add load."""
        self._gone_answers = 0
        return self._backed_off()

    def after_missing(self, now: float) -> float | None:
        """The delay after a poll answered "no such job"; None once that has to be believed.

        A record may not be visible yet, or a gateway may be lost: it takes three such answers in a row,
        over two intervals and 30 s.
        """
        if self._gone_answers == 0:
            self._gone_since = now
        self._gone_answers += 1
        needed = max(_GONE_INTERVALS * self._policy.interval, _GONE_SECONDS)
        if self._gone_answers >= _GONE_ANSWERS and now - self._gone_since >= needed - _ROUNDING:
            return None
        return self._backed_off()

    def _backed_off(self) -> float:
        self._failures += 1
        return max(self._policy.interval, backoff(self._retry, self._failures))
