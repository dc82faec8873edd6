"""The seams: what another implementation may replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ._errors import SwapError
from ._models import Call, SwapJob, SwapResult
from ._outcome import OutcomeState


@dataclass(frozen=True, slots=True)
class Admission:
    """One request's permission to leave.

    Attributes:
        call: What it is.
        number: Counts a client's requests.
        epoch: How often 429s had closed the gate before. It tells a new 429 from one of the same epoch.
        left_at: When it was given, on the event loop's clock.
    """

    call: Call
    number: int
    epoch: int
    left_at: float


class Gate(Protocol):
    """Decides when requests may leave. A client has one; in a fleet, the gates of all clients share one rate.

    All methods are called on the client's event loop. Only `admit` may wait. Downloads do not pass the gate,
    because they carry no key: no method but `closed_for` is called for them.

    Each admission ends with exactly one `release`. Before that, at most one of `rate_limited` and `answered`
    is called: neither, if no complete response came. What these three methods raise is logged and dropped,
    because the response may belong to a paid call.
    """

    def closed_for(self, call: Call) -> float:
        """Seconds until a request of this kind may leave again after a 429; 0.0 if the gate is open.

        An estimate: it decides if a submit can still be sent before its timeout. For a download it is 0.0.
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

        Must not block: a gate that is shared by several processes tells the others in the background.

        Args:
            admission: The request's admission.
            retry_after: Seconds that the server asked to wait; None if it named no time.

        Returns:
            Seconds until requests leave again; they are the `delay` of the event `RateLimited`.
        """
        ...

    def answered(self, admission: Admission) -> None:
        """A request had a complete response with any other status than 429. Must not block."""
        ...

    def release(self, admission: Admission) -> None:
        """A request has ended, or was not sent at all. Must not block."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row.

    Attributes:
        posts: How many POSTs of the swap may have been accepted, the job's own included.
    """

    number: int
    id: str
    fingerprint: str
    reference: str
    scene: str
    state: OutcomeState
    run: int
    posts: int
    job: SwapJob | None
    result: SwapResult | None
    error: SwapError | None


class SubmitRecord(Protocol):
    """Between two of its calls a crash leaves what the first of them told."""

    async def intend(self, in_doubt: int) -> None:
        """Awaited before each POST, when nothing is left to wait for but the network.

        `in_doubt` is how many earlier POSTs of the swap may have been accepted. What it raises ends the
        submit: this POST is not sent.
        """

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Awaited after each POST, before anybody hears of it: the job, or how many may have been accepted.

        Must not raise: nobody could take the answer back.
        """

    def withdrawn(self, in_doubt: int) -> None:
        """Nothing left of the POST that `sending` was awaited for, and nothing will."""


class NoRecord:
    """Keeps none."""

    async def intend(self, in_doubt: int) -> None:
        pass

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        pass

    def withdrawn(self, in_doubt: int) -> None:
        pass
