"""What happens, told as frozen records to the one function given as `on_event`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ._errors import SwapError
from ._models import SwapJob, SwapResult, SwapStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A swap has begun: the first event of its number. Nothing was sent yet.

    Attributes:
        swap: Counts the swaps of one client, from 1: the events of one swap share the number.
        id: The caller's name for the swap, or None.
    """

    swap: int
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One HTTP request has ended: with a complete response, or without.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        call: `"submit"`, `"poll"`, `"upload"`, `"credits"` or `"download"`.
        attempt: Which request of this call it was, from 1.
        status_code: The HTTP status of the response; None if no complete response came.
        queued: Seconds that the request waited for a connection and for the rate limit.
        seconds: Seconds from sending the request to the end of the response.
        retry_after: Seconds that the server asked to wait; None if it did not.
    """

    swap: int | None
    call: str
    attempt: int
    status_code: int | None
    queued: float
    seconds: float
    retry_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A local picture now has a URL. Free.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        url: Where it is.
        size_bytes: How large the file was.
    """

    swap: int | None
    url: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """A POST is about to be sent; it may be charged.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        id: The caller's name for the swap, or None.
        attempt: Which POST of this swap it is, from 1.
    """

    swap: int
    id: str | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The service has taken the job, and bills it.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        id: The caller's name for the swap, or None.
        job: The job.
    """

    swap: int
    id: str | None
    job: SwapJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A job was accepted, and is billed, but nobody in this program waits for it any more.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        job: The job; `wait` for it to have its picture.
    """

    swap: int
    job: SwapJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A poll was answered well.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        job: The job that was asked about.
        status: What the server said.
        seconds: From the acceptance to now.
    """

    swap: int
    job: SwapJob
    status: SwapStatus
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled:
    """A call did not succeed and will be made again.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        call: `"submit"`, `"poll"`, `"upload"`, `"credits"` or `"download"`.
        id: The caller's name for the swap, or None.
        job: The job, of a poll or a download; else None.
        attempt: Which attempt failed, from 1.
        delay: Seconds until the next.
        cause: Why, in words.
        status_code: The HTTP status it was answered with; None if there was no answer.
    """

    swap: int | None
    call: str
    id: str | None
    job: SwapJob | None
    attempt: int
    delay: float
    cause: str
    status_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """The server answered 429: no request leaves this client for a while.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        call: The kind of call that met the limit, as in `RetryScheduled`.
        delay: Seconds until requests leave again.
    """

    swap: int | None
    call: str
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageBegan:
    """Submits go unanswered: none leaves this client until the service answers a free call again.

    Told again each time the service was asked, and is still away.

    Attributes:
        delay: Seconds until it is asked the next time.
        cause: What the last submit, or the last free call, ended in.
    """

    delay: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageEnded:
    """A submit was answered again, and others follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A swap is done.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        result: The finished swap.
    """

    swap: int
    result: SwapResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A swap ended without a result.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        id: The caller's name for the swap, or None.
        error: What it ended in; its `job` tells whether the service had accepted it.
    """

    swap: int
    id: str | None
    error: SwapError


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A picture is complete on the disk.

    Attributes:
        swap: Counts the swaps of one client: the events of one swap share the number.
        result: The swap it belongs to.
        path: The file.
        size_bytes: Its length.
    """

    swap: int
    result: SwapResult
    path: Path
    size_bytes: int


Event: TypeAlias = (
    Started
    | Exchanged
    | Uploaded
    | Submitting
    | Accepted
    | Abandoned
    | Polled
    | RetryScheduled
    | RateLimited
    | OutageBegan
    | OutageEnded
    | Completed
    | Failed
    | Saved
)
"""Any of the records above."""

EventHandler: TypeAlias = Callable[[Event], None]
"""A plain function that is given each event as it happens, on the event loop: it must not block."""

Emit: TypeAlias = Callable[[Event], None]
"""What a part of the client calls with an event. It never raises."""
