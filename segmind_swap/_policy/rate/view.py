"""What the rules of the rate limit believe, as a value for users, and back."""

from __future__ import annotations

from ..._models import Call, Rate
from .rules import RateRules
from .state import Stage

DAY = 86_400.0


def describe(rules: RateRules, now: float) -> Rate:
    """What is believed at the time `now`."""
    state = rules.state
    is_known = state.rate is not None
    next_try_in = None
    if is_known and state.stage is Stage.HOLD and not rules.is_at_most:
        next_try_in = max(0.0, state.since + state.hold - now)
    until = state.count_until
    return Rate(
        per_minute=state.rate,
        trying=rules.trying,
        is_guess=state.is_guess,
        stage=state.stage.value if is_known else "unknown",
        next_try_in=next_try_in,
        closed_for=max(0.0, rules.closure(Call.SUBMIT).opens_at - now),
        count_polls=state.count_polls,
        count_polls_for=max(0.0, until - now) if state.count_polls and until is not None else None,
        limited_ago=None if state.limited_at is None else now - state.limited_at,
        reason=state.reason,
    )


def adopt(rules: RateRules, learned: Rate, now: float, *, age: float, is_guess: bool) -> None:
    """Starts from what an earlier client has learned. Does nothing if these rules have learned something.

    Args:
        rules: The rules.
        learned: What the earlier client has believed.
        now: The current time.
        age: Seconds since then. A belief older than a day is a first guess only.
        is_guess: Whether the belief is a first guess only, for example because the API key is another one.
    """
    state = rules.state
    if state.changes or state.limited_at is not None:
        return
    if learned.count_polls and learned.count_polls_for is not None:
        rules.believe_polls_count(now, until=now + learned.count_polls_for - age)
    # Without the belief that polls count, a rate that both kinds of call have shared is too high a guess.
    is_guess = is_guess or age > DAY or learned.is_guess or learned.count_polls != state.count_polls
    if learned.per_minute is not None:
        rules.believe(learned.per_minute, reason="learned in an earlier run", is_guess=is_guess)
