"""What happens is told as frozen records, and the listener's mistakes stay the listener's."""

import inspect
import logging
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import get_args

import pytest

import segmind_swap
from segmind_swap import _events
from segmind_swap._errors import SwapFailedError
from segmind_swap._events import (
    Abandoned,
    Accepted,
    Completed,
    Event,
    Exchanged,
    Failed,
    OutageBegan,
    OutageEnded,
    Polled,
    RateChanged,
    RateLimited,
    RetryScheduled,
    Saved,
    Started,
    Submitting,
    Uploaded,
)
from segmind_swap._models import Rate, SwapJob, SwapOutput, SwapResult, SwapState, SwapStatus
from segmind_swap._swap.session import emitter

JOB = SwapJob(poll_url="https://api.segmind.com/1", workflow="w-v7")
OUTPUT = SwapOutput(data="https://a.example/a.png")
RESULT = SwapResult(job=JOB, url=OUTPUT.data, outputs=(OUTPUT,), seconds=71.9)
EVENTS: list[Event] = [
    Started(swap=1, id="1"),
    Exchanged(swap=1, call="submit", attempt=1, status_code=200, queued=0.0, seconds=0.4, retry_after=None),
    Uploaded(swap=None, url=OUTPUT.data, size_bytes=7),
    Submitting(swap=1, id="1", attempt=1),
    Accepted(swap=1, id=None, job=JOB),
    Abandoned(swap=1, job=JOB),
    Polled(swap=1, job=JOB, status=SwapStatus(state=SwapState.QUEUED), seconds=7.0),
    RetryScheduled(swap=1, call="poll", id=None, job=JOB, attempt=1, delay=7.0, cause="502", status_code=502),
    RateLimited(swap=1, call="submit", delay=30.0),
    RateChanged(rate=Rate(per_minute=60.0, reason="found by a 429"), previous=None),
    OutageBegan(delay=5.0, cause="no answer"),
    OutageEnded(),
    Completed(swap=1, result=RESULT),
    Failed(swap=1, id="1", error=SwapFailedError("failed", reason="no mask", job=JOB)),
    Saved(swap=1, result=RESULT, path=Path("a.png"), size_bytes=7, media_type="image/png"),
]


def test_the_table_has_every_event_and_so_have_the_union_and_the_package() -> None:
    records = {
        value
        for value in vars(_events).values()
        if inspect.isclass(value) and is_dataclass(value) and value.__module__ == _events.__name__
    }
    assert {type(event) for event in EVENTS} == records
    assert set(get_args(Event)) == records
    assert {record.__name__ for record in records} <= set(segmind_swap.__all__)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_frozen_and_documents_each_attribute(event: Event) -> None:
    for field in fields(event):
        with pytest.raises(FrozenInstanceError):
            setattr(event, field.name, None)
        assert f"    {field.name}: " in (inspect.getdoc(type(event)) or "")
    assert not hasattr(event, "__dict__")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_given_to_the_handler_as_it_is(event: Event) -> None:
    told: list[Event] = []
    emitter([told.append])(event)
    assert len(told) == 1
    assert told[0] is event


def test_without_a_handler_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for event in EVENTS:
        emitter([])(event)
    assert caplog.records == []


def test_every_event_can_be_seen_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "segmind_swap")
    for event in EVENTS:
        emitter([])(event)
    assert [record.getMessage() for record in caplog.records] == [repr(event) for event in EVENTS]
    assert {(record.name, record.levelname) for record in caplog.records} == {("segmind_swap", "DEBUG")}


def _raises(error: BaseException) -> Callable[[Event], None]:
    def handler(_event: Event) -> None:
        raise error

    return handler


@pytest.mark.parametrize(
    "error",
    [ValueError("mine"), SwapFailedError("mine", reason="x"), TimeoutError("mine"), StopIteration("mine")],
)
def test_what_the_handler_raises_is_logged_and_never_raised(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    # At the level DEBUG, the event is logged, too.
    caplog.set_level(logging.INFO, "segmind_swap")
    emitter([_raises(error)])(next(e for e in EVENTS if isinstance(e, Submitting)))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("segmind_swap", "ERROR")
    assert record.getMessage() == "on_event raised for Submitting"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_handler_that_failed_is_told_the_next_event_again() -> None:
    told: list[Event] = []

    def handler(event: Event) -> None:
        told.append(event)
        raise ValueError

    for event in EVENTS:
        emitter([handler])(event)
    assert told == EVENTS


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_an_exception_that_means_to_stop_the_program_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        emitter([_raises(error)])(EVENTS[0])
    assert caught.value is error
