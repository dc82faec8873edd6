"""One request, one answer: what is sent, what comes back, what goes wrong, and how long it may take."""

import gzip
import json
import zlib
from contextlib import aclosing

import anyio
import httpx
import pytest

from segmind_swap._api.messages import Request
from segmind_swap._api.requests import poll_request
from segmind_swap._api.text import shorten
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.failure_reason import failure_reason
from segmind_swap._models import Call

from ..support.raw_http import Connection, serving
from ..support.recording import MIB, Recorder, fetched, keeping, send
from ..support.sessions import (
    KEY,
    Chunks,
    Wire,
    a_poll,
    a_submit,
    http_of,
    jpeg,
    no_response_of,
    png,
    response_of,
    submitted,
    webp,
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", list(Call))
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int, call: Call) -> None:
    location = {"location": "https://evil.example/steal"}
    transport = Recorder(httpx.Response(status, headers=location))
    answer = response_of(await send(http_of(transport), call))
    assert answer.status_code == status
    assert answer.headers["location"] == "https://evil.example/steal"
    assert len(transport.requests) == 1


@pytest.mark.parametrize("call", list(Call))
async def test_no_compression_is_asked_for(call: Call) -> None:
    transport = Recorder()
    await send(http_of(transport), call)
    assert transport.requests[0].headers["accept-encoding"] == "identity"
    assert transport.requests[0].headers["user-agent"] == "segmind-swap/test"


@pytest.mark.parametrize("body", [b"x", b'{"character_image":"x"}', b"x" * MIB])
async def test_a_submit_has_a_length_and_is_not_chunked(body: bytes) -> None:
    transport = Recorder()
    response_of(await submitted(http_of(transport), body))
    (request,) = transport.requests
    assert request.headers.get_list("content-length") == [str(len(body))]
    assert "transfer-encoding" not in request.headers
    assert request.headers["content-type"] == "application/json"
    assert request.content == body
    assert (request.method, str(request.url)) == ("POST", "https://api.segmind.com/workflows/w-v1")


async def test_a_poll_is_made_at_exactly_the_url_the_server_gave() -> None:
    transport = Recorder()
    url = "https://api.segmind.com/v1/requests/a%2Fb?x=%20&y=1"
    await http_of(transport).request(poll_request(url))
    assert transport.requests[0].url.raw_path == b"/v1/requests/a%2Fb?x=%20&y=1"
    assert transport.requests[0].content == b""


async def test_an_answer_is_given_with_lower_case_headers_and_its_body() -> None:
    http = http_of(Recorder(httpx.Response(200, content=b"{}", headers={"X-Request-ID": "r1"})))
    answer = response_of(await http.request(a_poll(http)))
    assert (answer.status_code, answer.body, answer.headers["x-request-id"]) == (200, b"{}", "r1")


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS])
async def test_an_endless_answer_is_given_up_after_16_mib(call: Call) -> None:
    body = Chunks(b" " * 65536, endless=True)
    transport = Recorder(httpx.Response(200, stream=body, headers={"x-request-id": "r1"}))
    no_answer = no_response_of(await send(http_of(transport), call))
    assert "larger than 16 MiB" in no_answer.reason
    assert body.taken_bytes == 16 * MIB + 65536
    assert body.closed
    assert (no_answer.sent, no_answer.status_code, no_answer.request_id) == (True, 200, "r1")


async def test_an_endless_picture_is_given_up_after_64_mib() -> None:
    body = Chunks(b"\0" * MIB, endless=True)
    http = http_of(Recorder(httpx.Response(200, stream=body)))
    assert "larger than 64 MiB" in no_response_of(await fetched(http)).reason
    assert body.taken_bytes == 65 * MIB
    assert body.closed


async def test_an_answer_of_exactly_16_mib_is_taken() -> None:
    http = http_of(Recorder(httpx.Response(200, content=b" " * 16 * MIB)))
    assert len(response_of(await http.request(a_poll(http))).body) == 16 * MIB


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate"])
async def test_a_compressed_answer_is_read_though_none_was_asked_for(encoding: str) -> None:
    compress = zlib.compress if encoding == "deflate" else gzip.compress
    packed = httpx.Response(
        200, stream=httpx.ByteStream(compress(b'{"a":1}')), headers={"content-encoding": encoding}
    )
    http = http_of(Recorder(packed))
    assert response_of(await http.request(a_poll(http))).fields() == {"a": 1}


