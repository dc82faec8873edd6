"""Whether polls use up the rate limit, too. The service does not say; two kinds of evidence show it.

A closure of the polls in which no submit is accepted either shows a limit that both share. So do 429s to many
polls beside a 429 to a submit. Either must be repeated, and the belief is a lease: it ends by itself.
"""

from __future__ import annotations

from . import closure as closures
from .state import MINUTE, Closure, PollEvidence, add, count, forget

# A closure of the polls says something if it lasted so many seconds.
_CLEAR = 5.0
# Two such closures within this time show that polls count.
_AGAIN = 3 * MINUTE
# So many 429s to polls in a minute, and such a share of the polls, show that polls count.
_SEVERAL = 3
_LOSSY = 0.1
_LONGEST_LEASE = 4800.0


def limited_submit(evidence: PollEvidence, left_at: float) -> None:
    """Notes that a submit was answered 429."""
    add(evidence.limited_submits, left_at, keep=_AGAIN)


def limited_poll(evidence: PollEvidence, left_at: float) -> None:
    """Notes that a poll was answered 429, and that this 429 is news."""
    add(evidence.limited_polls, left_at, keep=MINUTE)


def many_polls_are_limited(evidence: PollEvidence, polls: list[float], now: float) -> bool:
    """Whether several polls of the last minute were answered 429, a fair share of all, and a submit, too.

    Args:
        evidence: What was seen.
        polls: When the polls left that were accepted.
        now: The current time.
    """
    forget(evidence.limited_polls, before=now - MINUTE)
    limited = len(evidence.limited_polls)
    answered = limited + count(polls, now - MINUTE, now)
    return (
        limited >= _SEVERAL
        and limited >= _LOSSY * answered
        and count(evidence.limited_submits, now - MINUTE, now) > 0
    )


def closure_shows_it(evidence: PollEvidence, closure: Closure, accepted_at: float) -> bool:
    """Whether a closure of the polls, which ends now, shows that polls count. The second such closure does.

    Args:
        evidence: What was seen.
        closure: The closure of the polls.
        accepted_at: When the poll had left that was accepted.
    """
    begin, end = closures.lasted(closure)
    was_passed = closure.passed_at is not None and closure.passed_at <= end
    if end - begin < _CLEAR or was_passed:
        return False
    if not count(evidence.limited_submits, begin - MINUTE, accepted_at):
        return False
    earlier, evidence.suspected_at = evidence.suspected_at, accepted_at
    return evidence.was_found or (earlier is not None and accepted_at - earlier <= _AGAIN)


def take_lease(evidence: PollEvidence) -> float:
    """Notes that polls were found to count. Returns the seconds that this is believed; longer each time."""
    lease, evidence.lease = evidence.lease, min(2 * evidence.lease, _LONGEST_LEASE)
    evidence.was_found = True
    evidence.suspected_at = None
    evidence.limited_polls.clear()
    return lease
