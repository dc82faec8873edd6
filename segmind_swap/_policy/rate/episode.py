"""What an episode of 429s shows of the limit, judged when a request is accepted again."""

from __future__ import annotations

from . import closure as closures
from .state import MINUTE, Closure, RateState, Stage, add

# Isolated 429s: the share of the accepted requests, and the number in a minute, that change nothing.
_NOISE = 0.03
_FEW = 2
_LOUDER = 1.5
# The rate falls only if a second episode shows so within two windows and a bit.
_AGAIN = 150.0
# An episode so soon after the first request: the service's minute had begun before.
_MISSED = 50.0
# The lowest limit in any of Segmind's documents.
_LOWEST = 5.0
_MORE = 0.02
# A rate is not measured over less than this.
_SHORTEST_SAMPLE = 5.0


def more_than(state: RateState) -> float:
    """What is tried above the believed rate at first, in requests a minute."""
    return max(1.0, _MORE * (state.rate or 0.0))


def at_least(rate: float) -> float:
    """The rate, but no less than the lowest limit that is documented."""
    return max(rate, _LOWEST)


def conclude(state: RateState, closure: Closure, accepted_at: float, *, given: float | None) -> None:
    """Ends an episode of requests that count: the first request after it was accepted.

    Args:
        state: The state of the rules.
        closure: The closure of the requests that count.
        accepted_at: When the request had left that was accepted.
        given: The requests a minute that the user has given, which the believed rate never exceeds.
    """
    failed_at = closure.last_failed_at
    most = float(state.accepted(failed_at - MINUTE, failed_at))
    least = state.accepted_before(accepted_at - MINUTE, accepted_at)
    is_sure = closures.is_sure(closure, accepted_at)
    if is_sure:
        if closures.shows_phase(closure, accepted_at):
            _narrow_phase(state, failed_at, accepted_at)
        # The quota was used up, so nothing is made up for. The next requests stay half an interval away
        # from the begin of a window, where a small delay would change the window.
        state.used_up_at = accepted_at
        state.shift = 0.5
        state.next_at = max(state.next_at, accepted_at)
    else:
        if state.rate is not None:
            # The next requests leave at a pace, and need no window besides.
            closure.window = None
            # A sliding log has no room for a request that leaves `_SLACK` seconds early.
            state.next_at = max(state.next_at, accepted_at + MINUTE / state.rate)
        add(state.noise, failed_at, keep=MINUTE)
        measured = _measure_noise(state, failed_at, most, accepted_at, given=given)
        if measured is None:
            return
        most = measured
    if closure.was_busy and most > 0:
        if is_sure and state.rate is not None and most < state.rate and not state.is_guess:
            was_low = state.low_at is not None and failed_at - state.low_at <= _AGAIN
            lower, state.low_at, state.low = state.low, failed_at, most
            if not was_low:
                state.begin_hold(accepted_at)
                return
            most = max(most, lower)
        _believe_bracket(state, least, most, accepted_at, is_sure=is_sure, given=given)
        return
    state.begin_hold(accepted_at)


def _narrow_phase(state: RateState, failed_at: float, accepted_at: float) -> None:
    """Notes that a window of the service began after a request that failed, at the latest with another."""
    if state.phase is not None and state.phase_after is not None:
        shift = MINUTE * round((accepted_at - state.phase) / MINUTE)
        after, at = max(failed_at, state.phase_after + shift), min(accepted_at, state.phase + shift)
        if after < at:
            state.phase_after, state.phase = after, at
            return
    state.phase_after, state.phase = failed_at, accepted_at


def _believe_bracket(
    state: RateState, least: int, most: float, accepted_at: float, *, is_sure: bool, given: float | None
) -> None:
    earlier, state.is_guess = None if state.is_guess else state.rate, False
    state.begin_hold(accepted_at)
    if earlier is not None and least <= earlier <= most:
        return
    if earlier is None:
        reason = "found by a 429"
    elif is_sure:
        reason = "429s showed that the limit is " + ("lower" if most < earlier else "higher")
    else:
        reason = "too many 429s, one at a time"
    state.believe(at_least(most), reason, at_most=given)
    began = accepted_at if state.first_at is None else state.first_at
    if earlier is None and is_sure and accepted_at - began < _MISSED:
        # The service's minute had begun before the first request: the rate is only a part of the limit.
        state.begin_growth(accepted_at, extra=more_than(state))


def _measure_noise(
    state: RateState, failed_at: float, most: float, accepted_at: float, *, given: float | None
) -> float | None:
    """What an isolated 429 shows: None for nothing, else the rate at which requests were accepted."""
    match state.stage:
        case Stage.GROW:
            state.bad += 1
            grown = state.accepted(max(state.since, failed_at - MINUTE), failed_at)
            if state.bad > _NOISE * grown and state.rate is not None:
                more = state.rate + state.extra / 2
                state.believe(more, "more was accepted, until 429s came", at_most=given)
                state.begin_hold(accepted_at)
            return None
        case Stage.LEAN:
            if len(state.noise) > _LOUDER * state.quiet:
                # A sliding log refuses the first request too many at once, a fixed window the last one.
                state.hold = 2 * MINUTE if accepted_at - state.since < MINUTE / 2 else MINUTE
                state.begin_hold(accepted_at)
            return None
        case Stage.HOLD:
            if len(state.noise) <= max(_FEW, _NOISE * most):
                return None
    # What recurs was judged now. More must recur before the rate falls again.
    state.noise.clear()
    open_since = max(failed_at - MINUTE, state.busy_since, state.used_up_at)
    rates = [
        state.accepted(begin, failed_at) * MINUTE / (failed_at - begin)
        for begin in (open_since, max(open_since, state.since))
        if failed_at - begin >= _SHORTEST_SAMPLE
    ]
    return max(rates, default=None)