@pytest.mark.parametrize("layers", [1, 2])
async def test_a_compressed_bomb_does_not_go_off(layers: int) -> None:
    bomb = b"\0" * 32 * MIB
    for _ in range(layers):
        bomb = gzip.compress(bomb)
    headers = {"content-encoding": ", ".join(["gzip"] * layers)}
    http = http_of(Recorder(httpx.Response(200, stream=httpx.ByteStream(bomb), headers=headers)))
    no_answer = no_response_of(await http.request(a_poll(http)))
    assert "larger than" in no_answer.reason
    assert no_answer.status_code == 200


@pytest.mark.parametrize("encoding", ["base64", "UTF-8", "aws-chunked", "none", "binary", "nonsense"])
async def test_a_word_that_is_no_encoding_is_none(encoding: str) -> None:
    for body in (b'{"poll_url": "x"}', b"??"):
        labelled = httpx.Response(200, content=body, headers={"content-encoding": encoding})
        for call in Call:
            assert response_of(await send(http_of(Recorder(labelled)), call)).body == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity"])
async def test_content_that_was_never_encoded_is_read_whatever_its_header_says(encoding: str) -> None:
    headers = {"content-encoding": encoding}
    for body in (b'{"poll_url": "x"}', b'\xef\xbb\xbf {"poll_url": "x"}', b'["x"]'):
        stream = httpx.ByteStream(body)
        answer = response_of(
            await submitted(http_of(Recorder(httpx.Response(200, stream=stream, headers=headers))))
        )
        assert json.loads(answer.body) == json.loads(body)
    for body in (png(), jpeg(), webp()):
        stream = httpx.ByteStream(body)
        host = http_of(Recorder(httpx.Response(200, stream=stream, headers=headers)))
        assert response_of(await fetched(host)).body == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x" * 50, "gzip, br"])
@pytest.mark.parametrize("status", [200, 204, 302, 401, 402, 422, 429, 500, 503])
async def test_an_empty_body_has_no_encoding(status: int, encoding: str) -> None:
    for call in Call:
        empty = httpx.Response(
            status, stream=httpx.ByteStream(b""), headers={"content-encoding": encoding, "retry-after": "3"}
        )
        answer = response_of(await send(http_of(Recorder(empty)), call))
        assert (answer.status_code, answer.body, answer.headers["retry-after"]) == (status, b"", "3")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"\x8b\x02\x80no"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("gzip", b"<html>not gzip"),
        ("gzip", gzip.compress(b"Too Many Requests", mtime=0)[:-9]),
        ("gzip", gzip.compress(b"Too Many Requests", mtime=0) + b"junk"),
        ("gzip", gzip.compress(b"\0" * 32 * MIB, mtime=0)),
        ("deflate", b"\xff\xff\xff"),
        ("gzip, gzip, gzip, gzip, gzip", b"?"),
    ],
)
@pytest.mark.parametrize("status", [302, 401, 402, 422, 429, 500, 503])
async def test_a_complete_answer_that_is_no_success_counts_by_its_status_whatever_its_body_is(
    status: int, encoding: str, body: bytes
) -> None:
    for call in (Call.SUBMIT, Call.POLL, Call.DOWNLOAD):
        told = httpx.Response(
            status,
            stream=httpx.ByteStream(body),
            headers={"content-encoding": encoding, "retry-after": "3", "x-request-id": "r1"},
        )
        answer = response_of(await send(http_of(Recorder(told)), call))
        assert (answer.status_code, answer.excerpt, answer.request_id) == (status, "", "r1")
        assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
