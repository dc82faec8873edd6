"""When to poll a job next, and when to believe that the service has forgotten the job."""

from __future__ import annotations

from dataclasses import dataclass

from .._config import PollPolicy, RetryPolicy
from .._errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    RateLimitError,
    SwapError,
)
from .._models import SwapStatus
from .durations import Durations
from .retry import backoff

ENDS_POLLING = (AuthenticationError, ConfigurationError, PermissionDeniedError)
"""The errors of a poll that the next poll would only repeat. They say nothing about the state of the job."""

_UNREADABLE_RESPONSES = 3
_MISSING_RESPONSES = 3
_MISSING_INTERVALS = 2
_MISSING_SECONDS = 30.0
# The times between polls are whole intervals, except for rounding errors of the clock.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class PollHistory:
    """The results of the latest polls of one job. A plain value: a fleet stores it in a row.

    Attributes:
        failures: How many polls in a row returned no state. A 429 is not counted.
        missing: How many polls in a row were answered "no such job". A 429 is not counted.
        missing_since: When the first of the polls in `missing` was answered; None if there is none.
        unreadable: How many polls since the last state were answered COMPLETED without a usable picture.
    """

    failures: int = 0
    missing: int = 0
    missing_since: float | None = None
    unreadable: int = 0


def next_poll(
    history: PollHistory, seen: SwapStatus | SwapError, *, policy: PollPolicy, retry: RetryPolicy, now: float
) -> tuple[float | None, PollHistory]:
    """When to poll again, and the history after this poll. Only the jitter of a backoff is random.

    Args:
        history: The history before this poll.
        seen: The state, or the error of the poll: none of `ENDS_POLLING`.
        policy: When to poll.
        retry: How long to back off. A failed poll never shortens the interval, so that an outage adds no
            load.
        now: When the poll ended, on the clock of `missing_since`.

    Returns:
        Seconds until the next poll, and the new history. None instead of seconds: the job has expired, or its
        answer cannot be read. To be expired, the service must say three times in a row that it has no such
        job, over two intervals and over 30 s. Before that, the record of the job may not be visible yet, or a
        gateway may have no back end. An answer that cannot be read is asked for three times: its outputs may
        become visible after its state.
    """
    match seen:
        case SwapStatus():
            return policy.interval, PollHistory()
        case RateLimitError():
            # No failure of the job: the gate delays the next poll for as long as the limit lasts.
            return policy.interval, history
        case NotFoundError():
            missing = history.missing + 1
            since = now if history.missing_since is None else history.missing_since
            needed = max(_MISSING_INTERVALS * policy.interval, _MISSING_SECONDS)
            if missing >= _MISSING_RESPONSES and now - since >= needed - _ROUNDING:
                return None, PollHistory(history.failures, missing, since, history.unreadable)
            after = PollHistory(history.failures + 1, missing, since, history.unreadable)
        case OutputError():
            unreadable = history.unreadable + 1
            after = PollHistory(unreadable=unreadable)
            return None if unreadable >= _UNREADABLE_RESPONSES else policy.interval, after
        case _:
            after = PollHistory(history.failures + 1, unreadable=history.unreadable)
    return max(policy.interval, backoff(retry, after.failures)), after


def first_poll_age(policy: PollPolicy) -> float:
    """The age of a job at its first poll, in seconds since the acceptance, as the policy says."""
    return policy.interval if policy.first_after is None else policy.first_after


def learned_first_poll_age(
    policy: PollPolicy, durations: Durations, *, conservative: bool, is_scarce: bool = False
) -> float:
    """The age of a job at its first poll, in seconds, estimated from the durations of other jobs.

    Args:
        policy: When to poll.
        durations: The durations of other jobs.
        conservative: Whether to expect a slow job while little is known.
        is_scarce: Whether polls use up the rate limit.
    """
    early = durations.first_poll_age(is_scarce=is_scarce) if policy.learn else None
    if early is None and conservative and policy.learn and policy.first_after is None:
        early = durations.conservative
    return first_poll_age(policy) if early is None else max(policy.interval, early)
