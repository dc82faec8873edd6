"""Free calls: whatever costs nothing is asked again until it is answered."""

from __future__ import annotations

import anyio

from ._errors import ConnectionFailedError, StatusError, SwapError
from ._events import RetryScheduled, tell
from ._http import Http
from ._models import SwapJob
from ._retry import Again, Done, backoff, repeat
from ._session import Session
from ._wire import Answer, Call, NoAnswer, Request, credits_request, refusal

_ATTEMPTS = 5
_SHORTEST_PAUSE = 0.5
_PASSING = frozenset({408, 425, 500, 502, 503, 504})


async def ask(session: Session, request: Request, *, job: SwapJob | None = None) -> Answer:
    """A 2xx answer to a free call; to a download, which has no key to lose, also a 3xx.

    Raises:
        StatusError: the answer says no, or kept failing; RateLimitError when 429s outlast the timeout.
        ConnectionFailedError: no answer came, as often as was asked.
    """
    attempts = max(_ATTEMPTS, session.retry.attempts)
    failures = 0
    limited_since: float | None = None

    async def step() -> Done[Answer] | Again:
        nonlocal failures, limited_since
        answer = await send(session, request)
        redirects = request.call is Call.DOWNLOAD
        if isinstance(answer, Answer) and (answer.ok or (redirects and 300 <= answer.status_code < 400)):
            return Done(answer)
        error = complaint(answer, request.call)
        if isinstance(answer, Answer) and answer.status_code == 429:
            limited_since = anyio.current_time() if limited_since is None else limited_since
            closed_for = 0.0 if request.call is Call.DOWNLOAD else session.http.closed_for
            lasts = anyio.current_time() - limited_since + closed_for
            if lasts > session.timeout:
                raise error
            # The gate makes the next one wait; a picture's host has no gate of ours.
            delay = max(_SHORTEST_PAUSE, session.retry.max_delay) if request.call is Call.DOWNLOAD else 0.0
        else:
            limited_since = None
            failures += 1
            passing = not isinstance(answer, Answer) or answer.status_code in _PASSING
            if not passing or failures >= attempts:
                raise error
            delay = backoff(session.retry, failures)
            tell(
                session.on_event,
                RetryScheduled(
                    call=request.call,
                    id=None,
                    job=job,
                    attempt=failures,
                    delay=delay,
                    cause=str(error),
                    status_code=answer.status_code if isinstance(answer, Answer) else None,
                ),
            )
        return Again(delay)

    try:
        return await repeat(step)
    except SwapError as exc:
        exc.job = job
        raise


async def send(session: Session, request: Request) -> Answer | NoAnswer:
    """One attempt at a free call, with the key unless it is for a picture."""
    if request.call is not Call.DOWNLOAD:
        return await session.http.call(request)
    async with await session.http.enter(request.call) as place:
        return await place.attempt(request, None)


async def unanswered(http: Http) -> str | None:
    """Asks for the account's credits, once: None if the service is there, else what happened instead."""
    answer = await http.call(credits_request(http.service))
    if isinstance(answer, Answer) and answer.status_code < 500:
        return None
    return str(complaint(answer, Call.CREDITS))


def complaint(answer: Answer | NoAnswer, call: Call) -> StatusError | ConnectionFailedError:
    """The typed error of a free call that did not succeed."""
    if isinstance(answer, Answer):
        return refusal(answer, call)
    return ConnectionFailedError(f"the {call} got no answer: {answer.reason}")
