"""The free half of a swap: polls a job until it is done. Any process that has the job may do it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import anyio

from ._calls import complaint
from ._errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    StatusError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapTimeoutError,
)
from ._events import Completed, Polled, RetryScheduled, tell
from ._models import SwapJob, SwapResult, SwapState, SwapStatus
from ._outputs import picture_in
from ._poll import Schedule
from ._retry import Again, Done, Turn, repeat
from ._session import Session
from ._wire import Call, NoAnswer, poll_request, read_status

_FRESH = 10.0


async def wait(session: Session, job: SwapJob, *, timeout: float, is_one_of_many: bool = False) -> SwapResult:
    """Polls until the job is done, for at most `timeout` seconds from now."""
    polling = _Polling(session, job)
    with anyio.move_on_after(timeout), polling.cautious(is_one_of_many) as cautious:
        await polling.patience(timeout, cautious=cautious)
        while not (await polling.news()).state.final:
            pass
        return polling.result()
    last = polling.last_error
    raise SwapTimeoutError(
        f"job {job.name} was not done after {timeout:g} s; it was paid, and can be waited for again"
        f"{f' (the last poll failed: {last})' if last else ''}",
        seconds=timeout,
        last_error=last,
        job=job,
    )


class Updates(AsyncIterator[SwapStatus]):
    """What each poll that is answered well tells, to the last. May be left at any time."""

    def __init__(self, session: Session, job: SwapJob) -> None:
        self._polling = _Polling(session, job)

    async def __anext__(self) -> SwapStatus:
        if self._polling.status.state.final:
            raise StopAsyncIteration
        return await self._polling.news()


async def status(session: Session, job: SwapJob) -> SwapStatus:
    """One poll."""
    return await _Polling(session, job).look()


class _Polling:
    """The polls of one job."""

    def __init__(self, session: Session, job: SwapJob) -> None:
        self.last_error: SwapError | None = None
        self.status = SwapStatus(state=SwapState.QUEUED)
        self._session = session
        self._job = job
        self._schedule = Schedule(session.polling, session.retry)
        # The wall clock bridges processes, the loop's clock measures from here on.
        self._age = max(0.0, (datetime.now(UTC) - job.submitted_at).total_seconds())
        self._started = anyio.current_time()
        # The age at which it is looked at first, and the last at which it was seen to run.
        self._first = self._schedule.first()
        self._ran: float | None = None
        # Of a pause that a caller gives up, the rest is still to be waited when the next call comes.
        self._due = self._started
        self._failures = 0
        if job.poll_url is not None:
            self._due += max(0.0, self._first - self._age)
            why = session.http.service.complaint_about_poll_url(job.poll_url)
            if why is not None:
                raise ConfigurationError(
                    f"job {job.name} cannot be asked about: {why};"
                    " set base_url or SEGMIND_BASE_URL to the service that accepted it",
                    job=job,
                )

    @property
    def seconds(self) -> float:
        """Since the acceptance."""
        return self._age + anyio.current_time() - self._started

    @contextmanager
    def cautious(self, is_one_of_many: bool) -> Iterator[bool]:
        """Whether to count on a slow job while little is known. Of many, the first tries it out for all."""
        durations = self._session.durations
        if not is_one_of_many:
            yield False
        elif not durations.scout():
            yield True
        else:
            try:
                yield False
            finally:
                durations.scouted()

    async def patience(self, timeout: float, *, cautious: bool) -> None:
        """Lets pass what such jobs take at least; whatever others tell meanwhile counts, too."""
        if self._job.poll_url is None:
            return
        durations = self._session.durations
        # Before the caller gives up, the job must have been looked at.
        latest = max(self._first, self._age + timeout - self._session.polling.interval)
        while True:
            is_scarce = self._session.http.polls_count
            learnt = self._schedule.first_learnt(durations, cautious=cautious, is_scarce=is_scarce)
            self._first = min(learnt, latest)
            self._due = self._started + max(0.0, self._first - self._age)
            if self._due <= anyio.current_time():
                return
            with anyio.CancelScope(deadline=self._due):
                await durations.news.wait()

    async def look(self) -> SwapStatus:
        """One poll; raises whatever kept it from telling the state."""
        job = self._job
        if job.poll_url is None:
            url = picture_in(job.outputs)
            return SwapStatus(state=SwapState.COMPLETED, url=url, outputs=job.outputs)
        try:
            answer = await self._session.http.call(poll_request(job.poll_url))
            if isinstance(answer, NoAnswer):
                raise complaint(answer, Call.POLL)
            found = read_status(answer)
        except SwapError as exc:
            exc.job = job
            raise
        if self._session.on_event is not None:
            tell(self._session.on_event, Polled(job=job, status=found, seconds=self.seconds))
        return found

    async def news(self) -> SwapStatus:
        """What the next poll tells that is answered well."""
        return await repeat(self._turn)

    async def _turn(self) -> Turn[SwapStatus]:
        """Looks once, at the right time."""
        await anyio.sleep_until(self._due)
        asked = self.seconds
        try:
            self.status = await self.look()
        except (AuthenticationError, PermissionDeniedError, OutputError, ConfigurationError):
            raise
        except SwapError as exc:
            return self._put_off(exc)
        self.last_error = None
        # When it comes, whoever asks for more may have gone, and come again.
        self._due = anyio.current_time() + self._schedule.after_answer()
        if not self.status.state.final:
            self._ran = asked
        elif self.status.state is SwapState.COMPLETED:
            self._learn()
        return Done(self.status)

    def _learn(self) -> None:
        """Tells what it took; not of a job from elsewhere, whose age is by a clock of then and there."""
        if self._job.poll_url is None or self._age > _FRESH:
            return
        if self._ran is not None:
            self._session.durations.still_ran(self._ran)
        else:
            self._session.durations.was_done(self._first)

    def _put_off(self, error: SwapError) -> Again:
        """A poll's failure never fails a paid job before its deadline."""
        self.last_error = error
        delay: float | None
        if isinstance(error, NotFoundError):
            delay = self._schedule.after_missing(anyio.current_time())
            if delay is None:
                raise SwapExpiredError(
                    f"the service no longer knows job {self._job.name}: {error}; it keeps records for about"
                    " an hour. The picture may still be in the account's history",
                    job=self._job,
                )
        elif isinstance(error, RateLimitError):
            # Not a failure of the job's; the gate holds the next poll back for as long as it takes.
            delay = self._session.polling.interval
        else:
            delay = self._schedule.after_failure()
        self._failures += 1
        tell(
            self._session.on_event,
            RetryScheduled(
                call=Call.POLL,
                id=None,
                job=self._job,
                attempt=self._failures,
                delay=delay,
                cause=str(error),
                status_code=error.status_code if isinstance(error, StatusError | ResponseError) else None,
            ),
        )
        return Again(delay)

    def result(self) -> SwapResult:
        """The finished swap.

        Raises:
            SwapFailedError: it failed.
            OutputError: the job was made by hand, without a picture.
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
            job=job, url=url, outputs=final.outputs, seconds=self.seconds, cost_usd=final.cost_usd
        )
        tell(self._session.on_event, Completed(result=result))
        return result
