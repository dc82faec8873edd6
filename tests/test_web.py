"""Server-sent events of a service: what a browser gets, what it never gets, what a stream leaves behind."""

import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from fastapi import FastAPI, Request

from segmind_swap import (
    ConfigurationError,
    OutcomeState,
    SwapClient,
    SwapFailedError,
    SwapJob,
    SwapResult,
    SwapService,
    SwapUpdate,
    UnknownIdError,
    web,
)
from segmind_swap.emulator import Emulator
from segmind_swap.web import SSE_HEADERS, public_fields, sse_events

from .conftest import run_on_asyncio
from .emulator.calling import picture
from .support.sse import EventReader, Received, read_events
from .support.updates import StubService, an_update

PENDING, ACCEPTED, SAVED = OutcomeState.PENDING, OutcomeState.ACCEPTED, OutcomeState.SAVED
HOSTILE = "</script><script>alert(1)</script>\r\ndata: x\n\n\u2028\u2029\x00&\"'"


async def all_of(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in stream]


def states(received: list[Received]) -> list[str]:
    """The states that a page was told, and `end`."""
    return [one.fields["state"] if one.event == "update" else one.event for one in received]


async def test_a_page_gets_the_last_state_then_each_newer_one_then_the_end() -> None:
    service = StubService(an_update(change=3))
    reader = EventReader()

    async def read() -> None:
        async for piece in sse_events(service, "a"):
            reader.feed(piece)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.sleep(1)
        assert states(reader.received) == ["pending"]
        service.tell(an_update(ACCEPTED, change=5))
        await anyio.sleep(1)
        service.tell(an_update(SAVED, change=9))
    assert states(reader.received) == ["pending", "accepted", "saved", "end"]
    assert [one.id for one in reader.received] == ["3", "5", "9", "9"]
    assert [one.fields["is_final"] for one in reader.received[:-1]] == [False, False, True]


async def test_the_first_piece_comes_at_once_and_spreads_the_browsers_that_come_back() -> None:
    service = StubService(an_update())
    reader = EventReader()
    seen = set()
    for _ in range(50):
        with anyio.fail_after(0):
            reader.feed(await anext(sse_events(service, "a")))
        seen.add(reader.retry_ms)
    assert all(ms is not None and 2_000 <= ms <= 5_000 for ms in seen)
    assert len(seen) > 10


# Reconnects


async def test_a_browser_that_comes_back_gets_the_state_only_if_it_is_another() -> None:
    service = StubService(an_update(ACCEPTED, change=5))
    for known, told in (("4", ["accepted"]), ("6", ["accepted"]), ("5", [])):
        stream, reader = sse_events(service, "a", last_event_id=known, heartbeat=1), EventReader()
        for _ in range(2):
            reader.feed(await anext(stream))
        assert states(reader.received) == told
        assert reader.comments == (not told)


async def test_a_browser_that_comes_back_after_the_end_is_told_the_end_and_nothing_else() -> None:
    service = StubService(an_update(SAVED, change=9))
    assert states(read_events(*await all_of(sse_events(service, "a", last_event_id="9")))) == ["end"]
    missed = await all_of(sse_events(service, "a", last_event_id="5"))
    assert states(read_events(*missed)) == ["saved", "end"]


@pytest.mark.parametrize(
    "foreign",
    ["", "0x5", "-5", "+5", " 5", "05", "5.0", "\uff15", "5\n", "x" * 100_000, "9" * 19, "9" * 100_000],
)
async def test_an_id_that_is_no_id_of_an_event_is_ignored(foreign: str) -> None:
    service = StubService(an_update(SAVED, change=5))
    pieces = await all_of(sse_events(service, "a", last_event_id=foreign))
    assert states(read_events(*pieces)) == ["saved", "end"]


async def test_a_service_that_closes_ends_the_stream_without_the_end_and_the_next_one_goes_on() -> None:
    service = StubService(an_update(ACCEPTED, change=5))
    stream, reader = sse_events(service, "a"), EventReader()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read_into, reader, stream)
        await anyio.sleep(1)
        service.close()
    assert states(reader.received) == ["accepted"]

    restarted = StubService(an_update(SAVED, change=9))
    pieces = await all_of(sse_events(restarted, "a", last_event_id=reader.id))
    assert states(read_events(*pieces)) == ["saved", "end"]


