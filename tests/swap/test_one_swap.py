"""One swap in one call: what it emits first and last, and what it leaves behind when it fails."""

import logging
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from segmind_swap import (
    ConfigurationError,
    SubmissionUnknownError,
    SwapError,
    SwapFailedError,
    SwapRequest,
)
from segmind_swap._events import Abandoned, Completed, Event, Failed, Saved, Started, Submitting

from ..support.scripted_service import FAILED, PICTURES, PROCESSING, Scripted, Step, accepted, client, says

REQUEST = SwapRequest(**PICTURES)


def kinds(events: list[Event]) -> list[type]:
    wanted = (Started, Submitting, Completed, Saved, Failed, Abandoned)
    return [type(event) for event in events if isinstance(event, wanted)]


async def test_a_swap_begins_with_started_and_ends_with_saved(tmp_path: Path) -> None:
    events: list[Event] = []
    async with client(Scripted(), on_event=events.append) as swaps:
        result = await swaps.swap(**PICTURES, save_to=tmp_path / "a.png")
    assert result.path == tmp_path / "a.png"
    assert isinstance(events[0], Started)
    assert kinds(events) == [Started, Submitting, Completed, Saved]


async def test_a_swap_whose_file_cannot_be_written_sends_nothing_and_takes_no_slot(tmp_path: Path) -> None:
    service, events = Scripted(), list[Event]()
    async with client(service, on_event=events.append, max_in_flight=1) as swaps:
        with pytest.raises(ConfigurationError, match="there is no folder"):
            await swaps.swap(**PICTURES, save_to=tmp_path / "missing" / "a.png")
        assert kinds(events) == [Started, Failed]
        await swaps.swap(**PICTURES, save_to=tmp_path / "a.png")
    assert service.count("submit") == 1


@pytest.mark.parametrize("call", ["swap", "wait"])
async def test_a_failed_job_is_on_the_error_and_on_the_event(call: str) -> None:
    events: list[Event] = []
    async with client(Scripted(poll=FAILED), on_event=events.append) as swaps:
        with pytest.raises(SwapFailedError, match="failed") as caught:
            if call == "swap":
                await swaps.swap(**PICTURES)
            else:
                await swaps.wait(await swaps.submit(**PICTURES))
    assert caught.value.job is not None
    (event,) = [event for event in events if isinstance(event, Failed)]
    assert event.error is caught.value
    assert {event.swap for event in events if hasattr(event, "swap")} == {1}


async def test_a_swap_that_is_cancelled_while_its_job_runs_names_the_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[Event] = []
    async with client(Scripted(poll=PROCESSING), on_event=events.append) as swaps:
        with anyio.move_on_after(30):
            await swaps.swap(**PICTURES)
    assert kinds(events) == [Started, Submitting, Abandoned]
    assert "no longer waits for the job" in caplog.text


async def test_an_error_after_the_acceptance_always_has_the_job() -> None:
    async with client(Scripted(poll=[says(403, "no")])) as swaps:
        with pytest.raises(SwapError) as caught:
            await swaps.swap(**PICTURES)
    assert caught.value.job is not None


# Money without a picture


async def test_a_client_that_calls_swap_is_warned_of_money_without_a_picture_and_not_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Scripted(submit=Step(body={"status_url": "https://a.example/1"}))
    warned: list[logging.LogRecord] = []
    async with client(service) as swaps:
        for number in range(7):
            with pytest.raises(SubmissionUnknownError):
                await swaps.swap(**PICTURES, id=str(number))
            warned = [record for record in caplog.records if "swaps in a row" in record.message]
            assert len(warned) == max(0, number + 1 - 5 + 1)
    assert service.count("submit") == 7
    assert "'6'" in warned[-1].message


async def test_a_good_swap_between_them_means_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    bare = Step(body={"status_url": "https://a.example/1"})
    service = Scripted(submit=[*[bare] * 4, accepted(), *[bare] * 4, accepted()])
    async with client(service) as swaps:
        for _ in range(10):
            with suppress(SubmissionUnknownError):
                await swaps.swap(**PICTURES)
    assert not [record for record in caplog.records if "swaps in a row" in record.message]
