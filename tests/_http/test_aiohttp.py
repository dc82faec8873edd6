"""The transport of the extra `fast`: used on asyncio only, exact about URLs, and closed with its session."""

import sys
from contextlib import aclosing

import httpx
import pytest

from segmind_swap._http.aiohttp import Send, fast_transport

from ..support.raw_http import Connection, serving
from ..support.recording import keeping


async def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request)


def made(default: Send = never) -> httpx.AsyncBaseTransport | None:
    return fast_transport(verify=False, connections=4, keepalive=60.0, default=default)


@pytest.mark.real_time
async def test_the_transport_is_there_on_asyncio_and_not_on_trio(loop: str) -> None:
    transport = made()
    assert (transport is not None) is (loop == "asyncio")
    if transport is not None:
        await transport.aclose()


@pytest.mark.real_time
@pytest.mark.parametrize("missing", ["aiohttp", "httpx_aiohttp"])
async def test_without_the_extra_there_is_no_transport(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert made() is None


@pytest.mark.real_time
@pytest.mark.parametrize("path", ["/request/a%7eb%2Fc/d;e=f?x=%41&y=a+b%20c&z", "/a/../b", "/%E4%F6?q=%FF"])
async def test_a_url_is_asked_for_exactly_as_it_is_written(path: str, loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("there is no such transport on trio")
    heads: list[str] = []
    async with serving(keeping(heads)) as base_url:
        transport = made()
        assert transport is not None
        async with aclosing(transport):
            request = httpx.Request("GET", f"{base_url}{path}")
            response = await transport.handle_async_request(request)
            assert await response.aread() == b"{}"
    assert heads[0].split()[1].encode() == request.url.raw_path


@pytest.mark.real_time
async def test_a_connection_is_used_again_and_no_cookie_is_kept(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("there is no such transport on trio")
    heads: list[str] = []
    connections: list[Connection] = []

    async def serve(connection: Connection) -> None:
        connections.append(connection)
        while True:
            heads.append(await connection.head())
            await connection.answer(b"{}", status="200 OK\r\nSet-Cookie: a=b; Path=/")

    async with serving(serve) as base_url:
        transport = made()
        assert transport is not None
        async with aclosing(transport):
            for _ in range(3):
                response = await transport.handle_async_request(httpx.Request("GET", f"{base_url}/a"))
                await response.aread()
                await response.aclose()
    assert len(heads) == 3
    assert len(connections) == 1
    assert not any("cookie:" in head.lower() for head in heads)
