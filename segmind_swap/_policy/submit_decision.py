"""Decides what follows after one POST of a swap: the rules that cost money, as one pure function.

A swap may be POSTed again only if the last POST provably never left whole, or if a complete response says
that the swap was not accepted, or may not have been. Once one POST may have been accepted, the swap never
counts as refused again, whatever the later responses say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import assert_never

from .._config import RetryPolicy
from .patience import first_429_at, is_worth_waiting


class ReplyKind(Enum):
    """How one POST ended, as far as money is concerned."""

    ACCEPTED = auto()
    """A complete 2xx with a job that can be waited for."""
    UNUSABLE = auto()
    """Any other 2xx: without a poll_url, with a poll_url on a foreign host, or not JSON."""
    RATE_LIMITED = auto()
    """A complete 429."""
    UNAUTHORIZED = auto()
    """A complete 401."""
    GATEWAY = auto()
    """A complete 502, 503 or 504: nobody knows whether the job was started."""
    REFUSED = auto()
    """A complete 3xx, 500, or any other 4xx."""
    UNCLEAR = auto()
    """Any other complete response: 520 to 530 are sent by proxies that had passed the request on."""
    NONE = auto()
    """No complete response, for whatever reason."""


class Action(Enum):
    """What to do next."""

    ACCEPT = auto()
    """There is a job: wait for it."""
    BACK_OFF = auto()
    """POST again, after a backoff."""
    AWAIT_GATE = auto()
    """POST again, when the rate limit allows."""
    SWITCH_AUTH = auto()
    """POST again at once, with the other auth scheme."""
    REFUSE = auto()
    """End: the swap was provably not accepted, and the response says why."""
    NOT_SENT = auto()
    """End: no POST ever left whole."""
    UNKNOWN = auto()
    """End: the swap may have been accepted. A person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitState:
    """The results of the POSTs of one swap. A plain value: a fleet stores it in a row.

    Attributes:
        in_doubt: How many POSTs may have been accepted, POSTs of other processes included. The POST of the
            job is not counted.
        posts: How many POSTs have ended.
        backoffs: After how many of these POSTs a backoff followed.
        scheme_switched: Whether the swap has tried the other auth scheme.
        rate_limited_since: When the first of the latest 429s in a row was received; None if the last POST
            was answered otherwise.
    """

    in_doubt: int = 0
    posts: int = 0
    backoffs: int = 0
    scheme_switched: bool = False
    rate_limited_since: float | None = None


def decide(
    reply: ReplyKind,
    *,
    sent: bool,
    state: SubmitState,
    policy: RetryPolicy,
    now: float,
    closed_for: float,
    timeout: float,
    other_scheme: bool,
    caller_waits: bool,
) -> tuple[Action, SubmitState]:
    """Returns what to do after one POST, and the state after this POST.

    Args:
        reply: How the POST ended.
        sent: Whether the last byte of the POST may have left.
        state: The state before the POST.
        policy: When to POST again.
        now: The current time, on the clock of `rate_limited_since`.
        closed_for: Seconds until the gate lets the next POST leave.
        timeout: Seconds that a swap may take, and that a 429 may last.
        other_scheme: Whether there is another auth scheme to try.
        caller_waits: Whether the caller still waits for the swap. Without a caller, nothing is sent again.
    """
    since = first_429_at(state.rate_limited_since, now) if reply is ReplyKind.RATE_LIMITED else None
    action, is_in_doubt = _action(
        reply,
        sent=sent,
        had_doubts=state.in_doubt > 0,
        repeats_gateway=policy.submit == "documented",
        may_back_off=caller_waits and state.backoffs + 1 < policy.attempts,
        may_wait=caller_waits
        and since is not None
        and is_worth_waiting(since=since, now=now, closed_for=closed_for, timeout=timeout),
        may_switch=caller_waits and other_scheme and not state.scheme_switched,
    )
    return action, replace(
        state,
        in_doubt=state.in_doubt + is_in_doubt,
        posts=state.posts + 1,
        backoffs=state.backoffs + (action is Action.BACK_OFF),
        scheme_switched=state.scheme_switched or action is Action.SWITCH_AUTH,
        rate_limited_since=since,
    )


def _action(
    reply: ReplyKind,
    *,
    sent: bool,
    had_doubts: bool,
    repeats_gateway: bool,
    may_back_off: bool,
    may_wait: bool,
    may_switch: bool,
) -> tuple[Action, bool]:
    """The action, and whether this POST may have been accepted without a job."""
    refuse = Action.UNKNOWN if had_doubts else Action.REFUSE
    match reply:
        case ReplyKind.ACCEPTED:
            return Action.ACCEPT, False
        case ReplyKind.UNUSABLE:
            return Action.UNKNOWN, True
        case ReplyKind.RATE_LIMITED:
            return Action.AWAIT_GATE if may_wait else refuse, False
        case ReplyKind.UNAUTHORIZED:
            return Action.SWITCH_AUTH if may_switch else refuse, False
        case ReplyKind.REFUSED:
            return refuse, False
        case ReplyKind.GATEWAY if sent:
            return Action.BACK_OFF if repeats_gateway and may_back_off else Action.UNKNOWN, True
        case ReplyKind.UNCLEAR | ReplyKind.NONE if sent:
            return Action.UNKNOWN, True
        case ReplyKind.GATEWAY | ReplyKind.UNCLEAR | ReplyKind.NONE if may_back_off:
            return Action.BACK_OFF, False
        case ReplyKind.GATEWAY | ReplyKind.UNCLEAR:
            return refuse, False
        case ReplyKind.NONE:
            return Action.UNKNOWN if had_doubts else Action.NOT_SENT, False
        case _:
            assert_never(reply)