async def test_a_swap_that_ends_while_the_service_closes_is_not_called_ended_without_its_state() -> None:
    service = StubService(an_update(ACCEPTED, change=5))

    class Closing(StubService):
        async def status(self, id: str) -> SwapUpdate:
            return an_update(SAVED, change=9)

    closing = Closing(an_update(ACCEPTED, change=5))
    for each in (service, closing):
        reader = EventReader()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read_into, reader, sse_events(each, "a"))
            await anyio.sleep(1)
            each.close()
        assert states(reader.received) == ["accepted"]


async def _read_into(reader: EventReader, stream: AsyncIterator[bytes]) -> None:
    async for piece in stream:
        reader.feed(piece)


# Heartbeats


async def test_silence_is_filled_with_comments_and_no_update_is_lost_between_them() -> None:
    service = StubService(an_update(change=1))
    reader = EventReader()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read_into, reader, sse_events(service, "a", heartbeat=15))
        await anyio.sleep(61)
        assert (reader.comments, states(reader.received)) == (4, ["pending"])
        service.tell(an_update(ACCEPTED, change=2))
        await anyio.sleep(14)
        assert reader.comments == 4, "the silence begins anew"
        await anyio.sleep(60)
        service.tell(an_update(SAVED, change=3))
    assert states(reader.received) == ["pending", "accepted", "saved", "end"]


async def test_an_update_at_the_very_moment_of_a_heartbeat_arrives() -> None:
    service = StubService(an_update(change=1))
    reader = EventReader()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read_into, reader, sse_events(service, "a", heartbeat=1))
        for change in range(2, 202):
            await anyio.sleep(1)
            service.tell(an_update(ACCEPTED, change=change))
            await anyio.lowlevel.checkpoint()
        await anyio.sleep(0.5)
        assert reader.id == "201"
        service.tell(an_update(SAVED, change=300))
    assert states(reader.received)[-2:] == ["saved", "end"]


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), None, True, "15"])
def test_a_heartbeat_that_is_no_time_is_refused_before_anything_is_read(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="`heartbeat` must be a finite number above zero"):
        sse_events(StubService(), "a", heartbeat=wrong)


# What is told


@pytest.mark.parametrize("state", OutcomeState)
def test_each_state_has_a_sentence(state: OutcomeState) -> None:
    told = public_fields(an_update(state))
    assert (told["state"], str(told["message"])[-1]) == (state.value, ".")


def test_a_page_is_never_told_a_url_the_owner_the_key_or_the_words_of_an_error() -> None:
    job = SwapJob(poll_url="https://api.segmind.com/SECRET", request_id="SECRET", workflow="SECRET")
    result = SwapResult(job=job, url="https://files.example/SECRET", outputs=(), seconds=1.0)
    error = SwapFailedError("SECRET https://files.example/SECRET /srv/SECRET", reason="SECRET")
    made = an_update(OutcomeState.FAILED, job=job, result=result, error=error)
    update = made.model_copy(update={"owner": "SECRET"})
    told = public_fields(update)
    assert "SECRET" not in json.dumps(told)
    assert told == {
        "id": "a",
        "version": 1,
        "change": 1,
        "state": "failed",
        "is_final": True,
        "error": "SwapFailedError",
        "message": "The picture service could not make the picture.",
    }


async def test_no_text_can_break_out_of_its_line_or_of_a_script() -> None:
    service = StubService(an_update(SAVED, id=HOSTILE))
    pieces = await all_of(sse_events(service, HOSTILE))
    text = b"".join(pieces).decode("ascii")
    assert not set(text) & set("<>&\r\0")
    (update, end) = read_events(*pieces)
    assert (update.fields["id"], end.event) == (HOSTILE, "end")


# In a response


def recipe() -> str:
    """The route that the docstring of the module shows."""
    assert web.__doc__ is not None
    _, route = web.__doc__.split("A route of Starlette or FastAPI:\n")
    route, _ = route.split("The page of the browser:\n")
    return dedent(route).strip()


def site_of(service: StubService) -> FastAPI:
    names: dict[str, Any] = {"app": FastAPI(), "service": service, "Request": Request}
    exec(recipe(), names)
    site: FastAPI = names["app"]
    return site


def test_the_reference_shows_the_same_route() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "web.md").read_text(encoding="utf-8")
    assert recipe() in page