async def test_a_refusal_whose_body_breaks_off_is_no_answer(call: Call) -> None:
    """The framing is not complete: a proxy may have cut another answer."""
    cut = Chunks(gzip.compress(b"Too Many Requests"), httpx.RemoteProtocolError("incomplete"))
    told = httpx.Response(429, stream=cut, headers={"content-encoding": "gzip"})
    no_answer = no_response_of(await send(http_of(Recorder(told)), call))
    assert (no_answer.sent, no_answer.status_code) == (True, 429)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_an_answer_in_any_encoding_of_unicode_is_read_and_never_shows_the_key(encoding: str) -> None:
    text = json.dumps({"error": f"no access with {KEY}", "request_id": "r1"})
    http = http_of(Recorder(httpx.Response(403, content=text.encode(encoding))))
    answer = response_of(await submitted(http))
    assert answer.fields() == {"error": "no access with ***", "request_id": "r1"}
    assert answer.excerpt == "no access with ***"
    cut = http_of(Recorder(httpx.Response(403, content=text.encode(encoding)[:-1])))
    assert KEY not in response_of(await submitted(cut)).text.replace(" ", "")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
async def test_an_unknown_encoding_is_no_answer(encoding: str) -> None:
    packed = httpx.Response(200, stream=httpx.ByteStream(b"??"), headers={"content-encoding": encoding})
    no_answer = no_response_of(await submitted(http_of(Recorder(packed))))
    assert "was not asked for" in no_answer.reason
    assert (no_answer.sent, no_answer.status_code) == (True, 200)


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
async def test_an_answer_cut_after_its_head_is_no_answer_but_tells_its_status(call: Call) -> None:
    cut = httpx.RemoteProtocolError("peer closed connection without sending complete message body")
    body = Chunks(b'{"poll_url": "https://api.segmi', cut)
    http = http_of(Recorder(httpx.Response(202, stream=body, headers={"x-request-id": "r1"})))
    no_answer = no_response_of(await send(http, call))
    assert (no_answer.sent, no_answer.status_code, no_answer.request_id) == (True, 202, "r1")
    assert "peer closed connection" in no_answer.reason
    assert body.closed


async def test_an_answer_whose_connection_fails_to_close_is_an_answer_still() -> None:
    """It may be the acceptance of a paid swap."""

    class Unclosable(Chunks):
        async def aclose(self) -> None:
            raise OSError("cannot close")

    whole = Unclosable(b'{"poll_url": "https://api.segmind.com/requests/1"}')
    http = http_of(Recorder(httpx.Response(200, stream=whole)))
    assert response_of(await submitted(http)).fields() == {"poll_url": "https://api.segmind.com/requests/1"}


async def test_an_answer_whose_connection_takes_for_ever_to_close_is_an_answer_still() -> None:
    class Unclosable(Chunks):
        async def aclose(self) -> None:
            await anyio.sleep_forever()

    http = http_of(Recorder(httpx.Response(200, stream=Unclosable(b"{}"))))
    with anyio.fail_after(200):
        assert response_of(await submitted(http)).body == b"{}"


