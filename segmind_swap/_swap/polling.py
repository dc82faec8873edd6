"""The free half of a swap: polls a job until it is done. Any process that has the job may do so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from .._api.messages import NoResponse, Response
from .._api.outputs import picture_in
from .._api.requests import poll_request
from .._api.responses import error_of_response, is_challenge, read_poll, read_status
from .._api.retry_after import repeat_hint
from .._errors import (
    ConfigurationError,
    OutputError,
    ResponseError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapTimeoutError,
)
from .._events import Completed, Polled
from .._models import Call, SwapJob, SwapResult, SwapState, SwapStatus
from .._policy.poll_schedule import (
    ENDS_POLLING,
    REFUSALS,
    PollHistory,
    first_poll_age,
    learned_first_poll_age,
    next_poll,
)
from .._policy.retry import Done, Retry, Step, run_until_done
from .job_errors import errors_of

if TYPE_CHECKING:
    from .session import Session

# A job that is older when its polling starts was submitted by another process, perhaps with another clock.
# Its age is not used to estimate durations.
_FRESH = 10.0


async def wait(
    session: Session,
    job: SwapJob,
    *,
    swap: int,
    timeout: float,
    in_batch: bool = False,
    answer: bytes | None = None,
) -> SwapResult:
    """Polls until the job is done. Free. The errors have the job.

    Args:
        session: The session.
        job: The job.
        swap: The number of the swap, for the events.
        timeout: Seconds to wait at most, from now.
        in_batch: Whether the job belongs to a batch: while little is known, only one job is polled early.
        answer: The answer of an UNREADABLE job. It is read before the first poll.

    Raises:
        SwapFailedError, SwapExpiredError: the job has ended without a picture.
        OutputError: a poll or `answer` says that the job is COMPLETED, but no picture was found. No later
            poll is believed that says FAILED or 404, because the job was done and paid.
        SwapTimeoutError: the time is up; the job can be waited for again.
        AuthenticationError, PermissionDeniedError: the service refuses polls with this key.
        ConfigurationError: the job belongs to another service, or the client was closed.
    """
    polling = _Polling(session, job, swap)
    try:
        with anyio.move_on_after(timeout), polling.conservative(in_batch) as conservative:
            if answer is not None and polling.read_kept(answer):
                return polling.result()
            await polling.wait_before_first_poll(timeout, conservative=conservative)
            while not (await polling.next_status()).state.final:
                pass
            return polling.result()
    except SwapError:
        if polling.unreadable is None:
            raise
    if polling.unreadable is not None:
        raise polling.unreadable
    last, note = polling.last_error, polling.status.note
    raise SwapTimeoutError(
        f"job {job.name} was not done after {timeout:g} s; the job was paid, and can be waited for again"
        f"{f' (the service says {note})' if note else ''}"
        f"{f' (the last poll failed: {last})' if last else ''}",
        seconds=timeout,
        last_error=last,
        job=job,
    )


class Updates(AsyncIterator[SwapStatus]):
    """The states of a job, one for each successful poll, up to the final state. May be paused at any time."""

    def __init__(self, session: Session, job: SwapJob, *, swap: int) -> None:
        self._polling = _Polling(session, job, swap)

    async def __anext__(self) -> SwapStatus:
        if self._polling.status.state.final:
            raise StopAsyncIteration
        return await self._polling.next_status()


async def poll_once(session: Session, job: SwapJob, *, swap: int) -> SwapStatus:
    """Polls once. Free. The errors have the job, and say nothing about the state of the job.

    Raises:
        OutputError: the job is COMPLETED without a usable picture.
        StatusError, ConnectionFailedError, ResponseError: the poll returned no state.
        ConfigurationError: the job belongs to another service, or the client was closed.
    """
    return await _Polling(session, job, swap).poll()


class _Polling:
    """The polls of one job.

    Attributes:
        last_error: The error of the last poll; None if that poll returned a state.
        unreadable: The last error of a response that said COMPLETED without a usable picture.
        status: The last state.
    """

    def __init__(self, session: Session, job: SwapJob, swap: int) -> None:
        self.last_error: SwapError | None = None
        self.unreadable: OutputError | None = None
        self.status = SwapStatus(state=SwapState.QUEUED)
        self._session = session
        self._job = job
        self._swap = swap
        self._history = PollHistory()
        # Only the wall clock is shared with the process that submitted the job. From now on, the event loop's
        # clock measures.
        self._age = max(0.0, (datetime.now(UTC) - job.submitted_at).total_seconds())
        self._started = anyio.current_time()
        # The age for the first poll, and the age at which the job was last seen running.
        self._first = first_poll_age(session.polling)
        self._seen_running: float | None = None
        # `_due` survives cancellation: if a caller stops waiting, the next call waits for the remaining time
        # only.
        self._due = self._started
        self._polls = self._failed_polls = 0
        self._url = ""
        # The picture that the last answered poll has named beside an unknown word.
        self._claimed_url: str | None = None
        self._response: Response | NoResponse = NoResponse(reason="", sent=False)
        if job.poll_url is not None:
            self._due += max(0.0, self._first - self._age)
            self._url = session.http.service.poll_url(job.poll_url)
            problem = session.http.service.poll_url_problem(self._url)
            if problem is not None:
                raise ConfigurationError(
                    f"job {job.name} cannot be polled: {problem};"
                    " set `base_url` to the service that accepted the job",
                    job=job,
                )

    @property
    def seconds(self) -> float:
        """Seconds since the acceptance."""
        return self._age + anyio.current_time() - self._started

    @contextmanager
    def conservative(self, in_batch: bool) -> Iterator[bool]:
        """Yields whether to expect a slow job. In a batch, one job is polled early, as a probe for all."""
        durations = self._session.durations
        if not in_batch:
            yield False
        elif not durations.try_probe():
            yield True
        else:
            try:
                yield False
            finally:
                durations.probe_done()

    async def wait_before_first_poll(self, timeout: float, *, conservative: bool) -> None:
        """Waits until the age of the first poll. Durations that are learned meanwhile change this age."""
        if self._job.poll_url is None:
            return
        session = self._session
        # The job must be polled at least once before the caller's time is up.
        latest = max(self._first, self._age + timeout - session.polling.interval)
        while True:
            learned = learned_first_poll_age(
                session.polling,
                session.durations,
                conservative=conservative,
                is_scarce=session.http.gate.counts_polls,
            )
            self._first = min(learned, latest)
            self._due = self._started + max(0.0, self._first - self._age)
            if self._due <= anyio.current_time():
                return
            with anyio.CancelScope(deadline=self._due):
                await session.durations.changed.wait()

    async def poll(self) -> SwapStatus:
        """Polls once. Raises the error of a poll that returned no state."""
        try:
            status = await self._polled()
        except OutputError:
            # The answer says COMPLETED: the job has ended, although nobody can read its picture.
            self._session.ended(self._job)
            raise
        if status.state.final:
            self._session.ended(self._job, status)
        return status

    async def _polled(self) -> SwapStatus:
        job = self._job
        if job.poll_url is None:
            url = picture_in(job.outputs)
            return SwapStatus(state=SwapState.COMPLETED, url=url, outputs=job.outputs)
        self._polls += 1
        with errors_of(job):
            response = await self._session.http.request(
                poll_request(self._url, swap=self._swap, attempt=self._polls)
            )
        self._response = response
        if isinstance(response, NoResponse):
            raise error_of_response(response, Call.POLL, job)
        inputs = self._session.inputs_of(job)
        status, claim = read_poll(self._session.http.service, response, job, inputs)
        if claim is not None and claim.url == self._claimed_url:
            status = claim
        self._claimed_url = None if claim is None else claim.url
        if self._session.is_observed():
            self._session.emit(Polled(swap=self._swap, job=job, status=status, seconds=self.seconds))
        return status

    def read_kept(self, answer: bytes) -> bool:
        """Reads an answer that an earlier process kept. False if this version cannot read it either."""
        try:
            self.status = read_status(Response(status_code=200, headers={}, body=answer), self._job)
        except OutputError as exc:
            self.unreadable = exc
        except ResponseError as exc:
            self.unreadable = OutputError(str(exc), body=answer, job=self._job)
        else:
            if self.status.state is SwapState.COMPLETED:
                return True
            self.unreadable = OutputError(
                f"the kept answer of job {self._job.name} does not say COMPLETED", body=answer, job=self._job
            )
        self.status = SwapStatus(state=SwapState.QUEUED)
        return False

    async def next_status(self) -> SwapStatus:
        """The state of the next successful poll."""
        return await run_until_done(self._step)

    async def _step(self) -> Step[SwapStatus]:
        """Polls once, when the next poll is due."""
        await anyio.sleep_until(self._due)
        asked_at = self.seconds
        try:
            self.status = await self.poll()
        except ENDS_POLLING:
            raise
        except SwapError as exc:
            return self._failed(exc)
        self.last_error = None
        now = anyio.current_time()
        delay = self._delay_after(self.status, now)
        # Store the next poll time before returning; the iterator's consumer may stop and resume later.
        self._due = now + (delay or 0.0)
        if not self.status.state.final:
            self._seen_running = asked_at
        elif self.status.state is SwapState.COMPLETED:
            self._learn()
        return Done(self.status)

    def _delay_after(self, seen: SwapStatus | SwapError, now: float) -> float | None:
        session = self._session
        delay, self._history = next_poll(
            self._history,
            seen,
            policy=session.polling,
            retry=session.retry,
            now=now,
            hint=repeat_hint(self._response, datetime.now(UTC)),
            may_pass=is_challenge(self._response),
        )
        return delay

    def _learn(self) -> None:
        """Records the duration, unless another process submitted the job: its age may be of another clock."""
        if self._job.poll_url is None or self._age > _FRESH:
            return
        if self._seen_running is not None:
            self._session.durations.add_lower_bound(self._seen_running)
        else:
            self._session.durations.add_done_at_first_poll(self._first)

    def _failed(self, error: SwapError) -> Retry:
        """Schedules the next poll. A failed poll never fails a paid job before its deadline."""
        self.last_error = error
        if isinstance(error, OutputError):
            self.unreadable = error
        delay = self._delay_after(error, anyio.current_time())
        if delay is None and self.unreadable is not None:
            raise self.unreadable
        if delay is None and isinstance(error, REFUSALS):
            raise error
        if delay is None:
            self._session.ended(self._job)
            raise SwapExpiredError(
                f"the service no longer knows job {self._job.name}: {error}; the service keeps records for"
                " about an hour. The picture may still be in the account's history",
                job=self._job,
            )
        self._failed_polls += 1
        self._session.emit_retry(
            error, call=Call.POLL, swap=self._swap, attempt=self._failed_polls, delay=delay, job=self._job
        )
        return Retry(delay)

    def result(self) -> SwapResult:
        """The finished swap, from the final state. Emits `Completed`.

        Raises:
            SwapFailedError: the job has failed.
            OutputError: the job has no poll URL, and its outputs have no picture.
        """
        job, final = self._job, self.status
        if final.state is SwapState.FAILED:
            raise SwapFailedError(
                f"job {job.name} failed: {final.reason or 'the service gave no reason'}",
                reason=final.reason,
                job=job,
            )
        url = final.url
        if url is None:
            raise OutputError(f"job {job.name} holds no picture URL", body=b"", job=job)
        result = SwapResult(
            job=job,
            url=url,
            outputs=final.outputs,
            seconds=self.seconds,
            least_seconds=self._seen_running or 0.0,
            cost_usd=final.cost_usd,
        )
        self._session.emit(Completed(swap=self._swap, result=result))
        return result
