"""Repeats a request that costs nothing until the request is answered."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from .._api.messages import NoResponse, Request, Response
from .._api.responses import error_of_response
from .._api.status_errors import StatusKind
from .._models import Call, SwapJob
from .._policy.patience import first_429_at, is_worth_waiting
from .._policy.retry import Done, Retry, Step, backoff, run_until_done
from .job_errors import errors_of

if TYPE_CHECKING:
    from .session import Session

_ATTEMPTS = 5
_SHORTEST_PAUSE = 0.5


async def request_until_answered(
    session: Session, request: Request, *, job: SwapJob | None = None
) -> Response:
    """Sends a free request until it is answered with a 2xx; a download also with a 3xx.

    A redirect of a download may be followed: the request carries no key.

    Args:
        session: The session.
        request: The request.
        job: The job that the request is about, for the errors and events.

    Raises:
        StatusError: the response is no success, and a repetition cannot help or has failed too often.
            RateLimitError: 429s last longer than the session's timeout.
        ConnectionFailedError: no attempt got a complete response.
    """
    repeated = _RepeatedCall(session, request, job)
    with nullcontext() if job is None else errors_of(job):
        return await run_until_done(repeated.step)


class _RepeatedCall:
    """One free call, and the results of its requests."""

    def __init__(self, session: Session, request: Request, job: SwapJob | None) -> None:
        self._session = session
        self._request = request
        self._job = job
        self._attempts = max(_ATTEMPTS, session.retry.attempts)
        self._requests = 0
        self._failures = 0
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
        return self._failed(response)

    def _rate_limited(self, response: Response) -> Retry:
        session, call = self._session, self._request.call
        now = anyio.current_time()
        self._rate_limited_since = since = first_429_at(self._rate_limited_since, now)
        # Downloads do not pass the gate.
        closed_for = 0.0 if call is Call.DOWNLOAD else session.http.closed_for(call)
        if not is_worth_waiting(since=since, now=now, closed_for=closed_for, timeout=session.timeout):
            raise error_of_response(response, call, self._job)
        # The gate delays the next API request. Downloads need a delay of their own.
        return Retry(max(_SHORTEST_PAUSE, session.retry.max_delay) if call is Call.DOWNLOAD else 0.0)

    def _failed(self, response: Response | NoResponse) -> Retry:
        session, call = self._session, self._request.call
        error = error_of_response(response, call, self._job)
        self._rate_limited_since = None
        self._failures += 1
        if isinstance(response, NoResponse):
            is_transient = not response.is_too_large
        else:
            is_transient = response.kind.is_transient
        if not is_transient or self._failures >= self._attempts:
            raise error
        delay = backoff(session.retry, self._failures)
        session.emit_retry(
            error, call=call, swap=self._request.swap, attempt=self._failures, delay=delay, job=self._job
        )
        return Retry(delay)
