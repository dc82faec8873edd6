"""A started client on one event loop: what all its swaps share, its start and its end."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import anyio.lowlevel

from .._api.messages import Response
from .._api.requests import credits_request
from .._api.responses import error_of_response
from .._concurrency import DetachedTasks
from .._config import MAX_FAILED, MAX_FUTILE, PollPolicy, RateLimit, RetryPolicy
from .._errors import ConfigurationError, ResponseError, StatusError, SwapError
from .._events import Abandoned, Emit, Event, EventHandler, RetryScheduled, Started
from .._http.circuit_breaker import CircuitBreaker
from .._http.client import HttpClient
from .._http.gate import LocalGate
from .._models import Call, SwapJob, SwapState, SwapStatus
from .._policy.durations import Durations
from .._policy.futility import EndingCounter, ending_of_call
from .caps.jobs import JOBS_REMEMBERED, identity_of
from .caps.places import Places
from .caps.spending import Spending
from .settings import ClientSettings

log = logging.getLogger("segmind_swap")


def is_observed(handlers: Sequence[EventHandler]) -> bool:
    """Whether anybody gets the events: a handler, or the log at the level DEBUG."""
    return bool(handlers) or log.isEnabledFor(logging.DEBUG)


def emitter(handlers: Sequence[EventHandler]) -> Emit:
    """A function that passes an event to each handler.

    An exception of a handler is logged, and the other handlers still get the event. Only an exception that
    ends the program (`KeyboardInterrupt`, `SystemExit`) is raised.
    """

    def emit(event: Event) -> None:
        log.debug("%r", event)
        for handler in handlers:
            try:
                handler(event)
            except Exception:
                log.exception("on_event raised for %s", type(event).__name__)

    return emit


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A started client. It belongs to the event loop on which it was made.

    Attributes:
        http: Sends requests.
        breaker: The circuit breaker of the submits.
        detached: The tasks that survive a cancelled caller, until the response to a POST is recorded.
        slots: A semaphore with one slot for each swap in flight.
        spending: The money of all POSTs of the client.
        places: The places of the jobs of bare submits.
        workflow: The id of the workflow to run.
        timeout: Seconds a job may take, and a 429 may last.
        retry: When to repeat a request.
        polling: When to poll a job.
        max_image_bytes: The largest input image, in bytes.
        emit: Passes an event to the handlers of the client. It raises no exception of a handler.
        is_observed: Whether anybody gets the events. The event of a poll is made only then.
        durations: How long the completed swaps of the client took.
        reserved_paths: The files that swaps in flight will be saved to.
        has_accepted: Set once the service has accepted a submit of this client.
    """

    http: HttpClient
    breaker: CircuitBreaker
    detached: DetachedTasks
    slots: anyio.Semaphore
    workflow: str
    timeout: float
    retry: RetryPolicy
    polling: PollPolicy
    max_image_bytes: int
    emit: Emit
    is_observed: Callable[[], bool] = lambda: True
    spending: Spending = field(default_factory=Spending)
    places: Places = field(default_factory=Places)
    durations: Durations = field(default_factory=Durations)
    reserved_paths: set[Path] = field(default_factory=set)
    has_accepted: anyio.Event = field(default_factory=anyio.Event)
    _loop: object = field(default_factory=anyio.lowlevel.current_token, repr=False)
    _numbers: count[int] = field(default_factory=lambda: count(1), repr=False)
    _swaps: OrderedDict[str, tuple[int, tuple[str, ...]]] = field(default_factory=OrderedDict, repr=False)
    _endings: EndingCounter = field(
        default_factory=lambda: EndingCounter(max_futile=MAX_FUTILE, max_failed=MAX_FAILED), repr=False
    )

    @classmethod
    def start(cls, settings: ClientSettings) -> Session:
        """A session on the calling event loop.

        Raises:
            ConfigurationError: connections cannot be set up.
        """
        emit = emitter(settings.handlers)
        limit = settings.rate_limit
        gate = LocalGate(limit, settings.retry) if isinstance(limit, RateLimit) else limit
        observed = partial(is_observed, settings.handlers)
        http = HttpClient(settings.http, gate, emit, is_observed=observed)
        return cls(
            http=http,
            breaker=CircuitBreaker(partial(probe, http), emit),
            detached=DetachedTasks(),
            slots=anyio.Semaphore(settings.max_in_flight),
            workflow=settings.workflow,
            timeout=settings.timeout,
            retry=settings.retry,
            polling=settings.polling,
            max_image_bytes=settings.max_image_bytes,
            emit=emit,
            is_observed=observed,
            spending=Spending(settings.budget_usd, price_usd=settings.price_usd),
            places=Places(settings.max_submitted, timeout=settings.timeout),
        )

    def check_loop(self) -> None:
        """Refuses a caller on another event loop than that of the session.

        Raises:
            ConfigurationError: the caller runs on another event loop.
        """
        if anyio.lowlevel.current_token() != self._loop:
            raise ConfigurationError(
                "the client was started on another event loop: make one client for each loop"
                " (each `asyncio.run` or `trio.run` is a loop of its own)"
            )

    async def aclose(self) -> None:
        """Ends the session: refuses submits, waits for POSTs in flight, closes every connection.

        A POST in flight has up to 15 s to receive and record its response.
        """
        self.http.refuse_submits()
        try:
            await self.detached.drain()
            await self.detached.end_background()
        finally:
            # Plain asyncio cancellation can end the wait early. The connections are closed all the same.
            await self.http.aclose()

    def new_swap(self) -> int:
        """A number for a new swap, counted from 1. The events of the swap share the number."""
        return next(self._numbers)

    def remember(self, job: SwapJob, swap: int, inputs: tuple[str, ...] = ()) -> None:
        """Stores the number and the input URLs of the swap of a job, for later calls with that job."""
        name = identity_of(job)
        self._swaps[name] = swap, inputs
        self._swaps.move_to_end(name)
        while len(self._swaps) > JOBS_REMEMBERED:
            self._swaps.popitem(last=False)

    def swap_of(self, job: SwapJob) -> int:
        """The number of the swap that a job belongs to.

        A job that this session does not know, such as a job of another process, gets a new number. `Started`
        is then emitted, so that `Started` is the first event of every number.
        """
        known = self._swaps.get(identity_of(job))
        if known is not None:
            return known[0]
        swap = self.new_swap()
        self.remember(job, swap)
        self.emit(Started(swap=swap, id=None))
        return swap

    def inputs_of(self, job: SwapJob) -> tuple[str, ...]:
        """The URLs of a job's two inputs; empty if another session has submitted the job."""
        return self._swaps.get(identity_of(job), (0, ()))[1]

    def ended(self, job: SwapJob, status: SwapStatus | None = None) -> None:
        """Notes that a job has ended: its cost is settled, and its place is given back.

        Called for each answer that shows the end. `status` is None for an end without a readable state.
        """
        name = identity_of(job)
        self.places.ended(name)
        is_done = status is not None and status.state is SwapState.COMPLETED
        self.spending.ended(name, is_done=is_done, cost_usd=None if status is None else status.cost_usd)

    def abandon(self, job: SwapJob, *, swap: int, is_continued: bool = False) -> None:
        """Reports that this program no longer waits for a job. The job continues, and is billed.

        Without a warning if another run waits for the job without being told: `is_continued`.
        """
        if not is_continued:
            log.warning(
                "job %s was accepted and is billed, but this program no longer waits for the job;"
                " wait for %s",
                job.name,
                job.model_dump_json(),
            )
        self.emit(Abandoned(swap=swap, job=job))

    def count_ending(self, error: SwapError | None, *, id: str | None) -> None:
        """Counts how a call without a batch ended, and warns of money without a picture.

        Nothing is stopped: the caller decides about each swap. `error` is None for a call without an error.
        """
        problem = self._endings.add(ending_of_call(error), id=id, error=error)
        if problem is not None:
            log.warning("%s. The next swaps would probably end in the same way", problem)

    def emit_retry(
        self,
        error: SwapError,
        *,
        call: str,
        swap: int | None,
        attempt: int,
        delay: float,
        id: str | None = None,
        job: SwapJob | None = None,
    ) -> None:
        """Emits `RetryScheduled` for a call that ended in `error`."""
        self.emit(
            RetryScheduled(
                swap=swap,
                call=call,
                id=id,
                job=job,
                attempt=attempt,
                delay=delay,
                cause=str(error),
                status_code=error.status_code if isinstance(error, StatusError | ResponseError) else None,
            )
        )


async def probe(http: HttpClient) -> str | None:
    """Requests the account's credits, once. Free. None if the service responds, else the problem in words."""
    response = await http.request(credits_request(http.service))
    if isinstance(response, Response) and response.kind.is_from_the_service:
        return None
    return str(error_of_response(response, Call.CREDITS))
