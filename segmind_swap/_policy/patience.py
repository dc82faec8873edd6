"""How long 429s in a row may last before a call fails. All times are seconds on one clock."""

from __future__ import annotations


def first_429_at(since: float | None, now: float) -> float:
    """When the first of the 429s in a row was received.

    Args:
        since: The time that this function returned for the previous response; None if that was no 429.
        now: The current time: a 429 has just been received.
    """
    return now if since is None else since


def is_worth_waiting(*, since: float, now: float, closed_for: float, timeout: float) -> bool:
    """Whether the rate limit has not lasted, and will not last, longer than a swap may take.

    Args:
        since: When the first of the 429s in a row was received.
        now: The current time.
        closed_for: Seconds until the gate lets the next request leave.
        timeout: Seconds that a swap may take.
    """
    return now - since + closed_for <= timeout
