"""How long a 429 closes the way, and what the episode of 429s has shown when a request is accepted again.

Without a hint, a lone trial leaves after a short wait. Each trial that fails doubles the wait. The waits are
not random: the limit of a minute opens again all at once, at a moment that short waits find soon.
"""

from __future__ import annotations

from ..._config import RetryPolicy
from .state import MINUTE, Closure

# The waits grow up to so many times the first.
_GROWTH = 16.0
# Of a hint, and of a wait while the limit is unknown.
_SHORTEST = 0.5
# A hint of at most so many seconds says nothing: the end of a minute is told in whole seconds, too.
_SHORT_HINT = 3.0
# Once a rate is known, the first trial leaves after so many intervals, but within a second.
_INTERVALS = 5
_EARLIEST_TRIAL = 0.25
_LARGEST_EXPONENT = 30
# A trial is put off to the expected begin of a window if that is at most so many waits away.
_NEAR = 1.5
# A window larger than this no longer bounds the requests in flight.
_OPEN_FROM = 64


def fail(
    closure: Closure,
    *,
    left_at: float,
    now: float,
    hint: float | None,
    rate: float | None,
    window_at: float | None,
    retry: RetryPolicy,
    jitter: float,
) -> None:
    """Closes the way after a 429 that is news: its request had left after the way had opened.

    Args:
        closure: The closure of the kind of call.
        left_at: When the request had left.
        now: When the 429 was received.
        hint: Seconds that the server asked to wait; None if it named no time.
        rate: The believed limit in requests a minute; None if unknown.
        window_at: When the next window of the service is expected to begin; None if unknown.
        retry: The first wait while the limit is unknown, and a bound for the longest.
        jitter: A factor of at least 1.0 for waits without a hint, so that two clients do not stay in step.
    """
    is_first = not closure.is_open_episode
    if is_first:
        closure.is_open_episode = True
        closure.trials = closure.failures = 0
        closure.is_told = False
        closure.told_until = None
        closure.met_at = left_at
    closure.epoch += 1
    closure.window = 1
    closure.trials += 1
    closure.failures += 1
    closure.last_failed_at = left_at
    first, shortest = retry.initial_delay, _SHORTEST
    if rate is not None:
        first, shortest = min(first, max(_EARLIEST_TRIAL, _INTERVALS * MINUTE / rate)), _EARLIEST_TRIAL
    # The exponent is bounded, because a service may refuse for days.
    longest = min(_GROWTH * retry.initial_delay, retry.max_delay)
    wait = min(longest, first * 2.0 ** min(closure.failures - 1, _LARGEST_EXPONENT)) * jitter
    if hint is not None:
        shortest = _SHORTEST
        closure.is_told = True
        closure.told_until = now + hint
        # A short hint may have been too early before: then it counts no more than a wait of the client's own.
        wait = hint if is_first or hint > _SHORT_HINT else max(hint, wait)
    elif window_at is not None and _EARLIEST_TRIAL <= window_at - now <= _NEAR * wait:
        wait, closure.failures = window_at - now, 0
    closure.opens_at = max(closure.opens_at, now + max(shortest, wait))


def prolong(closure: Closure, *, now: float, hint: float | None) -> None:
    """Keeps the way closed for a hint of a 429 that is no news: its request had left before the closure."""
    closure.window = 1
    if hint is not None:
        closure.opens_at = max(closure.opens_at, now + max(_SHORTEST, hint))


def widen(closure: Closure) -> None:
    """Lets more requests be in flight, because a request of this epoch was accepted."""
    if closure.window is not None:
        closure.window *= 2
        if closure.window > _OPEN_FROM:
            closure.window = None


def is_sure(closure: Closure, accepted_at: float) -> bool:
    """Whether the limit was used up. A lone 429 whose next request is accepted at once may be an accident.

    Args:
        closure: The closure, whose episode ends.
        accepted_at: When the request had left that was accepted.
    """
    return closure.trials >= 2 or (closure.is_told and accepted_at - closure.last_failed_at > _SHORT_HINT)


def shows_phase(closure: Closure, accepted_at: float) -> bool:
    """Whether the moment of the first accepted request is the begin of a window, to within a few seconds."""
    return closure.is_told or accepted_at - closure.last_failed_at < _SHORT_HINT


def lasted(closure: Closure) -> tuple[float, float]:
    """The stretch of time in which the way was certainly closed: from the first 429 to the last trial.

    A told time is believed to within two seconds.
    """
    end = closure.last_failed_at
    if closure.told_until is not None:
        end = max(end, closure.told_until - 2.0)
    return closure.met_at, end
