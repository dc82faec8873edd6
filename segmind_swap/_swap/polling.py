"""The free half of a swap: polls a job until it is done. Any process that has the job may do it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import anyio

from .._api.messages import NoResponse
from .._api.outputs import picture_in
from .._api.requests import poll_request
from .._api.responses import read_status
from .._errors import (
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
from .._events import Completed, Polled, RetryScheduled
from .._models import Call, SwapJob, SwapResult, SwapState, SwapStatus
from .._policy.poll_schedule import Schedule
from .._policy.retry import Done, Retry, Turn, run_until_done
from .free_calls import complaint
from .session import Session

_FRESH = 10.0


async def wait(session: Session, job: SwapJob, *, timeout: float, in_batch: bool = False) -> SwapResult:
    """Polls until the job is done, for at most `timeout` seconds from now."""
    polling = _Polling(session, job)
    with anyio.move_on_after(timeout), polling.cautious(in_batch) as cautious:
        await polling.wait_before_first_poll(timeout, cautious=cautious)
        while not (await polling.next_status()).state.final:
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
        return await self._polling.next_status()


async def status(session: Session, job: SwapJob) -> SwapStatus:
    """One poll."""
    return await _Polling(session, job).poll()


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
            why = session.http.service.poll_url_problem(job.poll_url)
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
    def cautious(self, in_batch: bool) -> Iterator[bool]:
        """Whether to count on a slow job while little is known. Of many, the first tries it out for all."""
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

    async def wait_before_first_poll(self, timeout: float, *, cautious: bool) -> None:
        """Lets pass what such jobs take at least; whatever others tell meanwhile counts, too."""
        if self._job.poll_url is None:
            return
        durations = self._session.durations
        # Before the caller gives up, the job must have been looked at.
        latest = max(self._first, self._age + timeout - self._session.polling.interval)
        while True:
            is_scarce = self._session.http.counts_polls
            learnt = self._schedule.first_learnt(durations, cautious=cautious, is_scarce=is_scarce)
            self._first = min(learnt, latest)
            self._due = self._started + max(0.0, self._first - self._age)
            if self._due <= anyio.current_time():
                return
            with anyio.CancelScope(deadline=self._due):
                await durations.changed.wait()

    async def poll(self) -> SwapStatus:
        """One poll; raises whatever kept it from telling the state."""
        job = self._job
        if job.poll_url is None:
            url = picture_in(job.outputs)
            return SwapStatus(state=SwapState.COMPLETED, url=url, outputs=job.outputs)
        try:
            answer = await self._session.http.request(poll_request(job.poll_url))
            if isinstance(answer, NoResponse):
                raise complaint(answer, Call.POLL)
            found = read_status(answer)
        except SwapError as exc:
            exc.job = job
            raise
        if self._session.on_event is not None:
            self._session.emit(Polled(job=job, status=found, seconds=self.seconds))
        return found

    async def next_status(self) -> SwapStatus:
        """What the next poll tells that is answered well."""
        return await run_until_done(self._step)

    async def _step(self) -> Turn[SwapStatus]:
        """Looks once, at the right time."""
        await anyio.sleep_until(self._due)
        asked = self.seconds
        try:
            self.status = await self.poll()
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
            self._session.durations.add_lower_bound(self._ran)
        else:
            self._session.durations.add_done_at_first_poll(self._first)

    def _put_off(self, error: SwapError) -> Retry:
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
        self._session.emit(
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
        return Retry(delay)

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
        self._session.emit(Completed(result=result))
        return result
