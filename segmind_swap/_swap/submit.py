"""The paid half of a swap: POSTs until there is a job, a refusal, or a doubt that a person must resolve."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

import anyio

from .._api.messages import NoResponse, Response, SwapUrls
from .._api.requests import submit_request
from .._api.responses import accepted_job, error_of_response, refusal, request_id_in
from .._api.retry_after import repeat_hint
from .._api.status_errors import StatusKind
from .._api.text import shorten
from .._config import AuthScheme
from .._errors import ConnectionFailedError, SubmissionUnknownError
from .._events import Accepted, Failed, Submitting
from .._http.body import OneShotBody
from .._http.client import Lease
from .._models import Call, SwapJob
from .._policy.retry import Done, Retry, Step, backoff, run_until_done
from .._policy.submit_decision import Action, ReplyKind, SubmitState, decide
from .._protocols.submit_record import NO_RECORD, SubmitRecord
from .caps.spending import paid

if TYPE_CHECKING:
    from .session import Session

log = logging.getLogger("segmind_swap")

# A complete response that is no success, and whose kind is not listed here, is UNCLEAR.
_REPLY_KINDS = {
    StatusKind.RATE_LIMITED: ReplyKind.RATE_LIMITED,
    StatusKind.UNAUTHORIZED: ReplyKind.UNAUTHORIZED,
    StatusKind.GATEWAY: ReplyKind.GATEWAY,
    **dict.fromkeys(
        (
            StatusKind.REDIRECT,
            StatusKind.NO_CREDITS,
            StatusKind.FORBIDDEN,
            StatusKind.NOT_FOUND,
            StatusKind.NOT_ACCEPTABLE,
            StatusKind.NOT_YET,
            StatusKind.TOO_LARGE,
            StatusKind.INVALID,
            StatusKind.REFUSED,
            StatusKind.SERVER_ERROR,
        ),
        ReplyKind.REFUSED,
    ),
}


def reply_kind(kind: StatusKind, *, usable: bool) -> ReplyKind:
    """The reply of a complete response. `usable` says whether a 2xx has a job whose `poll_url` is trusted."""
    if kind.is_success:
        return ReplyKind.ACCEPTED if usable else ReplyKind.UNUSABLE
    return _REPLY_KINDS.get(kind, ReplyKind.UNCLEAR)


async def submit(
    session: Session,
    urls: SwapUrls,
    *,
    swap: int,
    id: str | None = None,
    in_doubt: int = 0,
    record: SubmitRecord = NO_RECORD,
) -> SwapJob:
    """Submits one swap. Charged when the job is accepted.

    Submits again only if the last POST was provably not accepted, or after a 502, 503 or 504 if the policy
    allows it. The client's budget pays each POST before it is sent, whoever calls.

    Args:
        session: The session.
        urls: The two pictures.
        swap: The number of the swap, for the events.
        id: The caller's name for the swap, for the events.
        in_doubt: How many POSTs of the swap may have been accepted before, in another process.
        record: Records each POST, before and after it.

    Raises:
        StatusError: the service refused the swap. Nothing is charged.
        ConnectionFailedError: no POST was sent. Nothing is charged.
        SubmissionUnknownError: the swap may have been accepted and billed.
        BudgetExceededError, ConfigurationError: the client's budget has no room, or the client was closed.
        Exception: an exception of `record.intend`, if no POST is in doubt. Nothing is charged.
    """
    async with paid(session.spending, record, in_doubt=in_doubt) as paid_record:
        return await _submitted(_Submission(session, urls, swap, id, in_doubt, paid_record))


async def _submitted(submission: _Submission) -> SwapJob:
    try:
        return await run_until_done(submission.step)
    except SubmissionUnknownError:
        raise
    except Exception as exc:
        if submission.state.in_doubt:
            raise submission.unknown(str(exc)) from None
        raise
    except BaseException:
        # An orphaned POST makes its own report, after its response was received.
        if not submission.is_orphaned:
            submission.report_orphan()
        raise


@dataclass(frozen=True, slots=True)
class _Decided:
    """The end of one POST, and what to do after it."""

    action: Action
    response: Response | NoResponse
    job: SwapJob | None


class _Submission:
    """The POSTs of one swap.

    Attributes:
        state: The results of the POSTs so far.
        is_orphaned: Whether the caller was cancelled while a POST was in flight.
    """

    def __init__(  # noqa: PLR0917 - as `submit`
        self,
        session: Session,
        urls: SwapUrls,
        swap: int,
        id: str | None,
        in_doubt: int,
        record: SubmitRecord,
    ) -> None:
        self.state = SubmitState(in_doubt=in_doubt)
        self.is_orphaned = False
        self._session = session
        self._urls = urls
        self._request = submit_request(session.http.service, session.workflow, urls, swap=swap)
        self._swap = swap
        self._id = id
        self._record = record
        self._job: SwapJob | None = None
        # What was decided of the latest POST, even if its record is not written.
        self._decided: _Decided | None = None

    async def step(self) -> Step[SwapJob]:
        """Waits for the circuit breaker and for a lease, and POSTs once."""
        async with self._permit() as is_trial:
            lease = await self._session.http.lease(Call.SUBMIT)
            if self._session.breaker.is_open and not is_trial:
                # The circuit breaker opened while this submit waited for its lease.
                lease.release()
                return Retry(0.0)
            return await self._post(lease, is_trial)

    @asynccontextmanager
    async def _permit(self) -> AsyncIterator[bool]:
        """The circuit breaker's permit, for which a submit waits as long as a swap may take."""
        session = self._session
        with anyio.CancelScope() as scope:
            scope.deadline = anyio.current_time() + session.timeout
            async with session.breaker.permit() as is_trial:
                scope.deadline = math.inf
                yield is_trial
                return
        raise ConnectionFailedError(
            f"{session.http.service.origin} answered no submit for {session.timeout:g} s;"
            " this submit was not sent, and is not charged"
        )

    async def _post(self, lease: Lease, is_trial: bool) -> Step[SwapJob]:
        session = self._session
        attempt = self.state.posts + 1
        request = replace(self._request, attempt=attempt)
        body = OneShotBody(request.body or b"")
        scheme = session.http.schemes.scheme(Call.SUBMIT)
        self._decided = None

        async def send() -> _Decided:
            async with lease:
                response = await lease.send(request, scheme, body)
            return await self._decide(response, body, scheme)

        def on_orphaned(decided: _Decided | None) -> None:
            self._emit_events_of(lease)
            # The grace may end between the response and its record.
            self._orphaned(decided or self._decided, body, is_trial)

        try:
            try:
                await self._record.intend(self.state.in_doubt, (self._urls.reference, self._urls.scene))
                session.http.check_open(Call.SUBMIT)
                session.emit(Submitting(swap=self._swap, id=self._id, attempt=attempt))
            except BaseException:
                lease.release()
                raise
            decided = await session.detached.run(send, revoke=body.revoke, on_orphaned=on_orphaned)
        except BaseException:
            if body.sent:
                self.is_orphaned = True
            else:
                self._record.withdrawn(self.state.in_doubt)
            raise
        self._emit_events_of(lease)
        if decided is None:
            decided = await self._cut_short(body, scheme)
        self._inform_breaker(decided, is_trial)
        return self._carry_out(decided)

    async def _cut_short(self, body: OneShotBody, scheme: AuthScheme) -> _Decided:
        """The end of a POST for whose response, or for whose record, a closing client did not wait."""
        if self._decided is None:
            closed = NoResponse(reason="the client was closed", sent=body.sent)
            return await self._decide(closed, body, scheme)
        await self._record.resolved(self._job, self.state.in_doubt)
        return self._decided

    def _emit_events_of(self, lease: Lease) -> None:
        """Emits what the lease has collected, in the caller's task as long as there is a caller.

        The detached task has only a copy of the caller's context: what a handler sets there would be lost.
        """
        for event in lease.events:
            self._session.emit(event)
        lease.events.clear()

    async def _decide(
        self, response: Response | NoResponse, body: OneShotBody, scheme: AuthScheme
    ) -> _Decided:
        """Decides what the end of a POST means, and records it."""
        session = self._session
        job = self._job_of(response)
        reply = self._reply(response, job)
        caller_waits = not self.is_orphaned
        # `next_after` changes the scheme of later calls. Call it only if its result is used.
        may_switch = reply is ReplyKind.UNAUTHORIZED and caller_waits and not self.state.scheme_switched
        action, self.state = decide(
            reply,
            sent=body.sent,
            state=self.state,
            policy=session.retry,
            now=anyio.current_time(),
            closed_for=session.http.closed_for(Call.SUBMIT) if reply is ReplyKind.RATE_LIMITED else 0.0,
            timeout=session.timeout,
            other_scheme=may_switch and session.http.schemes.next_after(Call.SUBMIT, scheme) is not None,
            caller_waits=caller_waits,
        )
        self._job = job if action is Action.ACCEPT else None
        self._decided = decided = _Decided(action, response, job)
        await self._record.resolved(self._job, self.state.in_doubt)
        return decided

    def _inform_breaker(self, decided: _Decided, is_trial: bool) -> None:
        response = decided.response
        if isinstance(response, NoResponse) or not response.kind.is_from_the_service:
            self._session.breaker.failed(str(error_of_response(response, Call.SUBMIT)), is_trial=is_trial)
        elif not response.ok or decided.action is Action.ACCEPT:
            # A 2xx without a usable job shows neither an outage nor the end of an outage.
            self._session.breaker.answered()

    def _reply(self, response: Response | NoResponse, job: SwapJob | None) -> ReplyKind:
        if isinstance(response, NoResponse):
            return ReplyKind.NONE
        usable = job is not None and self._poll_url_problem(job) is None
        return reply_kind(response.kind, usable=usable)

    def _carry_out(self, decided: _Decided) -> Step[SwapJob]:
        # Each error is raised where it is made. A name for the error in a frame of its traceback would be a
        # cycle of references, which keeps a response of up to 16 MiB until the garbage collector runs.
        response, job = decided.response, decided.job
        match decided.action:
            case Action.ACCEPT:
                assert job is not None  # noqa: S101 - the reply was ACCEPTED because of the job
                self._emit_accepted(job)
                return Done(job)
            case Action.AWAIT_GATE:
                self._emit_retry(response, self._session.http.closed_for(Call.SUBMIT))
                return Retry(0.0)
            case Action.SWITCH_AUTH:
                return Retry(0.0)
            case Action.BACK_OFF:
                # A server that names the time is right more often than the backoff. Each POST may be billed.
                hint = repeat_hint(response, datetime.now(UTC))
                delay = max(backoff(self._session.retry, self.state.backoffs), hint)
                self._emit_retry(response, delay)
                return Retry(delay)
            case Action.NOT_SENT:
                assert isinstance(response, NoResponse)  # noqa: S101 - a complete response is never NOT_SENT
                raise ConnectionFailedError(
                    f"{self._session.http.service.origin} could not be reached: {response.reason};"
                    " nothing was submitted, nothing is charged"
                )
            case Action.REFUSE:
                assert isinstance(response, Response)  # noqa: S101 - only a complete response refuses
                raise refusal(response, Call.SUBMIT)
            case Action.UNKNOWN:
                raise self._unknown_after(response, job)
            case _:
                assert_never(decided.action)

    def _emit_retry(self, response: Response | NoResponse, delay: float) -> None:
        self._session.emit_retry(
            error_of_response(response, Call.SUBMIT),
            call=Call.SUBMIT,
            swap=self._swap,
            id=self._id,
            attempt=self.state.posts,
            delay=delay,
        )

    def _emit_accepted(self, job: SwapJob) -> None:
        self._session.remember(job, self._swap, (self._urls.reference, self._urls.scene))
        self._session.has_accepted.set()
        self._session.emit(Accepted(swap=self._swap, id=self._id, job=job))

    def _unknown_after(self, response: Response | NoResponse, job: SwapJob | None) -> SubmissionUnknownError:
        if isinstance(response, NoResponse):
            return self.unknown(response.reason, response)
        problem = self._poll_url_problem(job) if job is not None else None
        if job is not None and problem is not None:
            reason = f"it was accepted with the poll URL {shorten(job.poll_url or '')}, but {problem}"
        elif response.ok:
            text = _text(response) or "nothing"
            reason = f"it was answered {response.status_code} without a poll URL: {text}"
        else:
            reason = str(refusal(response, Call.SUBMIT))
        return self.unknown(reason, response, job)

    def unknown(
        self, reason: str, response: Response | NoResponse | None = None, job: SwapJob | None = None
    ) -> SubmissionUnknownError:
        """The error of a swap with at least one POST that may have been accepted."""
        request_id = response.request_id if response is not None else None
        excerpt = None
        if isinstance(response, Response):
            request_id = request_id_in(response.fields() or {}) or request_id
            excerpt = _text(response)
        return SubmissionUnknownError(
            "the swap may have been accepted, and then is billed; it is not sent again automatically"
            f"{f' (request id {request_id})' if request_id else ''}: {reason}",
            status_code=response.status_code if response is not None else None,
            request_id=request_id,
            excerpt=excerpt,
            possible_duplicates=self.state.in_doubt,
            job=job,
        )

    def _job_of(self, response: Response | NoResponse) -> SwapJob | None:
        if isinstance(response, NoResponse):
            return None
        return accepted_job(
            self._session.http.service,
            response,
            workflow=self._session.workflow,
            possible_duplicates=self.state.in_doubt,
        )

    def _poll_url_problem(self, job: SwapJob) -> str | None:
        if job.poll_url is None:
            return None
        return self._session.http.service.poll_url_problem(job.poll_url)

    def _orphaned(self, decided: _Decided | None, body: OneShotBody, is_trial: bool) -> None:
        """Reports a POST whose caller was cancelled. `decided` is None if no response was in time."""
        self.is_orphaned = True
        if decided is None:
            self.state = replace(self.state, in_doubt=self.state.in_doubt + body.sent)
            self.report_orphan("no answer was received in time")
            return
        self._inform_breaker(decided, is_trial)
        if decided.action is Action.UNKNOWN:
            self._report_in_doubt(self._unknown_after(decided.response, decided.job))
            return
        if self._job is not None:
            self._emit_accepted(self._job)
        self.report_orphan()

    def report_orphan(self, reason: str = "its caller was cancelled") -> None:
        """Reports the job, or the POSTs in doubt, that a cancelled caller cannot receive."""
        if self._job is not None:
            self._session.abandon(self._job, swap=self._swap, is_continued=self._record.is_continued)
        elif self.state.in_doubt:
            self._report_in_doubt(self.unknown(reason))

    def _report_in_doubt(self, error: SubmissionUnknownError) -> None:
        log.warning("the caller of swap %r was cancelled: %s", self._id, error)
        self._session.emit(Failed(swap=self._swap, id=self._id, error=error))


def _text(response: Response) -> str:
    """The excerpt for an error: of a 2xx, the raw text, because any key of it may name the job."""
    return response.text if response.ok else response.excerpt
