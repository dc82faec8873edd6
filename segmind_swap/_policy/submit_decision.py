"""What the end of one POST means for its swap. The rules that cost money, in one pure function.

A swap may be POSTed again only if the last POST provably never left whole, or if a complete answer says that
it was not taken, or may not have been. Once one POST may have been accepted, the swap is never "refused"
again, whatever comes later.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from .._config import SubmitPolicy


class ReplyKind(Enum):
    """How one POST ended, as far as money is concerned."""

    ACCEPTED = auto()
    """A complete 2xx with a job that can be waited for."""
    UNUSABLE = auto()
    """Any other 2xx: no poll_url, one on a foreign host, not JSON."""
    RATE_LIMITED = auto()
    """A complete 429."""
    UNAUTHORIZED = auto()
    """A complete 401."""
    GATEWAY = auto()
    """A complete 502, 503 or 504: nobody knows whether the job was started."""
    REFUSED = auto()
    """A complete 3xx, 500, or any other 4xx."""
    UNCLEAR = auto()
    """Any other complete answer: 520 to 530 come from proxies that had passed the request on."""
    NONE = auto()
    """No complete answer, for whatever reason."""

    @staticmethod
    def of_status(code: int, *, usable: bool) -> ReplyKind:
        """The reply of a complete answer; `usable` says whether a 2xx holds a trusted job."""
        if 200 <= code < 300:
            return ReplyKind.ACCEPTED if usable else ReplyKind.UNUSABLE
        match code:
            case 429:
                return ReplyKind.RATE_LIMITED
            case 401:
                return ReplyKind.UNAUTHORIZED
            case 502 | 503 | 504:
                return ReplyKind.GATEWAY
            case 500:
                return ReplyKind.REFUSED
            case _:
                return ReplyKind.REFUSED if 300 <= code < 500 else ReplyKind.UNCLEAR


class Action(Enum):
    """What to do next."""

    ACCEPT = auto()
    """There is a job: wait for it."""
    BACK_OFF = auto()
    """POST again, after a backoff."""
    AWAIT_GATE = auto()
    """POST again, when the rate limit allows."""
    SWITCH_AUTH = auto()
    """POST again at once, with the other scheme."""
    REFUSE = auto()
    """End: it was provably not accepted, and the answer says why."""
    NOT_SENT = auto()
    """End: it never left whole."""
    UNKNOWN = auto()
    """End: it may have been accepted. A person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What came before the end of this POST.

    Attributes:
        in_doubt: How many earlier POSTs of the swap may have been accepted.
        attempts_left: Whether the policy allows another POST.
        may_wait: Whether there is time left to wait for the rate limit.
        other_scheme: Whether there is another auth scheme to try: none is confirmed yet, and this swap has
            not switched before.
    """

    in_doubt: int = 0
    attempts_left: bool = True
    may_wait: bool = True
    other_scheme: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision.

    Attributes:
        in_doubt: How many POSTs of the swap may have been accepted by now, not counting the job of ACCEPT.
    """

    action: Action
    in_doubt: int


def decide(reply: ReplyKind, *, sent: bool, policy: SubmitPolicy, past: Past) -> Decision:
    """What to do after a POST that ended in `reply`; `sent` says whether its last byte may have left."""
    doubts = past.in_doubt
    refuse = Action.UNKNOWN if doubts else Action.REFUSE
    match reply:
        case ReplyKind.ACCEPTED:
            return Decision(Action.ACCEPT, doubts)
        case ReplyKind.UNUSABLE:
            return Decision(Action.UNKNOWN, doubts + 1)
        case ReplyKind.RATE_LIMITED:
            return Decision(Action.AWAIT_GATE if past.may_wait else refuse, doubts)
        case ReplyKind.UNAUTHORIZED:
            return Decision(Action.SWITCH_AUTH if past.other_scheme else refuse, doubts)
        case ReplyKind.REFUSED:
            return Decision(refuse, doubts)
        case ReplyKind.GATEWAY if sent:
            again = policy == "documented" and past.attempts_left
            return Decision(Action.BACK_OFF if again else Action.UNKNOWN, doubts + 1)
        case ReplyKind.UNCLEAR | ReplyKind.NONE if sent:
            return Decision(Action.UNKNOWN, doubts + 1)
        case ReplyKind.GATEWAY | ReplyKind.UNCLEAR | ReplyKind.NONE if past.attempts_left:
            return Decision(Action.BACK_OFF, doubts)
        case ReplyKind.GATEWAY | ReplyKind.UNCLEAR:
            return Decision(refuse, doubts)
        case ReplyKind.NONE:
            return Decision(Action.UNKNOWN if doubts else Action.NOT_SENT, doubts)
        case _:
            assert_never(reply)
