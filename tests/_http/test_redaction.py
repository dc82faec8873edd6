"""The key is in no log, no repr and no reason, and is removed from what a server says."""

import gzip
import logging
from contextlib import aclosing

import httpx
import pytest

from segmind_swap._api.requests import poll_request
from segmind_swap._models import Call

from ..support.raw_http import Connection, serving
from ..support.reachable import everything_in
from ..support.recording import Recorder, fetched, send
from ..support.sessions import (
    KEY,
    Chunks,
    Wire,
    a_poll,
    http_of,
    no_response_of,
    response_of,
)


async def test_the_key_is_in_no_repr_and_no_vars_of_anything_that_is_kept() -> None:
    http = http_of(Recorder(401, 200))
    await http.request(a_poll(http))
    found = everything_in(http)
    assert len(found) > 60, "the walk reaches the clients' insides"
    for thing in found:
        told = repr(thing) + (repr(vars(thing)) if hasattr(thing, "__dict__") else "")
        assert KEY not in told, f"a {type(thing).__name__} shows the key"


@pytest.mark.real_time
@pytest.mark.wires
async def test_the_key_is_in_no_log_not_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(connection: Connection) -> None:
        while True:
            head = await connection.head()
            await connection.body(head)
            await connection.answer(b"{}", status="401 Unauthorized" if "Bearer" in head else "200 OK")

    with caplog.at_level(logging.DEBUG):
        async with serving(answer) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
            for call in (Call.POLL, Call.SUBMIT, Call.CREDITS, Call.UPLOAD):
                assert response_of(await send(http, call)).ok
            await fetched(http, f"{base_url}/a.png")
            await http.request(poll_request(f"{base_url}/\x00"))
    assert any(record.name.startswith("httpcore") for record in caplog.records), "the logs are on"
    assert KEY not in caplog.text
    assert all(KEY not in repr(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"cannot send Authorization: Bearer {KEY}"),
        httpx.LocalProtocolError(f"illegal header value b'Bearer {KEY}'"),
        ExceptionGroup(f"with {KEY}", [OSError(KEY)]),
    ],
)
async def test_the_key_is_in_no_reason(error: Exception) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise error

    http = http_of(Wire(fail))
    no_answer = no_response_of(await http.request(a_poll(http)))
    assert KEY not in repr(no_answer)
    assert type(error).__name__ in no_answer.reason


async def test_a_key_that_a_server_repeats_is_blacked_out() -> None:
    echo = httpx.Response(
        400, json={"error": f"bad key {KEY}!"}, headers={"x-request-id": f"r-{KEY}", "x-key": KEY}
    )
    http = http_of(Recorder(echo))
    answer = response_of(await http.request(a_poll(http)))
    assert KEY.encode() not in answer.body
    assert answer.fields() == {"error": "bad key ***!"}
    assert answer.request_id == "r-***"
    assert KEY not in repr(dict(answer.headers))


async def test_a_key_that_a_server_repeats_before_it_breaks_off_is_blacked_out() -> None:
    broken = Chunks(b"{", httpx.ReadError(f"cut at {KEY}"))
    echo = httpx.Response(200, stream=broken, headers={"x-request-id": f"r-{KEY}"})
    http = http_of(Recorder(echo))
    assert KEY not in repr(await http.request(a_poll(http)))


@pytest.mark.parametrize(
    "start",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"GIF89a\1\0",
        b"\0\0\0\x18ftypavif",
    ],
)
async def test_a_picture_is_never_altered(start: bytes) -> None:
    picture = start + KEY.encode() + b"\0"
    http = http_of(Recorder(httpx.Response(200, content=picture)))
    assert response_of(await fetched(http)).body == picture


@pytest.mark.parametrize(
    "result",
    [
        b"<html>your key is %s</html>",
        b'{"key": "%s"}',
        b"%s",
        b"<svg xmlns='http://www.w3.org/2000/svg'><text>%s</text></svg>",
        b"GIF89a is what you wanted, %s",
        b"\x80\x81\0%s",
        b"PK\3\4%s\0",
    ],
)
async def test_a_result_that_is_a_text_or_unknown_is_kept_without_the_key(result: bytes) -> None:
    http = http_of(Recorder(httpx.Response(200, content=result % KEY.encode())))
    assert response_of(await fetched(http)).body == result % b"***"
    http = http_of(Recorder(httpx.Response(200, content=result % b"\xef\xbb\xbfelse")))
    assert response_of(await fetched(http)).body == result % b"\xef\xbb\xbfelse"


async def test_a_result_in_utf_16_is_kept_without_the_key_and_otherwise_as_it_is() -> None:
    for said, body in ((KEY, b"[***]"), ("else", "[else]".encode("utf-16"))):
        http = http_of(Recorder(httpx.Response(200, content=f"[{said}]".encode("utf-16"))))
        assert response_of(await fetched(http)).body == body


async def test_the_key_is_blacked_out_of_a_compressed_answer_too() -> None:
    packed = httpx.ByteStream(gzip.compress(KEY.encode()))
    http = http_of(Recorder(httpx.Response(200, stream=packed, headers={"content-encoding": "gzip"})))
    assert response_of(await http.request(a_poll(http))).body == b"***"
