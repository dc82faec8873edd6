"""HTTP on one connection, over a real socket: what is answered, and what only ends the connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import h11
import pytest

from segmind_swap._review.serving import connection
from segmind_swap._review.serving.connection import serve_connection
from segmind_swap._review.serving.messages import Request, Response

pytestmark = pytest.mark.real_time


async def echo(request: Request) -> Response:
    if request.target == "/error":
        raise OSError("the disk failed")
    return Response(body=f"{request.method} {request.target} ".encode() + request.body)


@asynccontextmanager
async def connected(handle: connection.Handler = echo) -> AsyncIterator[anyio.abc.SocketStream]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, partial(serve_connection, handle=handle))
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            yield stream
        group.cancel_scope.cancel()


def next_event(client: h11.Connection) -> object:
    try:
        return client.next_event()
    except h11.RemoteProtocolError:  # the connection ended before the response
        return h11.ConnectionClosed()


async def answers(stream: anyio.abc.SocketStream, sent: bytes, count: int = 1) -> list[tuple[int, bytes]]:
    client = h11.Connection(h11.CLIENT)
    found: list[tuple[int, bytes]] = []
    await stream.send(sent)
    for _ in range(count):
        client.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
        client.send(h11.EndOfMessage())
        status, body = 0, b""
        with anyio.fail_after(20):
            while not isinstance(event := next_event(client), h11.EndOfMessage | h11.ConnectionClosed):
                if event is h11.NEED_DATA:
                    try:
                        client.receive_data(await stream.receive())
                    except anyio.EndOfStream:
                        client.receive_data(b"")
                elif isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
        found.append((status, body))
        if client.our_state is client.their_state is h11.DONE:
            client.start_next_cycle()
    return found


async def test_one_connection_answers_several_requests() -> None:
    async with connected() as stream:
        one = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"
        two = b"GET /b HTTP/1.1\r\nhost: a\r\n\r\n"
        assert await answers(stream, one + two, 2) == [(200, b"POST /a hi"), (200, b"GET /b ")]


async def test_a_file_is_sent_whole(tmp_path: Path) -> None:
    data = b"x" * 700_001
    (tmp_path / "a.png").write_bytes(data)

    async def file(request: Request) -> Response:
        return Response(media_type="image/png", body=tmp_path / "a.png")

    async with connected(file) as stream:
        assert await answers(stream, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") == [(200, data)]


async def test_what_is_no_http_is_answered_400_and_the_server_goes_on() -> None:
    async with connected() as stream:
        assert (await answers(stream, b"\x16\x03\x01\x02\x00\x01\r\n\r\n"))[0][0] == 400


async def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_BODY_BYTES", 10)
    async with connected() as stream:
        sent = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n" + b"x" * 11
        assert (await answers(stream, sent))[0][0] == 413


async def test_an_error_of_the_disk_ends_one_connection_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected() as stream:
        assert await answers(stream, b"GET /error HTTP/1.1\r\nhost: a\r\n\r\n") == [(0, b"")]
    assert "the disk failed" in caplog.text


async def test_a_client_that_leaves_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with connected() as stream:
        await stream.send(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhi")
    assert caplog.text == ""


async def test_a_client_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_IDLE", 0.05)
    async with connected() as stream:
        with anyio.fail_after(20), pytest.raises(anyio.EndOfStream):
            await stream.receive()
