"""`Gate`: decides when requests may leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .._models import Call, Rate


@dataclass(frozen=True, slots=True)
class Admission:
    """One request's permission to leave.

    Attributes:
        call: The kind of request.
        number: Counts a client's requests.
        epoch: How often 429s had closed the way for this kind of request before. Only the first 429 of an
            epoch is a new one.
        admitted_at: When the permission was given, in seconds on the event loop's clock.
    """

    call: Call
    number: int
    epoch: int
    admitted_at: float


class Gate(Protocol):
    """Decides when requests may leave. A client has one; in a fleet, the gates of all clients share one rate.

    All methods are called on the client's event loop. Only `admit` may wait. Downloads do not pass the gate,
    because they carry no key: no method but `closed_for` is called for them.

    Each admission ends with exactly one `release`. Before that, at most one of `rate_limited` and `answered`
    is called; neither is called if there was no complete response. An exception of these three methods is
    logged and not raised, because the response may belong to a paid call. An exception of `closed_for` is
    logged, too: the gate then counts as open.
    """

    def closed_for(self, call: Call) -> float:
        """Seconds until a request of this kind may leave after a 429; 0.0 if open, and for a download.

        The client uses this estimate to decide if a submit can still be sent before its timeout.
        """
        ...

    @property
    def counts_polls(self) -> bool:
        """Whether polls are believed to use up the rate limit. If so, the client polls less often."""
        ...

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave, and counts the request as sent.

        If the wait is cancelled, this method must give the turn back: `release` is not called. An exception
        of this method ends the call, and nothing was sent.
        """
        ...

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        """Closes the gate for all requests of this kind, because a request was answered 429.

        If polls use up the limit, submits and polls are one kind. Must not block: a gate that several
        processes share informs the other processes in the background.

        Args:
            admission: The request's admission.
            retry_after: Seconds that the server asked to wait; None if it named no time.

        Returns:
            Seconds until such requests leave again, which become the `delay` of the event `RateLimited`.
        """
        ...

    def answered(self, admission: Admission) -> None:
        """Records a complete response with any other status than 429. Must not block."""
        ...

    def release(self, admission: Admission) -> None:
        """Ends an admission: its request has ended, or was not sent at all. Must not block."""
        ...


@runtime_checkable
class RateKeeper(Protocol):
    """What a `Gate` also has if it keeps a belief about the rate limit, which `SwapClient.rate` tells."""

    @property
    def rate_changes(self) -> int:
        """How often the belief has changed. Read after each response, so it must be cheap."""
        ...

    def rate(self) -> Rate:
        """What is believed now."""
        ...

    def believe(self, learned: Rate, *, age: float, is_guess: bool = False) -> None:
        """Starts from what an earlier client has learned. Does nothing if this gate has learned something.

        Args:
            learned: What the earlier client has believed.
            age: Seconds since then.
            is_guess: Whether the belief is a first guess only: it may be about another account.
        """
        ...
