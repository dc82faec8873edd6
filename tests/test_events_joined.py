"""The events of one swap share a number, which `Started` begins, and every handler gets every event."""

import json
import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

import anyio
import pytest

from segmind_swap import (
    Abandoned,
    Accepted,
    Completed,
    ConfigurationError,
    DownloadError,
    Event,
    Exchanged,
    Failed,
    ImageError,
    OutageBegan,
    OutageEnded,
    Polled,
    RateChanged,
    RetryScheduled,
    Saved,
    Started,
    Submitting,
    SwapFailedError,
    SwapJob,
    SwapResult,
    Uploaded,
)

from .support.scripted_service import (
    DONE,
    FAILED,
    PNG,
    PROCESSING,
    REFERENCE,
    RESULT,
    SCENE,
    Scripted,
    accepted,
    client,
    says,
)

URLS: dict[str, Any] = {"reference_character_image": REFERENCE, "character_image": SCENE}


def numbers(events: list[Event]) -> dict[int | None, list[Event]]:
    """The events of each number, in order. Events of the whole client are left out."""
    found: defaultdict[int | None, list[Event]] = defaultdict(list)
    for event in events:
        if not isinstance(event, OutageBegan | OutageEnded | RateChanged):
            found[event.swap].append(event)
    return dict(found)


def kinds(events: list[Event]) -> list[str]:
    """What happened, with the kind of call of each HTTP request."""
    return [
        f"{type(event).__name__} {event.call}" if isinstance(event, Exchanged) else type(event).__name__
        for event in events
    ]


async def test_one_swap_is_told_from_its_start_to_its_file_under_one_number(tmp_path: Path) -> None:
    events: list[Event] = []
    service = Scripted(poll=[PROCESSING, DONE])
    async with client(service, on_event=events.append) as swaps:
        await swaps.swap(reference_character_image=PNG, character_image=SCENE, save_to=tmp_path / "out")
    assert kinds(events) == [
        "Started",
        "Exchanged upload",
        "Uploaded",
        "Submitting",
        "Exchanged submit",
        "Accepted",
        "Exchanged poll",
        "Polled",
        "Exchanged poll",
        "Polled",
        "Completed",
        "Exchanged download",
        "Saved",
    ]
    assert list(numbers(events)) == [1]
    assert events[0] == Started(swap=1, id=None)


async def test_swaps_without_an_id_can_be_told_apart_by_their_number() -> None:
    events: list[Event] = []
    service = Scripted(submit=[accepted(1), accepted(2), accepted(3)], poll=[PROCESSING] * 5 + [DONE])
    async with client(service, on_event=events.append) as swaps, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(lambda: swaps.swap(**URLS))
    told = numbers(events)
    assert sorted(number for number in told if number is not None) == [1, 2, 3]
    for mine in told.values():
        assert isinstance(mine[0], Started)
        jobs = {
            event.job.request_id if isinstance(event, Accepted | Polled) else event.result.job.request_id
            for event in mine
            if isinstance(event, Accepted | Polled | Completed)
        }
        assert len(jobs) == 1
        assert [kind for kind in kinds(mine) if kind in {"Submitting", "Completed"}] == [
            "Submitting",
            "Completed",
        ]


async def test_each_request_is_told_once_with_its_status_and_its_times() -> None:
    events: list[Event] = []
    service = Scripted(submit=[says(429, "slow", retry_after="7"), accepted()])
    async with client(service, on_event=events.append) as swaps:
        await swaps.submit(**URLS)
    exchanges = [event for event in events if isinstance(event, Exchanged)]
    assert [(event.call, event.status_code, event.retry_after) for event in exchanges] == [
        ("submit", 429, 7.0),
        ("submit", 200, None),
    ]
    assert [event.attempt for event in exchanges] == [1, 2]
    assert exchanges[1].queued == pytest.approx(7.0, abs=0.1)
    assert [event.swap for event in exchanges] == [1, 1]


async def test_what_belongs_to_no_swap_has_no_number() -> None:
    events: list[Event] = []
    async with client(Scripted(), on_event=events.append) as swaps:
        await swaps.upload(PNG)
        await swaps.credits()
    assert kinds(events) == ["Exchanged upload", "Uploaded", "Exchanged credits"]
    assert list(numbers(events)) == [None]


@pytest.mark.parametrize("call", ["wait", "status", "updates"])
async def test_a_job_keeps_the_number_of_its_submit(call: str) -> None:
    events: list[Event] = []
    async with client(Scripted(), on_event=events.append) as swaps:
        await swaps.submit(**URLS)
        job = await swaps.submit(**URLS, id="mine")
        events.clear()
        if call == "updates":
            async for _ in swaps.updates(job):
                pass
        else:
            await getattr(swaps, call)(job)
    assert list(numbers(events)) == [2]
    assert not any(isinstance(event, Started) for event in events)


@pytest.mark.parametrize("call", ["wait", "status", "updates"])
async def test_a_job_of_another_process_starts_a_number_once(call: str) -> None:
    events: list[Event] = []
    async with client(Scripted()) as other:
        text = (await other.submit(**URLS)).model_dump_json()
    job = SwapJob.model_validate_json(text)
    async with client(Scripted(), on_event=events.append) as swaps:
        for _ in range(2):
            if call == "updates":
                async for _status in swaps.updates(job):
                    pass
            else:
                await getattr(swaps, call)(job)
    assert events[0] == Started(swap=1, id=None)
    assert list(numbers(events)) == [1]
    assert sum(isinstance(event, Started) for event in events) == 1


