"""The paid half of a swap: POSTs until there is a job, a refusal, or something a person must decide."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import anyio

from .._api.messages import NoResponse, Response
from .._api.requests import submit_request
from .._api.responses import accepted_job, refusal, request_id_in
from .._api.text import shorten
from .._config import AuthScheme
from .._errors import ConnectionFailedError, SubmissionUnknownError, SwapError
from .._events import Abandoned, Accepted, Failed, RetryScheduled, Submitting
from .._http.body import OneShotBody
from .._http.client import Lease
from .._models import Call, SwapJob
from .._policy.retry import Done, Retry, Turn, backoff, run_until_done
from .._policy.submit_decision import Action, Decision, Past, ReplyKind, decide
from .._protocols import NoRecord, SubmitRecord
from .free_calls import complaint
from .session import Session


@dataclass(frozen=True, slots=True)
class _Judged:
    """The end of one POST, and what it means."""

    verdict: Decision
    answer: Response | NoResponse
    job: SwapJob | None


_Ending: TypeAlias = SwapJob | SwapError

log = logging.getLogger("segmind_swap")


async def submit(
    session: Session,
    *,
    reference_url: str,
    scene_url: str,
    id: str | None = None,
    in_doubt: int = 0,
    record: SubmitRecord | None = None,
) -> SwapJob:
    """Submits one swap, at most once as far as can be known.

    `in_doubt` is how many POSTs of it may have been accepted before, in another process.
    """
    submission = _Submission(session, reference_url, scene_url, id, in_doubt, record or NoRecord())
    try:
        ending = await run_until_done(submission.post)
        if isinstance(ending, SwapError):
            raise ending
        return ending
    except SubmissionUnknownError:
        raise
    except Exception as exc:
        if submission.in_doubt:
            raise submission.unknown(str(exc)) from None
        raise
    except BaseException:
        if not submission.is_deserted:
            submission.left_behind()
        raise


class _Submission:
    """The POSTs of one swap, and what they leave in doubt."""

    def __init__(  # noqa: PLR0917 - as `submit`
        self,
        session: Session,
        reference_url: str,
        scene_url: str,
        id: str | None,
        in_doubt: int,
        record: SubmitRecord,
    ) -> None:
        self.in_doubt = in_doubt
        self._session = session
        self._request = submit_request(
            session.http.service, session.workflow, reference_url=reference_url, scene_url=scene_url
        )
        self._id = id
        self._record = record
        self._job: SwapJob | None = None
        self._posts = 0
        self._backoffs = 0
        self._switched = False
        self._rate_limited_since: float | None = None
        self.is_deserted = False

    async def post(self) -> Turn[_Ending]:
        """One POST, to its verdict."""
        async with self._way() as alone:
            place = await self._session.http.lease(Call.SUBMIT)
            if self._session.breaker.is_open and not alone:
                # The way was closed while this one waited for its place.
                place.release()
                return Retry(0.0)
            return await self._posted(place, alone)

    @asynccontextmanager
    async def _way(self) -> AsyncIterator[bool]:
        """The way to the service, which an outage may close for as long as a swap may take."""
        session = self._session
        with anyio.CancelScope() as scope:
            scope.deadline = anyio.current_time() + session.timeout
            async with session.breaker.permit() as alone:
                scope.deadline = math.inf
                yield alone
                return
        raise ConnectionFailedError(
            f"{session.http.service.origin} answered no submit for {session.timeout:g} s;"
            " this one was not sent, and is not charged"
        )

    async def _posted(self, place: Lease, alone: bool) -> Turn[_Ending]:
        session = self._session
        held = OneShotBody(self._request.body or b"")
        scheme = session.http.schemes.scheme(Call.SUBMIT)

        async def attempt() -> _Judged:
            async with place:
                answer = await place.send(self._request, scheme, held)
            return await self._judged(answer, held, scheme)

        try:
            try:
                await self._record.intend(self.in_doubt)
                session.http.check_open(Call.SUBMIT)
                self._posts += 1
                session.emit(Submitting(id=self._id, attempt=self._posts))
            except BaseException:
                place.release()
                raise
            judged = await session.detached.run(
                attempt, revoke=held.revoke, deserted=lambda judged: self._deserted(judged, held, alone)
            )
        except BaseException:
            if held.sent:
                self.is_deserted = True
            else:
                self._record.withdrawn(self.in_doubt)
            raise
        if judged is None:
            no_answer = NoResponse(reason="the client was closed", sent=held.sent)
            judged = await self._judged(no_answer, held, scheme)
        self._tell_outage(judged.answer, alone)
        return self._carried_out(judged)

    async def _judged(self, answer: Response | NoResponse, held: OneShotBody, scheme: AuthScheme) -> _Judged:
        """Decides what the end of a POST means, and has that recorded."""
        job = self._job_of(answer)
        reply = self._reply(answer, job)
        past = Past(
            in_doubt=self.in_doubt,
            attempts_left=self._backoffs + 1 < self._session.retry.attempts and not self.is_deserted,
            may_wait=self._may_wait(reply) and not self.is_deserted,
            other_scheme=not self.is_deserted and self._has_other_scheme(reply, scheme),
        )
        verdict = decide(reply, sent=held.sent, policy=self._session.retry.submit, past=past)
        self.in_doubt = verdict.in_doubt
        self._job = job if verdict.action is Action.ACCEPT else None
        await self._record.resolved(self._job, self.in_doubt)
        return _Judged(verdict, answer, job)

    def _tell_outage(self, answer: Response | NoResponse, alone: bool) -> None:
        if isinstance(answer, Response) and answer.status_code < 500:
            self._session.breaker.answered()
        else:
            self._session.breaker.failed(str(complaint(answer, Call.SUBMIT)), alone=alone)

    def _reply(self, answer: Response | NoResponse, job: SwapJob | None) -> ReplyKind:
        if isinstance(answer, NoResponse):
            return ReplyKind.NONE
        usable = job is not None and self._complaint_about(job) is None
        return ReplyKind.of_status(answer.status_code, usable=usable)

    def _may_wait(self, reply: ReplyKind) -> bool:
        """Whether the rate limit has not lasted, and will not last, longer than a swap may take."""
        if reply is not ReplyKind.RATE_LIMITED:
            self._rate_limited_since = None
            return True
        now = anyio.current_time()
        self._rate_limited_since = now if self._rate_limited_since is None else self._rate_limited_since
        return now - self._rate_limited_since + self._session.http.closed_for <= self._session.timeout

    def _has_other_scheme(self, reply: ReplyKind, refused: AuthScheme) -> bool:
        if reply is not ReplyKind.UNAUTHORIZED or self._switched:
            return False
        return self._session.http.schemes.other(Call.SUBMIT, refused) is not None

    def _carried_out(self, judged: _Judged) -> Turn[_Ending]:
        answer, job = judged.answer, judged.job
        match judged.verdict.action:
            case Action.ACCEPT:
                assert job is not None  # noqa: S101 - the reply was ACCEPTED because of it
                self._session.emit(Accepted(id=self._id, job=job))
                return Done(job)
            case Action.AWAIT_GATE:
                self._put_off(answer, self._session.http.closed_for)
                return Retry(0.0)
            case Action.SWITCH_AUTH:
                self._switched = True
                return Retry(0.0)
            case Action.BACK_OFF:
                self._backoffs += 1
                delay = backoff(self._session.retry, self._backoffs)
                self._put_off(answer, delay)
                return Retry(delay)
            case Action.NOT_SENT:
                assert isinstance(answer, NoResponse)  # noqa: S101 - an answer is never NOT_SENT
                return Done(
                    ConnectionFailedError(
                        f"{self._session.http.service.origin} could not be reached: {answer.reason};"
                        " nothing was submitted, nothing is charged"
                    )
                )
            case Action.REFUSE:
                assert isinstance(answer, Response)  # noqa: S101 - only an answer refuses
                return Done(refusal(answer, Call.SUBMIT))
            case Action.UNKNOWN:
                return Done(self.unknown(self._told(answer, job), answer, job))
            case _:
                assert_never(judged.verdict.action)

    def _put_off(self, answer: Response | NoResponse, delay: float) -> None:
        self._session.emit(
            RetryScheduled(
                call=Call.SUBMIT,
                id=self._id,
                job=None,
                attempt=self._posts,
                delay=delay,
                cause=str(complaint(answer, Call.SUBMIT)),
                status_code=answer.status_code if isinstance(answer, Response) else None,
            ),
        )

    def _told(self, answer: Response | NoResponse, job: SwapJob | None) -> str:
        if isinstance(answer, NoResponse):
            return answer.reason
        why = self._complaint_about(job) if job is not None else None
        if why is not None and job is not None:
            return f"it was accepted with the poll_url {shorten(job.poll_url or '')}, but {why}"
        if answer.ok:
            return f"it was answered {answer.status_code} without a poll_url: {_text(answer) or 'nothing'}"
        return str(refusal(answer, Call.SUBMIT))

    def unknown(
        self, reason: str, answer: Response | NoResponse | None = None, job: SwapJob | None = None
    ) -> SubmissionUnknownError:
        """The error of a swap of which at least one POST may have been accepted."""
        request_id = answer.request_id if answer is not None else None
        excerpt = None
        if isinstance(answer, Response):
            request_id = request_id_in(answer.fields() or {}) or request_id
            excerpt = _text(answer)
        return SubmissionUnknownError(
            "the swap may have been accepted, and then is billed; it is not sent again by itself"
            f"{f' (request id {request_id})' if request_id else ''}: {reason}",
            status_code=answer.status_code if answer is not None else None,
            request_id=request_id,
            excerpt=excerpt,
            possible_duplicates=self.in_doubt,
            job=job,
        )

    def _job_of(self, answer: Response | NoResponse) -> SwapJob | None:
        if isinstance(answer, NoResponse):
            return None
        return accepted_job(
            self._session.http.service,
            answer,
            workflow=self._session.workflow,
            possible_duplicates=self.in_doubt,
        )

    def _complaint_about(self, job: SwapJob) -> str | None:
        if job.poll_url is None:
            return None
        return self._session.http.service.poll_url_problem(job.poll_url)

    def _deserted(self, judged: _Judged | None, held: OneShotBody, alone: bool) -> None:
        """The caller went while an answer was on its way, and this came of it."""
        self.is_deserted = True
        if judged is None:
            self.in_doubt += held.sent
            self.left_behind("no answer came in time")
            return
        self._tell_outage(judged.answer, alone)
        if judged.verdict.action is Action.UNKNOWN:
            self._left_in_doubt(
                self.unknown(self._told(judged.answer, judged.job), judged.answer, judged.job)
            )
            return
        if self._job is not None:
            self._session.emit(Accepted(id=self._id, job=self._job))
        self.left_behind()

    def left_behind(self, why: str = "nobody waits for it any more") -> None:
        """The caller went before it could be given what there is."""
        if self._job is not None:
            abandon(self._session, self._job)
        elif self.in_doubt:
            self._left_in_doubt(self.unknown(why))

    def _left_in_doubt(self, error: SubmissionUnknownError) -> None:
        log.warning("nobody waits any more for swap %r: %s", self._id, error)
        self._session.emit(Failed(id=self._id, error=error))


def _text(answer: Response) -> str:
    """Of a 2xx the whole text counts: the job's address may stand in it under any name."""
    return answer.text if answer.ok else answer.excerpt


def abandon(session: Session, job: SwapJob) -> None:
    """Says that nobody in this program waits for a job any more: it runs on, and is billed."""
    log.warning(
        "job %s was accepted and is billed, but nobody waits for it any more; wait for %s",
        job.name,
        job.model_dump_json(),
    )
    session.emit(Abandoned(job=job))
