"""Repeats a request that costs nothing until the request is answered."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from .._api.messages import NoResponse, Request, Response
from .._api.responses import error_of_response
from .._api.retry_after import repeat_hint
from .._api.status_errors import StatusKind
from .._models import Call, SwapJob
from .._policy.patience import first_429_at, is_worth_waiting
from .._policy.retry import Done, Retry, Step, backoff, run_until_done
from .job_errors import errors_of

if TYPE_CHECKING:
    from .session import Session

_ATTEMPTS = 5
_SHORTEST_PAUSE = 0.5
_MISSING = (403, 404)
# A timer of the event loop may fire that much too early.
_ROUNDING = 0.01


async def request_until_answered(
    session: Session, request: Request, *, job: SwapJob | None = None, missing_until: float = -math.inf
) -> Response:
    """Sends a free request until it is answered with a 2xx; a download also with a 3xx.

    A redirect of a download may be followed: the request carries no key.

    Args:
        session: The session.
        request: The request.
        job: The job that the request is about, for the errors and events.
        missing_until: Until when a 403 or 404 may still pass, on the clock of the event loop.

    Raises:
        StatusError: the response is no success, and a repetition cannot help or has failed too often.
            RateLimitError: 429s last longer than the session's timeout.
        ConnectionFailedError: no attempt got a complete response.
    """
    repeated = _RepeatedCall(session, request, job, missing_until)
    with nullcontext() if job is None else errors_of(job):
        return await run_until_done(repeated.step)


class _RepeatedCall:
    """One free call, and the results of its requests."""

    def __init__(self, session: Session, request: Request, job: SwapJob | None, missing_until: float) -> None:
        self._session = session
        self._request = request
        self._job = job
        self._missing_until = missing_until
        self._attempts = max(_ATTEMPTS, session.retry.attempts)
        self._requests = 0
        self._failures = 0
        self._missing = 0
        self._rate_limited_since: float | None = None

    async def step(self) -> Step[Response]:
        """Sends the request once."""
        self._requests += 1
        response = await self._session.http.request(replace(self._request, attempt=self._requests))
        if isinstance(response, Response):
            is_download = self._request.call is Call.DOWNLOAD
            if response.ok or (is_download and response.kind is StatusKind.REDIRECT):
                return Done(response)
            if response.kind is StatusKind.RATE_LIMITED:
                return self._rate_limited(response)
            if response.status_code in _MISSING and self._missing_for > _ROUNDING:
                return self._not_there_yet(response)
        return self._failed(response)

    def _rate_limited(self, response: Response) -> Retry:
        session, call = self._session, self._request.call
        now = anyio.current_time()
        self._rate_limited_since = since = first_429_at(self._rate_limited_since, now)
        # The gate delays the next API request. Downloads do not pass the gate, so they need a delay of their
        # own.
        delay, closed_for = 0.0, 0.0
        if call is Call.DOWNLOAD:
            hint = repeat_hint(response, datetime.now(UTC))
            delay = closed_for = max(_SHORTEST_PAUSE, hint or session.retry.max_delay)
        else:
            closed_for = session.http.closed_for(call)
        if not is_worth_waiting(since=since, now=now, closed_for=closed_for, timeout=session.timeout):
            raise error_of_response(response, call, self._job)
        return Retry(delay)

    @property
    def _missing_for(self) -> float:
        """Seconds for which the file may still be missing."""
        return self._missing_until - anyio.current_time()

    def _not_there_yet(self, response: Response) -> Retry:
        """Waits for a file that a server of copies does not have yet. It counts as no failure."""
        self._missing += 1
        delay = max(_SHORTEST_PAUSE, backoff(self._session.retry, self._missing))
        return self._retry(response, self._missing, min(delay, self._missing_for))

    def _failed(self, response: Response | NoResponse) -> Retry:
        session, call = self._session, self._request.call
        self._rate_limited_since = None
        self._failures += 1
        if isinstance(response, NoResponse):
            is_transient = not response.is_too_large
        else:
            is_transient = response.kind.is_transient
        if not is_transient or self._failures >= self._attempts:
            raise error_of_response(response, call, self._job)
        return self._retry(response, self._failures, backoff(session.retry, self._failures))

    def _retry(self, response: Response | NoResponse, attempt: int, delay: float) -> Retry:
        """Repeats the call after a delay, or later if the server names a later time."""
        session, call = self._session, self._request.call
        delay = max(delay, repeat_hint(response, datetime.now(UTC)))
        session.emit_retry(
            error_of_response(response, call, self._job),
            call=call,
            swap=self._request.swap,
            attempt=attempt,
            delay=delay,
            job=self._job,
        )
        return Retry(delay)
