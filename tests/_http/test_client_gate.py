"""The gate: a 429 of the API delays the next API request, and no download."""

import anyio
import httpx
import pytest

from segmind_swap._errors import ConfigurationError
from segmind_swap._events import Event, RateLimited
from segmind_swap._models import Call

from ..support.recording import Recorder, fetched, send
from ..support.sessions import a_poll, http_of, response_of


async def test_a_429_is_told_and_holds_the_next_call_back() -> None:
    events: list[Event] = []
    http = http_of(Recorder(httpx.Response(429, headers={"retry-after": "33"}), 200), on_event=events.append)
    assert response_of(await http.request(a_poll(http))).status_code == 429
    assert http.gate.closed_for(Call.POLL) == pytest.approx(33, abs=0.1)
    assert [(event.call, round(event.delay)) for event in events if isinstance(event, RateLimited)] == [
        ("poll", 33)
    ]
    started = anyio.current_time()
    assert response_of(await http.request(a_poll(http))).ok
    assert anyio.current_time() - started == pytest.approx(33, abs=0.5)


async def test_a_429_of_a_picture_host_says_nothing_about_the_account() -> None:
    http = http_of(Recorder(httpx.Response(429, headers={"retry-after": "33"})))
    assert response_of(await fetched(http)).status_code == 429
    assert http.gate.closed_for(Call.POLL) == 0


async def test_a_closed_gate_does_not_hold_pictures_back() -> None:
    http = http_of(Recorder(httpx.Response(429, headers={"retry-after": "33"}), 200))
    await http.request(a_poll(http))
    started = anyio.current_time()
    assert response_of(await fetched(http)).ok
    assert anyio.current_time() - started == pytest.approx(0, abs=0.5)


async def test_calls_that_wait_for_the_gate_when_the_client_closes_are_refused() -> None:
    limited = httpx.Response(429, headers={"retry-after": "30"})
    transport = Recorder(limited, limited, 200)
    http = http_of(transport)
    await http.request(a_poll(http))
    await send(http, Call.SUBMIT)
    refused: list[Call] = []

    async def call(kind: Call) -> None:
        with pytest.raises(ConfigurationError, match="closed"):
            await send(http, kind)
        refused.append(kind)

    # Until the gate opens, and not longer: none holds up the others.
    with anyio.fail_after(31):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(call, Call.POLL)
                group.start_soon(call, Call.SUBMIT)
            await anyio.sleep(1)
            await http.aclose()
    assert len(refused) == 20
    assert len(transport.requests) == 2
