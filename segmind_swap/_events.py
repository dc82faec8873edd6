"""What happens, told as frozen records to the one function given as `on_event`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ._errors import SwapError
from ._models import SwapJob, SwapResult, SwapStatus

log = logging.getLogger("segmind_swap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A local picture now has a URL. Free.

    Attributes:
        url: Where it is.
        size_bytes: How large the file was.
    """

    url: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """A POST is about to be sent; it may be charged.

    Attributes:
        id: The caller's name for the swap, or None.
        attempt: Which POST of this swap it is, from 1.
    """

    id: str | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The service has taken the job, and bills it.

    Attributes:
        id: The caller's name for the swap, or None.
        job: The job.
    """

    id: str | None
    job: SwapJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A job was accepted, and is billed, but nobody in this program waits for it any more.

    Attributes:
        job: The job; `wait` for it to have its picture.
    """

    job: SwapJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A poll was answered well.

    Attributes:
        job: The job that was asked about.
        status: What the server said.
        seconds: From the acceptance to now.
    """

    job: SwapJob
    status: SwapStatus
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled:
    """A call did not succeed and will be made again.

    Attributes:
        call: `"submit"`, `"poll"`, `"upload"`, `"credits"` or `"download"`.
        id: The caller's name for the swap, or None.
        job: The job, of a poll or a download; else None.
        attempt: Which attempt failed, from 1.
        delay: Seconds until the next.
        cause: Why, in words.
        status_code: The HTTP status it was answered with; None if there was no answer.
    """

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
        call: The kind of call that met the limit, as in `RetryScheduled`.
        delay: Seconds until requests leave again.
    """

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
        result: The finished swap.
    """

    result: SwapResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A swap ended without a result.

    Attributes:
        id: The caller's name for the swap, or None.
        error: What it ended in; its `job` tells whether the service had accepted it.
    """

    id: str | None
    error: SwapError


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A picture is complete on the disk.

    Attributes:
        result: The swap it belongs to.
        path: The file.
        size_bytes: Its length.
    """

    result: SwapResult
    path: Path
    size_bytes: int


Event: TypeAlias = (
    Uploaded
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


def tell(handler: EventHandler | None, event: Event) -> None:
    """Give `event` to the user's function. What that raises is logged, and never reaches a swap."""
    log.debug("%r", event)
    if handler is None:
        return
    try:
        handler(event)
    except Exception:
        log.exception("on_event raised for %s", type(event).__name__)
