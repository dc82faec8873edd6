"""Free calls: whatever costs nothing is asked again until it is answered."""

from __future__ import annotations

import anyio

from .._api.messages import NoResponse, Request, Response
from .._api.requests import credits_request
from .._api.responses import refusal
from .._errors import ConnectionFailedError, StatusError, SwapError
from .._events import RetryScheduled
from .._http.client import HttpClient
from .._models import Call, SwapJob
from .._policy.retry import Done, Retry, backoff, run_until_done
from .session import Session

_ATTEMPTS = 5
_SHORTEST_PAUSE = 0.5
_PASSING = frozenset({408, 425, 500, 502, 503, 504})


async def ask(session: Session, request: Request, *, job: SwapJob | None = None) -> Response:
    """A 2xx answer to a free call; to a download, which has no key to lose, also a 3xx.

    Raises:
        StatusError: the answer says no, or kept failing; RateLimitError when 429s outlast the timeout.
        ConnectionFailedError: no answer came, as often as was asked.
    """
    attempts = max(_ATTEMPTS, session.retry.attempts)
    failures = 0
    rate_limited_since: float | None = None

    async def step() -> Done[Response] | Retry:
        nonlocal failures, rate_limited_since
        answer = await send(session, request)
        redirects = request.call is Call.DOWNLOAD
        if isinstance(answer, Response) and (answer.ok or (redirects and 300 <= answer.status_code < 400)):
            return Done(answer)
        error = complaint(answer, request.call)
        if isinstance(answer, Response) and answer.status_code == 429:
            rate_limited_since = anyio.current_time() if rate_limited_since is None else rate_limited_since
            closed_for = 0.0 if request.call is Call.DOWNLOAD else session.http.closed_for
            lasts = anyio.current_time() - rate_limited_since + closed_for
            if lasts > session.timeout:
                raise error
            # The gate makes the next one wait; a picture's host has no gate of ours.
            delay = max(_SHORTEST_PAUSE, session.retry.max_delay) if request.call is Call.DOWNLOAD else 0.0
        else:
            rate_limited_since = None
            failures += 1
            passing = not isinstance(answer, Response) or answer.status_code in _PASSING
            if not passing or failures >= attempts:
                raise error
            delay = backoff(session.retry, failures)
            session.emit(
                RetryScheduled(
                    call=request.call,
                    id=None,
                    job=job,
                    attempt=failures,
                    delay=delay,
                    cause=str(error),
                    status_code=answer.status_code if isinstance(answer, Response) else None,
                ),
            )
        return Retry(delay)

    try:
        return await run_until_done(step)
    except SwapError as exc:
        exc.job = job
        raise


async def send(session: Session, request: Request) -> Response | NoResponse:
    """One attempt at a free call, with the key unless it is for a picture."""
    if request.call is not Call.DOWNLOAD:
        return await session.http.request(request)
    async with await session.http.lease(request.call) as place:
        return await place.send(request, None)


async def probe(http: HttpClient) -> str | None:
    """Asks for the account's credits, once: None if the service is there, else what happened instead."""
    answer = await http.request(credits_request(http.service))
    if isinstance(answer, Response) and answer.status_code < 500:
        return None
    return str(complaint(answer, Call.CREDITS))


def complaint(answer: Response | NoResponse, call: Call) -> StatusError | ConnectionFailedError:
    """The typed error of a free call that did not succeed."""
    if isinstance(answer, Response):
        return refusal(answer, call)
    return ConnectionFailedError(f"the {call} got no answer: {answer.reason}")
