"""`Gate`: decides when requests may leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .._models import Call


@dataclass(frozen=True, slots=True)
class Admission:
    """One request's permission to leave.

    Attributes:
        call: The kind of request.
        number: Counts a client's requests.
        epoch: How often 429s had closed the gate before. Only the first 429 of an epoch is a new one.
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
        """Whether polls are known to use up the rate limit. If so, the client polls less often."""
        ...

    async def admit(self, call: Call) -> Admission:
        """Waits until a request of this kind may leave, and counts the request as sent.

        If the wait is cancelled, this method must give the turn back: `release` is not called. An exception
        of this method ends the call, and nothing was sent.
        """
        ...

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        """Closes the gate for all requests, because a request was answered 429.

        Must not block: a gate that several processes share informs the other processes in the background.

        Args:
            admission: The request's admission.
            retry_after: Seconds that the server asked to wait; None if it named no time.

        Returns:
            Seconds until requests leave again, which become the `delay` of the event `RateLimited`.
        """
        ...

    def answered(self, admission: Admission) -> None:
        """Records a complete response with any other status than 429. Must not block."""
        ...

    def release(self, admission: Admission) -> None:
        """Ends an admission: its request has ended, or was not sent at all. Must not block."""
        ...
