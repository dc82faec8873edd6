"""The paid half of a swap: POSTs until there is a job, a refusal, or something a person must decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from ._body import HeldBody
from ._calls import complaint
from ._config import AuthScheme
from ._errors import ConnectionFailedError, SubmissionUnknownError
from ._events import Abandoned, Accepted, Failed, RetryScheduled, Submitting, log, tell
from ._failures import shorten
from ._models import SwapJob
from ._retry import Again, Done, Turn, backoff, repeat
from ._session import Session
from ._verdict import Action, Past, Reply, Verdict, judge
from ._wire import Answer, Call, NoAnswer, accepted_job, refusal, request_id_in, submit_request

BeforeSend = Callable[[], Awaitable[None]]


async def submit(
    session: Session,
    *,
    reference_url: str,
    scene_url: str,
    id: str | None = None,
    before_send: BeforeSend | None = None,
) -> SwapJob:
    """Submits one swap, at most once as far as can be known.

    `before_send` is awaited before each POST, when nothing is left to wait for but the network.
    """
    submission = _Submission(session, reference_url, scene_url, id, before_send)
    try:
        return await repeat(submission.post)
    except SubmissionUnknownError:
        raise
    except Exception as exc:
        if submission.in_doubt:
            raise submission.unknown(str(exc)) from None
        raise
    except BaseException:
        submission.left_behind()
        raise


class _Submission:
    """The POSTs of one swap, and what they leave in doubt."""

    def __init__(
        self,
        session: Session,
        reference_url: str,
        scene_url: str,
        id: str | None,
        before_send: BeforeSend | None,
    ) -> None:
        self.in_doubt = 0
        self._session = session
        self._request = submit_request(
            session.http.service, session.workflow, reference_url=reference_url, scene_url=scene_url
        )
        self._id = id
        self._before_send = before_send
        self._job: SwapJob | None = None
        self._posts = 0
        self._backoffs = 0
        self._switched = False
        self._limited_since: float | None = None

    async def post(self) -> Turn[SwapJob]:
        """One POST, to its verdict."""
        session, http = self._session, self._session.http
        place = await http.enter(Call.SUBMIT)
        try:
            if self._before_send is not None:
                await self._before_send()
            self._posts += 1
            tell(session.on_event, Submitting(id=self._id, attempt=self._posts))
        except BaseException:
            place.leave()
            raise
        scheme = http.schemes.scheme(Call.SUBMIT)
        held = HeldBody(self._request.body or b"")

        async def attempt() -> Answer | NoAnswer:
            async with place:
                return await place.attempt(self._request, scheme, held)

        answer = await session.supervisor.run(
            attempt, call_back=held.withhold, deserted=partial(self._deserted, held)
        )
        if answer is None:
            answer = NoAnswer(reason="the client was closed", sent=held.sent)
        return self._turn(answer, held, scheme)

    def _turn(self, answer: Answer | NoAnswer, held: HeldBody, scheme: AuthScheme) -> Turn[SwapJob]:
        job = self._job_of(answer)
        reply = self._reply(answer, job)
        past = Past(
            in_doubt=self.in_doubt,
            attempts_left=self._backoffs + 1 < self._session.retry.attempts,
            may_wait=self._may_wait(reply),
            other_scheme=self._has_other_scheme(reply, scheme),
        )
        return self._carried_out(self._judged(reply, held, past), answer, job)

    def _judged(self, reply: Reply, held: HeldBody, past: Past) -> Verdict:
        verdict = judge(reply, sent=held.sent, policy=self._session.retry.submit, past=past)
        self.in_doubt = verdict.in_doubt
        return verdict

    def _reply(self, answer: Answer | NoAnswer, job: SwapJob | None) -> Reply:
        if isinstance(answer, NoAnswer):
            return Reply.NONE
        usable = job is not None and self._complaint_about(job) is None
        return Reply.of_status(answer.status_code, usable=usable)

    def _may_wait(self, reply: Reply) -> bool:
        """Whether the rate limit has not lasted, and will not last, longer than a swap may take."""
        if reply is not Reply.RATE_LIMITED:
            self._limited_since = None
            return True
        now = anyio.current_time()
        self._limited_since = now if self._limited_since is None else self._limited_since
        return now - self._limited_since + self._session.http.closed_for <= self._session.timeout

    def _has_other_scheme(self, reply: Reply, refused: AuthScheme) -> bool:
        if reply is not Reply.UNAUTHORIZED or self._switched:
            return False
        return self._session.http.schemes.other(Call.SUBMIT, refused) is not None

    def _carried_out(self, verdict: Verdict, answer: Answer | NoAnswer, job: SwapJob | None) -> Turn[SwapJob]:
        match verdict.action:
            case Action.ACCEPT:
                assert job is not None  # noqa: S101 - the reply was ACCEPTED because of it
                self._job = job
                tell(self._session.on_event, Accepted(id=self._id, job=job))
                return Done(job)
            case Action.AWAIT_GATE:
                self._put_off(answer, self._session.http.closed_for)
                return Again(0.0)
            case Action.SWITCH_AUTH:
                self._switched = True
                return Again(0.0)
            case Action.BACK_OFF:
                self._backoffs += 1
                delay = backoff(self._session.retry, self._backoffs)
                self._put_off(answer, delay)
                return Again(delay)
            case Action.NOT_SENT:
                assert isinstance(answer, NoAnswer)  # noqa: S101 - an answer is never NOT_SENT
                raise ConnectionFailedError(
                    f"{self._session.http.service.origin} could not be reached: {answer.reason};"
                    " nothing was submitted, nothing is charged"
                )
            case Action.REFUSE:
                assert isinstance(answer, Answer)  # noqa: S101 - only an answer refuses
                raise refusal(answer, Call.SUBMIT)
            case Action.UNKNOWN:
                raise self.unknown(self._told(answer, job), answer, job)

    def _put_off(self, answer: Answer | NoAnswer, delay: float) -> None:
        tell(
            self._session.on_event,
            RetryScheduled(
                call=Call.SUBMIT,
                id=self._id,
                job=None,
                attempt=self._posts,
                delay=delay,
                cause=str(complaint(answer, Call.SUBMIT)),
            ),
        )

    def _told(self, answer: Answer | NoAnswer, job: SwapJob | None) -> str:
        if isinstance(answer, NoAnswer):
            return answer.reason
        why = self._complaint_about(job) if job is not None else None
        if why is not None and job is not None:
            return f"it was accepted with the poll_url {job.poll_url}, but {why}"
        if answer.ok:
            return f"it was answered {answer.status_code} without a poll_url: {_text(answer) or 'nothing'}"
        return str(refusal(answer, Call.SUBMIT))

    def unknown(
        self, reason: str, answer: Answer | NoAnswer | None = None, job: SwapJob | None = None
    ) -> SubmissionUnknownError:
        """The error of a swap of which at least one POST may have been accepted."""
        request_id = answer.request_id if answer is not None else None
        excerpt = None
        if isinstance(answer, Answer):
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

    def _job_of(self, answer: Answer | NoAnswer) -> SwapJob | None:
        if isinstance(answer, NoAnswer):
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
        return self._session.http.service.complaint_about_poll_url(job.poll_url)

    def _deserted(self, held: HeldBody, answer: Answer | NoAnswer | None) -> None:
        """The caller went while an answer was on its way, and this came of it."""
        answer = answer or NoAnswer(reason="no answer came in time", sent=held.sent)
        job = self._job_of(answer)
        past = Past(in_doubt=self.in_doubt, attempts_left=False, may_wait=False)
        verdict = self._judged(self._reply(answer, job), held, past)
        if verdict.action is Action.ACCEPT and job is not None:
            tell(self._session.on_event, Accepted(id=self._id, job=job))
            abandon(self._session, job)
        elif verdict.action is Action.UNKNOWN:
            self._left_in_doubt(self.unknown(self._told(answer, job), answer, job))

    def left_behind(self) -> None:
        """The caller went before it could be given what there is."""
        if self._job is not None:
            abandon(self._session, self._job)
        elif self.in_doubt:
            self._left_in_doubt(self.unknown("nobody waits for it any more"))

    def _left_in_doubt(self, error: SubmissionUnknownError) -> None:
        log.warning("nobody waits any more for swap %r: %s", self._id, error)
        tell(self._session.on_event, Failed(id=self._id, error=error))


def _text(answer: Answer) -> str:
    """Of a 2xx the whole text counts: the job's address may stand in it under any name."""
    return shorten(answer.body.decode(errors="replace")) if answer.ok else answer.excerpt


def abandon(session: Session, job: SwapJob) -> None:
    """Says that nobody in this program waits for a job any more: it runs on, and is billed."""
    log.warning(
        "job %s was accepted and is billed, but nobody waits for it any more; wait for %s",
        job.name,
        job.model_dump_json(),
    )
    tell(session.on_event, Abandoned(job=job))
