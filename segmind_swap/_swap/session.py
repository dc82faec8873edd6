"""One started client on one event loop: what all its swaps share."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import anyio

from .._concurrency import DetachedTasks
from .._config import PollPolicy, RetryPolicy
from .._errors import ResponseError, StatusError, SwapError
from .._events import Emit, Event, EventHandler, RetryScheduled
from .._http.circuit_breaker import CircuitBreaker
from .._http.client import HttpClient
from .._models import SwapJob
from .._policy.durations import Durations

log = logging.getLogger("segmind_swap")

_JOBS_REMEMBERED = 4096


def emitter(handlers: Sequence[EventHandler]) -> Emit:
    """A function that gives an event to each handler. An exception of a handler is logged, never raised."""

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
    """A started client.

    Attributes:
        slots: A semaphore with one slot for each swap in flight.
        timeout: Seconds a job may take, and a 429 may last.
        emit: Gives an event to the handlers of the client. It never raises.
        durations: How long the completed swaps of the client took.
        reserved_paths: The files that swaps in flight will be saved to.
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
    durations: Durations = field(default_factory=Durations)
    reserved_paths: set[Path] = field(default_factory=set)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _submitted: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def new_swap(self) -> int:
        """The number of a swap that begins now: its events share it."""
        return next(self._numbers)

    def remember(self, job: SwapJob, swap: int) -> None:
        """Keeps the number of a swap, so that a later `wait` for its job has the same."""
        self._submitted[job.name] = swap
        self._submitted.move_to_end(job.name)
        while len(self._submitted) > _JOBS_REMEMBERED:
            self._submitted.popitem(last=False)

    def swap_of(self, job: SwapJob) -> int:
        """The number of the swap that a job belongs to; a new number for a job of another client."""
        swap = self._submitted.get(job.name)
        if swap is None:
            swap = self.new_swap()
            self.remember(job, swap)
        return swap

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


@contextmanager
def errors_of(job: SwapJob) -> Iterator[None]:
    """Adds the job to errors of parts that do not know the job, before the errors leave this package."""
    try:
        yield
    except SwapError as exc:
        if exc.job is None:
            exc.job = job
        raise
