"""When to poll a job next, and when to believe that the service has forgotten the job."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

ENDS_POLLING = (ConfigurationError,)
"""The errors of a poll that the next poll would only repeat. They say nothing about the state of the job."""

REFUSALS = (AuthenticationError, PermissionDeniedError)
"""The errors of a poll that this key may not make. A firewall, or a login service, can refuse for a while."""

_UNREADABLE_RESPONSES = 3
_MISSING_RESPONSES = 3
_MISSING_INTERVALS = 2
_MISSING_SECONDS = 30.0
# The times between polls are whole intervals, except for rounding errors of the clock.
_ROUNDING = 1e-6
_REFUSED_REPEATS = 3
_REFUSED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class PollHistory:
    """The results of the latest polls of one job. A plain value: a fleet stores it in a row.

    Attributes:
        failures: How many polls in a row returned no state. A 429 is not counted.
        missing: How many polls in a row were answered "no such job". A 429 is not counted.
        missing_since: When the first of the polls in `missing` was answered; None if there is none.
        was_answered: Whether a poll has returned the state of the job.
        refused: How many polls in a row were refused for this key. A 429 is not counted.
        refused_since: When the first of the polls in `refused` was answered; None if there is none.
        unreadable: How many polls since the last state were answered COMPLETED without a usable picture.
    """

    failures: int = 0
    missing: int = 0
    missing_since: float | None = None
    was_answered: bool = False
    refused: int = 0
    refused_since: float | None = None
    unreadable: int = 0


def next_poll(
    history: PollHistory,
    seen: SwapStatus | SwapError,
    *,
    policy: PollPolicy,
    retry: RetryPolicy,
    now: float,
    hint: float = 0.0,
    may_pass: bool = False,
) -> tuple[float | None, PollHistory]:
    """When to poll again, and the history after this poll. Only the jitter of a backoff is random.

    Args:
        history: The history before this poll.
        seen: The state, or the error of the poll: none of `ENDS_POLLING`.
        policy: When to poll.
        retry: How long to back off. A failed poll never shortens the interval, so that an outage adds no
            load.
        now: When the poll ended, on the clock of `missing_since`.
        hint: Seconds that the server asks to wait; 0.0 if it does not ask.
        may_pass: Whether a refusal names a passing cause, such as a firewall that asks for a browser.

    Returns:
        Seconds until the next poll, and the new history. None instead of seconds: do not poll again. After
        one of `REFUSALS`, the key may not poll: at once if no poll of the job was ever answered, else after
        three repetitions over 30 s. After an `OutputError`, the answer cannot be read: it is asked for three
        times, as its outputs may become visible after its state. Otherwise, the job has expired. For this,
        the service must say three times in a row that it has no such job, over two intervals and over 30 s.
        Before that, the record of the job may not be visible yet, or a gateway may have no back end.
    """
    if isinstance(seen, SwapStatus):
        return policy.interval, PollHistory(was_answered=True)
    if isinstance(seen, RateLimitError):
        # No failure of the job: the gate delays the next poll for as long as the limit lasts.
        return max(policy.interval, hint), history
    # A failed poll ends a row of other failures. What was seen before stays.
    after = replace(
        history, failures=history.failures + 1, missing=0, missing_since=None, refused=0, refused_since=None
    )
    match seen:
        case AuthenticationError() | PermissionDeniedError():
            since = now if history.refused_since is None else history.refused_since
            after = replace(after, refused=history.refused + 1, refused_since=since)
            if not (history.was_answered or history.refused or may_pass):
                return None, after
            if after.refused > _REFUSED_REPEATS and now - since >= _REFUSED_SECONDS - _ROUNDING:
                return None, after
            return max(policy.interval, hint, _REFUSED_SECONDS / _REFUSED_REPEATS), after
        case NotFoundError():
            missing = history.missing + 1
            since = now if history.missing_since is None else history.missing_since
            needed = max(_MISSING_INTERVALS * policy.interval, _MISSING_SECONDS)
            if missing >= _MISSING_RESPONSES and now - since >= needed - _ROUNDING:
                return None, replace(history, missing=missing, missing_since=since)
            after = replace(after, missing=missing, missing_since=since)
        case OutputError():
            after = PollHistory(was_answered=True, unreadable=history.unreadable + 1)
            return None if after.unreadable >= _UNREADABLE_RESPONSES else max(policy.interval, hint), after
    return max(policy.interval, hint, backoff(retry, after.failures)), after


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
