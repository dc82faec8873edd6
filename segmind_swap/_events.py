"""Events: frozen records of what a client does, for the functions given as `on_event`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ._errors import SwapError
from ._models import Rate, SwapJob, SwapResult, SwapStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A swap begins in this client: the first event of its number. Nothing was sent yet. Free.

    Also emitted by the first call for a job of another process, with `id` None.

    Attributes:
        swap: Counts the swaps of one client, from 1. The events of one swap share the number.
        id: The caller's name for the swap, or None.
    """

    swap: int
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One HTTP request has ended, with a complete response or without.

    A submit **may be charged** unless the status is a refusal; the other calls are free.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        call: `"submit"`, `"poll"`, `"upload"`, `"credits"`, `"history"` or `"download"`.
        attempt: Counts the attempts of this call, from 1. A free call that is repeated with the other auth
            scheme after a 401 keeps its number.
        status_code: The HTTP status of the response; None if no complete response came.
        queued: Seconds that the request waited for a connection and for the rate limit.
        seconds: Seconds from the start of the request to the end of the response.
        retry_after: Seconds that the server asked to wait; None if it named no time.
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
    """A local image was uploaded. Free.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        url: The URL of the upload.
        size_bytes: The length of the image, in bytes.
    """

    swap: int | None
    url: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """A POST is about to be sent, and may be charged.

    Attributes:
        swap: The number of the swap, as in `Started`.
        id: The caller's name for the swap, or None.
        attempt: Counts the POSTs of this swap, from 1.
    """

    swap: int
    id: str | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The service has accepted the job, and charges for it.

    Attributes:
        swap: The number of the swap, as in `Started`.
        id: The caller's name for the swap, or None.
        job: The job.
    """

    swap: int
    id: str | None
    job: SwapJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A job was accepted and is charged, but the task that waited for the job was cancelled.

    Attributes:
        swap: The number of the swap, as in `Started`.
        job: The job; `SwapClient.wait` can still return its picture.
    """

    swap: int
    job: SwapJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A poll has returned the state of a job. Free.

    Attributes:
        swap: The number of the swap, as in `Started`.
        job: The job.
        status: The state that the server reported.
        seconds: Seconds since the acceptance of the job.
    """

    swap: int
    job: SwapJob
    status: SwapStatus
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled:
    """A call did not succeed and will be repeated.

    Repeating a submit **may charge twice** if the cause is a 502, 503 or 504.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        call: `"submit"`, `"poll"`, `"upload"`, `"credits"`, `"history"` or `"download"`.
        id: The caller's name for the swap, or None.
        job: The job, for a poll or a download; else None.
        attempt: Which attempt failed, from 1.
        delay: Seconds until the next attempt.
        cause: Why the attempt failed, in words.
        status_code: The HTTP status of the response; None if no complete response came.
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
    """The server answered 429: for a while, no request of this kind leaves this client. Free.

    While polls are believed not to use up the limit, submits and polls are two kinds; else they are one.

    Attributes:
        swap: The number of the swap, as in `Started`; None if the call belongs to no swap.
        call: The kind of call that got the 429, as in `RetryScheduled`.
        delay: Seconds until such requests leave again.
    """

    swap: int | None
    call: str
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChanged:
    """The client believes something else of the account's rate limit than before. Free.

    Attributes:
        rate: What the client believes now. `rate.reason` says why.
        previous: The `per_minute` of the belief before; None if the limit was unknown.
    """

    rate: Rate
    previous: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageBegan:
    """The circuit breaker opens: five submits in a row got no response below 500. Free.

    No submit leaves this client until the service answers a free call. Then one submit leaves as a trial. The
    event is emitted again after each free call, and each trial, that is not answered.

    Attributes:
        delay: Seconds until the next free call.
        cause: Why the last submit or the last free call failed, in words.
    """

    delay: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageEnded:
    """The circuit breaker closes: a submit was answered, and further submits may leave. Free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A swap is done. It was charged when its job was accepted.

    Attributes:
        swap: The number of the swap, as in `Started`.
        result: The finished swap.
    """

    swap: int
    result: SwapResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A swap ended without a result, or its picture could not be saved.

    Attributes:
        swap: The number of the swap, as in `Started`.
        id: The caller's name for the swap, or None.
        error: The error of the call or of the outcome. With a `job`, the service had accepted the swap, and
            charges for it.
    """

    swap: int
    id: str | None
    error: SwapError


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A picture is completely on the disk. Free.

    Attributes:
        swap: The number of the swap, as in `Started`.
        result: The finished swap.
        path: The file.
        size_bytes: The length of the file, in bytes.
        media_type: `image/jpeg`, `image/png` or `image/webp`, by the first bytes of the picture. A file that
            was named `out.jpg` may be a PNG: the service chooses the type. Rarely another type, and
            `application/octet-stream` if the first bytes tell none; a warning is logged then.
    """

    swap: int
    result: SwapResult
    path: Path
    size_bytes: int
    media_type: str


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
    | RateChanged
    | OutageBegan
    | OutageEnded
    | Completed
    | Failed
    | Saved
)
"""Any of the records above."""

EventHandler: TypeAlias = Callable[[Event], None]
"""A plain function that gets each event. It runs on the event loop, so it must not block."""

Emit: TypeAlias = Callable[[Event], None]
"""The function to which the parts of a client pass an event. It raises no exception of a handler."""