async def test_reading_and_saving_a_result_have_the_number_of_its_swap(tmp_path: Path) -> None:
    events: list[Event] = []
    async with client(Scripted(), on_event=events.append) as swaps:
        await swaps.swap(**URLS)
        result = await swaps.swap(**URLS)
        events.clear()
        await swaps.read(result)
        await swaps.download(result, tmp_path / "a.png")
    assert kinds(events) == ["Exchanged download", "Exchanged download", "Saved"]
    # Both jobs have the poll URL of the script, so the number is that of the later one.
    assert list(numbers(events)) == [2]


async def test_two_jobs_that_were_done_at_once_are_two_swaps() -> None:
    events: list[Event] = []
    output = json.loads(DONE.content())["output"]
    done = Scripted(submit=[says(200)])
    done.steps["submit"] = [type(DONE)(body={"status": "COMPLETED", "output": output})]
    async with client(done, on_event=events.append) as swaps:
        one, other = await swaps.submit(**URLS), await swaps.submit(**URLS)
        assert one.poll_url is None
        await anyio.sleep(1)
        events.clear()
        await swaps.wait(one)
        await swaps.wait(other)
    assert [event.swap for event in events if isinstance(event, Completed)] == [1, 2]


async def test_a_failure_has_the_number_of_its_swap_and_the_id() -> None:
    events: list[Event] = []
    service = Scripted(poll=FAILED)
    async with client(service, on_event=events.append) as swaps:
        with pytest.raises(ImageError):
            await swaps.swap(**{**URLS, "character_image": "missing.png"}, id="a")
        with pytest.raises(SwapFailedError):
            await swaps.swap(**URLS, id="b")
        job = await swaps.submit(**URLS, id="c")
        with pytest.raises(SwapFailedError):
            await swaps.wait(job)
    failed = [(event.swap, event.id) for event in events if isinstance(event, Failed)]
    assert failed == [(1, "a"), (2, "b"), (3, None)]
    assert kinds(numbers(events)[1]) == ["Started", "Failed"]


async def test_an_abandoned_job_and_a_retry_have_the_number_of_their_swap() -> None:
    events: list[Event] = []
    service = Scripted(submit=[says(503), accepted()], poll=PROCESSING)
    async with client(service, on_event=events.append) as swaps:
        await swaps.submit(**URLS)
        with anyio.move_on_after(60):
            await swaps.swap(**URLS)
    assert [event.swap for event in events if isinstance(event, RetryScheduled)] == [1]
    assert [event.swap for event in events if isinstance(event, Abandoned)] == [2]


async def test_an_upload_within_a_swap_has_its_number() -> None:
    events: list[Event] = []
    async with client(Scripted(), on_event=events.append) as swaps:
        await swaps.submit(**URLS)
        await swaps.submit(reference_character_image=PNG, character_image=SCENE)
    assert [event.swap for event in events if isinstance(event, Uploaded)] == [2]


async def test_a_file_that_is_refused_starts_and_fails_and_sends_nothing(tmp_path: Path) -> None:
    events: list[Event] = []
    service = Scripted()
    (tmp_path / "a.png").write_bytes(b"precious")
    async with client(service, on_event=events.append) as swaps:
        with pytest.raises(ConfigurationError):
            await swaps.swap(**URLS, save_to=tmp_path / "a.png")
    assert kinds(events) == ["Started", "Failed"]
    assert service.seen == []


async def test_every_handler_gets_every_event_in_the_order_of_the_list() -> None:
    told: list[tuple[str, Event]] = []
    handlers = [lambda event: told.append(("one", event)), lambda event: told.append(("two", event))]
    async with client(Scripted(), on_event=handlers) as swaps:
        await swaps.credits()
    assert [name for name, _ in told] == ["one", "two"]
    assert told[0][1] is told[1][1]


async def test_a_handler_that_raises_keeps_no_other_from_its_events(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[Event] = []

    def broken(_event: Event) -> None:
        raise ValueError("mine")

    async with client(Scripted(), on_event=(broken, events.append, broken)) as swaps:
        result = await swaps.swap(**URLS)
    assert result.url == RESULT
    assert {Started, Submitting, Accepted, Polled, Completed, Exchanged} == {type(event) for event in events}
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2 * len(events)
    assert {record.getMessage().partition(" for ")[0] for record in errors} == {"on_event raised"}


# Errors are complete when they are raised


async def test_an_error_about_a_result_has_its_job(tmp_path: Path) -> None:
    async with client(Scripted(download=says(404))) as swaps:
        job = await swaps.submit(**URLS)
        with pytest.raises(DownloadError) as caught:
            await swaps.read(_result(job))
        assert caught.value.job == job
        with pytest.raises(DownloadError) as caught:
            await swaps.download(_result(job), tmp_path / "a.png")
        assert caught.value.job == job


async def test_a_failed_event_is_told_with_an_error_that_has_its_job_already() -> None:
    seen: list[SwapJob | None] = []

    def look(event: Event) -> None:
        if isinstance(event, Failed):
            seen.append(event.error.job)

    async with client(Scripted(poll=FAILED), on_event=look) as swaps:
        with pytest.raises(SwapFailedError) as caught:
            await swaps.swap(**URLS)
    assert seen == [caught.value.job]
    assert caught.value.job is not None


async def test_a_saved_picture_is_told_with_the_number_of_a_result_from_elsewhere(tmp_path: Path) -> None:
    events: list[Event] = []
    async with client(Scripted()) as other:
        job = await other.submit(**URLS)
    async with client(Scripted(), on_event=events.append) as swaps:
        await swaps.download(_result(job), tmp_path / "a.png")
    assert kinds(events) == ["Started", "Exchanged download", "Saved"]
    assert [event.swap for event in events if isinstance(event, Saved)] == [1]


def _result(job: SwapJob) -> SwapResult:
    return SwapResult(job=job, url=RESULT, outputs=(), seconds=1.0)