async def test_the_recipe_answers_events_without_a_cache_and_204_to_a_browser_that_knows_the_end() -> None:
    service = StubService(an_update(SAVED, change=9))
    transport = httpx.ASGITransport(app=site_of(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://site") as browser:
        answer = await browser.get("/swaps/a/events")
        assert answer.status_code == 200
        assert {name: answer.headers[name] for name in SSE_HEADERS} == SSE_HEADERS
        assert len(answer.headers.get_list("content-type")) == 1
        assert states(read_events(answer.content)) == ["saved", "end"]
        known = await browser.get("/swaps/a/events", headers={"last-event-id": "9"})
        assert (known.status_code, known.content) == (204, b"")
        newer = await browser.get("/swaps/a/events", headers={"last-event-id": "8"})
        assert states(read_events(newer.content)) == ["saved", "end"]


# Of a service with a journal


async def test_a_real_swap_is_told_from_its_order_to_its_file_and_its_listeners_cost_no_poll(
    tmp_path: Path,
) -> None:
    emulator = Emulator(duration=40, engine="none")
    transport = httpx.ASGITransport(app=emulator.app)
    readers = [EventReader() for _ in range(20)]
    async with (
        SwapClient("emulator-key", base_url="http://127.0.0.1", transport=transport) as client,
        SwapService(client, journal=tmp_path / "swaps.db", save_to=tmp_path / "pictures") as service,
    ):
        ordered = await service.enqueue(
            "a",
            reference_character_image=picture("red"),
            character_image=picture("blue"),
            owner="SECRET",
        )
        assert public_fields(ordered)["state"] == "pending"
        async with anyio.create_task_group() as tasks:
            for reader in readers:
                tasks.start_soon(_read_into, reader, sse_events(service, "a", heartbeat=5))
        for reader in readers:
            seen = states(reader.received)
            assert seen[-2:] == ["saved", "end"]
            assert set(seen) <= {"pending", "sending", "accepted", "completed", "saved", "end"}
            assert reader.comments >= 3
            assert "SECRET" not in str(reader.received)
        again = read_events(*await all_of(sse_events(service, "a", last_event_id=readers[0].id)))
        assert states(again) == ["end"]
        with pytest.raises(UnknownIdError):
            await all_of(sse_events(service, "b"))
        (result,) = [path for path in (tmp_path / "pictures").iterdir() if path.suffix == ".png"]
        assert result.stem == "a"
        dropped = sse_events(service, "a")
    assert len(await all_of(dropped)) == 1, "a closed service ends the stream, without an error"
    assert emulator.count("poll") < 10
    with pytest.raises(ConfigurationError, match="not open"):
        sse_events(service, "a")


# What is left behind


async def test_a_stream_that_is_dropped_anywhere_leaves_nothing_behind() -> None:
    service = StubService(an_update())
    for pieces in range(3):
        stream = sse_events(service, "a", heartbeat=1)
        for _ in range(pieces):
            await anext(stream)
        assert len(service.listeners) == 1
        del stream
        gc.collect()
        assert len(service.listeners) == 0


async def test_a_reader_that_is_cancelled_while_it_waits_may_go_on_later() -> None:
    service = StubService(an_update())
    stream, reader = sse_events(service, "a"), EventReader()
    for _ in range(2):
        reader.feed(await anext(stream))
    with anyio.move_on_after(1) as scope:
        await anext(stream)
    assert scope.cancelled_caught
    service.tell(an_update(SAVED, change=2))
    await _read_into(reader, stream)
    assert states(reader.received) == ["pending", "saved", "end"]


def test_a_cancellation_by_asyncio_itself_ends_the_reading() -> None:
    import asyncio

    async def main() -> None:
        service = StubService(an_update())
        reading = asyncio.create_task(all_of(sse_events(service, "a")))
        await asyncio.sleep(1)
        reading.cancel()
        await asyncio.wait({reading})
        assert reading.cancelled()
        del reading
        gc.collect()
        assert len(service.listeners) == 0

    run_on_asyncio(main())


async def test_a_reader_that_is_slow_gets_the_newest_state_and_holds_one() -> None:
    service = StubService(an_update(change=1))
    stream, reader = sse_events(service, "a"), EventReader()
    for _ in range(2):
        reader.feed(await anext(stream))
    for change in range(2, 10_002):
        service.tell(an_update(ACCEPTED, change=change))
    reader.feed(await anext(stream))
    assert [one.id for one in reader.received] == ["1", "10001"]


async def test_ten_thousand_listeners_all_get_the_end_and_are_gone_then() -> None:
    service = StubService(an_update())
    readers = [EventReader() for _ in range(10_000)]
    async with anyio.create_task_group() as tasks:
        for reader in readers:
            tasks.start_soon(_read_into, reader, sse_events(service, "a"))
        await anyio.sleep(16)
        assert len(service.listeners) == 10_000
        service.tell(an_update(SAVED, change=2))
    assert {tuple(states(reader.received)) for reader in readers} == {("pending", "saved", "end")}
    assert {reader.comments for reader in readers} == {1}
    gc.collect()
    assert len(service.listeners) == 0