ERRORS = [
    OSError("broken pipe"),
    ConnectionResetError(104, "Connection reset by peer"),
    TimeoutError(),
    RuntimeError("a bug"),
    AssertionError(),
    KeyError("x"),
    ExceptionGroup("many", [OSError("a"), ValueError("b")]),
    anyio.EndOfStream(),
    anyio.ClosedResourceError(),
    httpx.ConnectError("All connection attempts failed"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("gone"),
    httpx.PoolTimeout("full"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.ProxyError("407"),
    httpx.InvalidURL("not one"),
    httpx.StreamConsumed(),
    StopAsyncIteration(),
]


def named(error: Exception) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_before_the_body_was_read_nothing_was_sent(
    error: Exception,
) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise error

    no_answer = no_response_of(await submitted(http_of(Wire(fail))))
    assert (no_answer.sent, no_answer.status_code) == (False, None)
    if not isinstance(error, StopAsyncIteration):
        assert no_answer.reason == shorten(failure_reason(error))


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_midway_through_the_body_nothing_was_sent(error: Exception) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        assert await anext(aiter(request.stream))
        raise error

    assert not no_response_of(await submitted(http_of(Wire(fail)))).sent


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_once_it_has_the_body_it_may_have_been_sent(
    error: Exception,
) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        await request.aread()
        raise error

    assert no_response_of(await submitted(http_of(Wire(fail)))).sent


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_at_a_free_call_is_no_answer(error: Exception) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise error

    http = http_of(Wire(fail))
    for call in (Call.POLL, Call.UPLOAD, Call.CREDITS, Call.DOWNLOAD):
        assert no_response_of(await send(http, call)).status_code is None


@pytest.mark.parametrize(
    ("call", "seconds"),
    [(Call.SUBMIT, 180), (Call.POLL, 20), (Call.UPLOAD, 180), (Call.CREDITS, 20), (Call.DOWNLOAD, 300)],
)
async def test_a_transport_that_ignores_timeouts_is_left_in_time(call: Call, seconds: float) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    http = http_of(Wire(never))
    started = anyio.current_time()
    no_answer = no_response_of(await send(http, call))
    assert anyio.current_time() - started == pytest.approx(seconds, abs=0.5)
    assert no_answer.reason == f"no complete answer within {seconds} s"
    assert no_answer.sent is (call is not Call.SUBMIT)


async def test_an_answer_that_trickles_in_for_ever_is_left_in_time() -> None:
    body = Chunks(1.0, endless=True)
    http = http_of(Recorder(httpx.Response(200, stream=body)))
    started = anyio.current_time()
    no_answer = no_response_of(await http.request(a_poll(http)))
    assert anyio.current_time() - started == pytest.approx(20, abs=0.5)
    assert (no_answer.sent, no_answer.status_code) == (True, 200)
    assert body.closed


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_poll_url_is_asked_for_as_it_was_told() -> None:
    heads: list[str] = []
    path = "/workflows/request/a%7eb%2Fc/d;e=f?x=%41&y=a+b%20c&z"
    async with serving(keeping(heads)) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        assert response_of(await http.request(poll_request(f"{base_url}{path}"))).ok
    assert [head.split()[1] for head in heads] == [path]


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    async with serving(keeping([])) as base_url:
        pass
    async with aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_response_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code) == (False, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_resets_before_it_read_the_body_was_sent_nothing() -> None:
    async def reset(connection: Connection) -> None:
        await connection.head()
        connection.reset_on_close()

    async with serving(reset) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        # Larger than what the two kernels hold between them.
        no_answer = no_response_of(await submitted(http, b"x" * 48 * MIB))
    assert (no_answer.sent, no_answer.status_code) == (False, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_resets_after_it_read_everything_may_have_accepted() -> None:
    async def reset(connection: Connection) -> None:
        assert await connection.body(await connection.head())
        connection.reset_on_close()

    async with serving(reset) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_response_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code) == (True, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_closes_after_it_read_everything_may_have_accepted() -> None:
    async def close(connection: Connection) -> None:
        assert await connection.body(await connection.head())

    async with serving(close) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_response_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code) == (True, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_resets_amid_its_answer_may_have_accepted() -> None:
    async def cut(connection: Connection) -> None:
        assert await connection.body(await connection.head())
        await connection.answer(b'{"poll_url"', length=100)

    async with serving(cut) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_response_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code, no_answer.request_id) == (True, 200, "r1")


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_submit_called_back_on_a_real_connection_never_arrives_whole() -> None:
    arrived: list[int] = []
    gone = anyio.Event()

    async def count(connection: Connection) -> None:
        head = await connection.head()
        try:
            arrived.append(len(await connection.body(head)))
        except anyio.IncompleteRead:
            arrived.append(-1)
        gone.set()

    body = b'{"character_image":"x"}'
    async with serving(count) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        held = OneShotBody(body)
        assert held.revoke()
        request = Request(call=Call.SUBMIT, method="POST", url=a_submit(http).url, body=body)
        async with await http.lease(Call.SUBMIT) as place:
            no_answer = no_response_of(await place.send(request, "bearer", held))
        with anyio.fail_after(300):
            await gone.wait()
    assert arrived == [-1]
    assert not no_answer.sent
    assert "nobody waits" in no_answer.reason
