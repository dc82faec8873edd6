"""The pools: how many requests and how many connections there are at once."""

from contextlib import aclosing

import anyio
import httpx
import pytest

from segmind_swap._config import RateLimit
from segmind_swap._http.pools import DOWNLOADS, FAST_POLLS, POLLS, SUBMITS, UPLOADS
from segmind_swap._models import Call

from ..support.raw_http import Connection, serving
from ..support.recording import keeping, send, send_well
from ..support.sessions import Wire, a_poll, http_of, response_of, submitted


@pytest.mark.parametrize(
    ("calls", "tasks", "most"),
    [
        ([Call.SUBMIT], 200, 128),
        ([Call.POLL], 200, 128),
        ([Call.UPLOAD, Call.CREDITS], 100, 8),
        ([Call.DOWNLOAD], 50, 8),
        (list(Call), 1000, 272),
    ],
)
async def test_requests_in_flight_stay_below_the_pools_size(calls: list[Call], tasks: int, most: int) -> None:
    in_flight = highest = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, highest
        in_flight += 1
        highest = max(highest, in_flight)
        await anyio.sleep(1)
        in_flight -= 1
        return httpx.Response(200, json={})

    http = http_of(Wire(handle), rate_limit=RateLimit(requests_per_minute=1e9))
    async with anyio.create_task_group() as group:
        for index in range(tasks):
            group.start_soon(send, http, calls[index % len(calls)])
    assert highest == most


def test_there_is_a_connection_for_every_request_and_some_to_spare() -> None:
    assert all(
        bounds.requests_each < bounds.connections_each
        for bounds in (FAST_POLLS, DOWNLOADS, POLLS, SUBMITS, UPLOADS)
    )


async def test_submits_that_hang_do_not_hold_up_polls() -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            await anyio.sleep(100)
        return httpx.Response(200, json={})

    http = http_of(Wire(handle))
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(send, http, Call.SUBMIT)
        await anyio.sleep(1)
        started = anyio.current_time()
        await send_well(http)
        assert anyio.current_time() - started == pytest.approx(0, abs=0.5)
        group.cancel_scope.cancel()


@pytest.mark.real_time
@pytest.mark.wires
async def test_each_submit_has_a_connection_of_its_own() -> None:
    heads: list[str] = []
    connections: list[Connection] = []
    async with (
        serving(keeping(heads, connections=connections)) as base_url,
        aclosing(http_of(None, base_url=base_url)) as http,
    ):
        for _ in range(3):
            assert response_of(await submitted(http)).ok
    assert len(connections) == 3
    assert all("content-length: 23" in head.lower().splitlines() for head in heads)
    assert not any("transfer-encoding" in head.lower() for head in heads)


@pytest.mark.real_time
@pytest.mark.wires
async def test_polls_share_a_connection() -> None:
    connections: list[Connection] = []
    async with (
        serving(keeping([], connections=connections)) as base_url,
        aclosing(http_of(None, base_url=base_url)) as http,
    ):
        for _ in range(5):
            assert response_of(await http.request(a_poll(http))).ok
    assert len(connections) == 1


@pytest.mark.real_time
@pytest.mark.wires
async def test_many_polls_at_once_open_no_more_connections_than_there_are_polls() -> None:
    connections: list[Connection] = []
    async with (
        serving(keeping([], connections=connections)) as base_url,
        aclosing(http_of(None, base_url=base_url)) as http,
    ):
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(send_well, http)
    assert len(connections) <= 50
