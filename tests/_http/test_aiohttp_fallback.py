"""The extra `fast` takes every answer that httpx takes, and hides no request from what patches httpx."""

import asyncio
import functools
import gc
import logging
import warnings
from contextlib import aclosing
from typing import Any

import httpcore
import httpx
import pytest

from segmind_swap import SwapClient
from segmind_swap._config import RetryPolicy
from segmind_swap._http.aiohttp import is_patched

from ..support.raw_http import Connection, serving
from ..support.sessions import KEY, a_poll, an_upload, http_of, no_response_of, response_of, submitted

BODY = b'{"status": "QUEUED"}'
LENGTH = b"Content-Length: 20\r\n"
ODD_HEADS = {
    "a header of 9,000 bytes": LENGTH + b"X-Trace: " + b"x" * 9_000 + b"\r\n",
    "a header of 60,000 bytes": LENGTH + b"X-Trace: " + b"x" * 60_000 + b"\r\n",
    "200 headers": LENGTH + b"".join(b"X-%d: 1\r\n" % n for n in range(200)),
    "equal lengths twice": LENGTH * 2,
    "a cookie that is none": LENGTH + b"Set-Cookie: =\x01;;;\r\n",
    "a value that is not UTF-8": LENGTH + b"X-Name: \xff\xfe\r\n",
    "no length": b"",
}


async def answer(connection: Connection, head: bytes, body: bytes) -> None:
    got = await connection.head()
    await connection.body(got)
    await connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n" + body)


@pytest.mark.real_time
@pytest.mark.wires
@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=ODD_HEADS)
async def test_polls_and_uploads_take_every_head_that_submits_take(head: bytes) -> None:
    async def serve(connection: Connection) -> None:
        await answer(connection, head, BODY)

    async with serving(serve) as base_url, aclosing(http_of(None, base_url=base_url, auth="bearer")) as http:
        assert response_of(await submitted(http)).body == BODY
        for make in (a_poll, an_upload, a_poll):
            assert response_of(await http.request(make(http))).body == BODY


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_length_beside_chunks_is_read_as_httpx_reads_it() -> None:
    async def serve(connection: Connection) -> None:
        chunks = b"14\r\n" + BODY + b"\r\n0\r\n\r\n"
        await answer(connection, LENGTH + b"Transfer-Encoding: chunked\r\n", chunks)

    async with serving(serve) as base_url, aclosing(http_of(None, base_url=base_url, auth="bearer")) as http:
        assert response_of(await submitted(http)).body == BODY
        assert response_of(await http.request(a_poll(http))).body == BODY


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_submit_is_never_sent_a_second_time() -> None:
    heads: list[str] = []

    async def serve(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")

    async with serving(serve) as base_url, aclosing(http_of(None, base_url=base_url, auth="bearer")) as http:
        no_response_of(await submitted(http))
        assert len(heads) == 1


class Recorder:
    """Replaces a method of a transport, as packages for tests and for traces do."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def patch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, *, hides: bool) -> None:
        original = owner.handle_async_request

        async def recorded(transport: Any, request: Any) -> Any:
            self.urls.append(str(request.url))
            return await original(transport, request)

        monkeypatch.setattr(
            owner, "handle_async_request", functools.wraps(original)(recorded) if hides else recorded
        )


@pytest.mark.real_time
@pytest.mark.wires
@pytest.mark.parametrize("owner", [httpx.AsyncHTTPTransport, httpcore.AsyncConnectionPool])
@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize("opened_before", [False, True])
async def test_what_patches_httpx_sees_every_request(
    owner: Any, hides: bool, opened_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()

    async def serve(connection: Connection) -> None:
        await answer(connection, LENGTH, BODY)

    async with serving(serve) as base_url:
        if not opened_before:
            recorder.patch(monkeypatch, owner, hides=hides)
        async with aclosing(http_of(None, base_url=base_url, auth="bearer")) as http:
            if opened_before:
                recorder.patch(monkeypatch, owner, hides=hides)
            assert is_patched()
            await submitted(http)
            await http.request(a_poll(http))
            await http.request(an_upload(http))
    assert len(recorder.urls) == 3
    monkeypatch.undo()
    assert not is_patched()


class Instrumented:
    """What `wrapt` makes of a method: no function at all."""

    def __init__(self, method: Any) -> None:
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)


def test_a_wrapper_that_is_no_function_counts_as_a_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    method = httpx.AsyncHTTPTransport.__dict__["handle_async_request"]
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", Instrumented(method))
    assert is_patched()


@pytest.mark.parametrize(
    ("fast", "variable", "is_used"),
    [(True, None, True), (False, None, False), (True, "0", False), (True, "1", True), (True, "", True)],
)
async def test_the_extra_can_be_switched_off(
    fast: bool, variable: str | None, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []

    def fast_transport(**_: Any) -> None:
        made.append(True)

    monkeypatch.setattr("segmind_swap._http.pools.fast_transport", fast_transport)
    if variable is not None:
        monkeypatch.setenv("SEGMIND_FAST", variable)
    async with SwapClient(KEY, base_url="http://127.0.0.1:9", fast=fast, retry=RetryPolicy()):
        assert bool(made) is is_used


def test_a_client_that_is_never_closed_warns_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def serve(connection: Connection) -> None:
            while True:
                await connection.head()
                await connection.answer(b'{"credits": 1}')

        async with serving(serve) as base_url:
            client = SwapClient(KEY, base_url=base_url, auth="bearer")
            await client.credits()
            del client
            gc.collect()
            await asyncio.sleep(0.05)

    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.ERROR):
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
        texts = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
        # A warning keeps its connection alive, which would warn again in another test.
        caught.clear()
        gc.collect()
    assert [text for text in texts if "never closed" in text]
    assert not [text for text in texts if "Unclosed" in text and "transport" not in text]
    assert "Unclosed" not in caplog.text
