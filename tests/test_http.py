"""The wire: where the key goes, what comes back, how long it may take and how much of it there may be."""

import gzip
import logging
import zlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import anyio
import httpx
import pytest
from pydantic import SecretStr

from segmind_swap._body import HeldBody
from segmind_swap._clients import FAST_POLLS, PICTURES, POLLS, SUBMITS, UPLOADS
from segmind_swap._config import Auth, RateLimit, RequestTimeouts
from segmind_swap._errors import ConfigurationError
from segmind_swap._events import Event, RateLimited
from segmind_swap._http import Http
from segmind_swap._wire import Answer, Call, NoAnswer, Request, download_request, poll_request

from .sessions import (
    KEY,
    PICTURE_URL,
    Chunks,
    Wire,
    a_credits_call,
    a_poll,
    a_submit,
    an_upload,
    answer_of,
    http_of,
    no_answer_of,
    submitted,
)
from .tcp import Connection, serving

MIB = 1024 * 1024


class Recorder(httpx.AsyncBaseTransport):
    """Keeps every request it is given, and answers it with the next of a list, the last one for good."""

    def __init__(self, *answers: httpx.Response | int) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers) or [200]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return httpx.Response(answer, json={}) if isinstance(answer, int) else answer

    @property
    def schemes(self) -> list[str]:
        """With which header each request brought the key."""
        return [key_header(request) for request in self.requests]


def key_header(request: httpx.Request) -> str:
    carried = [name for name, value in request.headers.items() if KEY in value]
    values = {"authorization": f"Bearer {KEY}", "x-api-key": KEY}
    assert all(request.headers[name] == values[name] for name in carried), request.headers
    assert len(carried) <= 1, "the key is never sent in two headers"
    return carried[0] if carried else "none"


async def send(http: Http, call: Call) -> Answer | NoAnswer:
    match call:
        case Call.SUBMIT:
            return await submitted(http)
        case Call.POLL:
            return await http.call(a_poll(http))
        case Call.UPLOAD:
            return await http.call(an_upload(http))
        case Call.CREDITS:
            return await http.call(a_credits_call(http))
        case Call.DOWNLOAD:
            return await fetched(http)


async def fetched(http: Http, url: str = PICTURE_URL) -> Answer | NoAnswer:
    async with await http.enter(Call.DOWNLOAD) as place:
        return await place.attempt(download_request(url), None)


# Which header carries the key


@pytest.mark.parametrize(
    ("call", "first"),
    [
        (Call.SUBMIT, "authorization"),
        (Call.POLL, "authorization"),
        (Call.UPLOAD, "x-api-key"),
        (Call.CREDITS, "x-api-key"),
        (Call.DOWNLOAD, "none"),
    ],
)
async def test_each_call_begins_with_the_scheme_of_its_document(call: Call, first: str) -> None:
    transport = Recorder()
    answer_of(await send(http_of(transport), call))
    assert transport.schemes == [first]


@pytest.mark.parametrize(("auth", "name"), [("bearer", "authorization"), ("x-api-key", "x-api-key")])
@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS])
async def test_a_pinned_scheme_is_used_for_every_call_and_never_left(
    auth: Auth, name: str, call: Call
) -> None:
    transport = Recorder(401)
    http = http_of(transport, auth=auth)
    assert answer_of(await send(http, call)).status_code == 401
    assert answer_of(await send(http, call)).status_code == 401
    assert transport.schemes == [name, name]


@pytest.mark.parametrize(
    ("call", "schemes"),
    [
        (Call.POLL, ["authorization", "x-api-key"]),
        (Call.UPLOAD, ["x-api-key", "authorization"]),
        (Call.CREDITS, ["x-api-key", "authorization"]),
    ],
)
async def test_a_401_is_answered_with_the_other_scheme_once(call: Call, schemes: list[str]) -> None:
    transport = Recorder(401, 200)
    http = http_of(transport)
    assert answer_of(await send(http, call)).status_code == 200
    assert transport.schemes == schemes


async def test_the_scheme_that_worked_is_used_from_then_on() -> None:
    transport = Recorder(401, 200)
    http = http_of(transport)
    for _ in range(3):
        await http.call(a_poll(http))
    await submitted(http)
    assert transport.schemes == ["authorization", *["x-api-key"] * 4]


async def test_what_workflow_calls_taught_does_not_change_account_calls() -> None:
    transport = Recorder(401, 200)
    http = http_of(transport)
    await http.call(a_poll(http))
    await http.call(a_credits_call(http))
    await http.call(an_upload(http))
    assert transport.schemes == ["authorization"] + ["x-api-key"] * 3


async def test_a_confirmed_scheme_is_not_left_at_a_later_401() -> None:
    transport = Recorder(200, 401)
    http = http_of(transport)
    await http.call(a_poll(http))
    assert answer_of(await http.call(a_poll(http))).status_code == 401
    assert transport.schemes == ["authorization", "authorization"]


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_only_a_2xx_confirms_a_scheme(status: int) -> None:
    transport = Recorder(httpx.Response(status, headers={"retry-after": "1"}), 401, 200)
    http = http_of(transport)
    await http.call(a_poll(http))
    assert answer_of(await http.call(a_poll(http))).status_code == 200
    assert transport.schemes == ["authorization", "authorization", "x-api-key"]


async def test_a_key_that_neither_scheme_brings_in_is_asked_with_each_once() -> None:
    transport = Recorder(401)
    http = http_of(transport)
    assert answer_of(await http.call(a_poll(http))).status_code == 401
    assert sorted(transport.schemes) == ["authorization", "x-api-key"]


async def test_of_many_calls_that_begin_together_each_asks_twice_at_most() -> None:
    seen: list[str] = []

    async def by_header(request: httpx.Request) -> httpx.Response:
        name = key_header(request)
        seen.append(name)
        await anyio.sleep(1)
        return httpx.Response(200 if name == "x-api-key" else 401)

    http = http_of(Wire(by_header))
    codes: list[int] = []

    async def call() -> None:
        codes.append(answer_of(await http.call(a_poll(http))).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(call)
    assert codes == [200] * 20
    assert seen.count("authorization") == 20
    assert seen.count("x-api-key") == 20


# Where the key never goes


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/requests/1",
        "https://api.segmind.com.evil.example/requests/1",
        "https://evilsegmind.com/requests/1",
        "http://api.segmind.com/requests/1",
        "https://api.segmind.com:8443/requests/1",
        "https://api.segmind.com@evil.example/requests/1",
        "https://evil.example#@api.segmind.com/",
        "https://127.0.0.1/requests/1",
        "//evil.example/requests/1",
    ],
)
async def test_the_key_never_goes_to_another_origin(url: str) -> None:
    transport = Recorder()
    http = http_of(transport)
    with pytest.raises(ConfigurationError, match="must not see the key") as caught:
        await http.call(poll_request(url))
    assert transport.requests == []
    assert KEY not in repr(caught.value)


async def test_with_a_base_url_of_ones_own_even_segmind_does_not_get_the_key() -> None:
    transport = Recorder()
    http = http_of(transport, base_url="https://swap.example")
    await http.call(a_credits_call(http))
    with pytest.raises(ConfigurationError, match="must not see the key"):
        await http.call(poll_request("https://api.segmind.com/requests/1"))
    assert [request.url.host for request in transport.requests] == ["swap.example"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.segmind.com/requests/1",
        "https://segmind.com/requests/1",
        "https://workflows-api.segmind.com/requests/1",
        "https://API.Segmind.com:443/requests/1",
    ],
)
async def test_the_key_goes_to_segminds_own_https_hosts(url: str) -> None:
    transport = Recorder()
    http = http_of(transport)
    await http.call(poll_request(url))
    assert transport.schemes == ["authorization"]


@pytest.mark.parametrize("url", [PICTURE_URL, "https://api.segmind.com/x.png", "https://cdn.example/x.png"])
async def test_downloads_never_carry_the_key(url: str) -> None:
    transport = Recorder()
    http = http_of(transport)
    await http.call(a_poll(http))
    await fetched(http, url)
    assert transport.schemes == ["authorization", "none"]
    assert "cookie" not in transport.requests[-1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", list(Call))
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int, call: Call) -> None:
    location = {"location": "https://evil.example/steal"}
    transport = Recorder(httpx.Response(status, headers=location))
    answer = answer_of(await send(http_of(transport), call))
    assert answer.status_code == status
    assert answer.headers["location"] == "https://evil.example/steal"
    assert len(transport.requests) == 1


def everything_in(thing: object) -> list[object]:
    """What can be reached from `thing` through attributes and containers, as a crash reporter walks."""
    seen: dict[int, object] = {}
    todo = [thing]
    while todo:
        thing = todo.pop()
        # Only who asks a SecretStr for its secret gets it; that is its purpose.
        if id(thing) in seen or isinstance(thing, SecretStr | type):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, dict):
            todo += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set | frozenset):
            todo += thing
        elif type(thing).__module__.startswith(("segmind_swap", "httpx")):
            todo += [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
            todo += vars(thing).values() if hasattr(thing, "__dict__") else []
    return list(seen.values())


async def test_the_key_is_in_no_repr_and_no_vars_of_anything_that_is_kept() -> None:
    http = http_of(Recorder(401, 200))
    await http.call(a_poll(http))
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
                assert answer_of(await send(http, call)).ok
            await fetched(http, f"{base_url}/a.png")
            await http.call(poll_request(f"{base_url}/\x00"))
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
    no_answer = no_answer_of(await http.call(a_poll(http)))
    assert KEY not in repr(no_answer)
    assert type(error).__name__ in no_answer.reason


async def test_a_key_that_a_server_repeats_is_blacked_out() -> None:
    echo = httpx.Response(
        400, json={"error": f"bad key {KEY}!"}, headers={"x-request-id": f"r-{KEY}", "x-key": KEY}
    )
    http = http_of(Recorder(echo))
    answer = answer_of(await http.call(a_poll(http)))
    assert KEY.encode() not in answer.body
    assert answer.fields() == {"error": "bad key ***!"}
    assert answer.request_id == "r-***"
    assert KEY not in repr(dict(answer.headers))


async def test_a_key_that_a_server_repeats_before_it_breaks_off_is_blacked_out() -> None:
    broken = Chunks(b"{", httpx.ReadError(f"cut at {KEY}"))
    echo = httpx.Response(200, stream=broken, headers={"x-request-id": f"r-{KEY}"})
    http = http_of(Recorder(echo))
    assert KEY not in repr(await http.call(a_poll(http)))


async def test_a_picture_is_never_altered() -> None:
    picture = b"\x89PNG" + KEY.encode() + b"\0"
    http = http_of(Recorder(httpx.Response(200, content=picture)))
    assert answer_of(await fetched(http)).body == picture


# What is sent


@pytest.mark.parametrize("call", list(Call))
async def test_no_compression_is_asked_for(call: Call) -> None:
    transport = Recorder()
    await send(http_of(transport), call)
    assert transport.requests[0].headers["accept-encoding"] == "identity"
    assert transport.requests[0].headers["user-agent"] == "segmind-swap/test"


@pytest.mark.parametrize("body", [b"x", b'{"character_image":"x"}', b"x" * MIB])
async def test_a_submit_has_a_length_and_is_not_chunked(body: bytes) -> None:
    transport = Recorder()
    answer_of(await submitted(http_of(transport), body))
    (request,) = transport.requests
    assert request.headers.get_list("content-length") == [str(len(body))]
    assert "transfer-encoding" not in request.headers
    assert request.headers["content-type"] == "application/json"
    assert request.content == body
    assert (request.method, str(request.url)) == ("POST", "https://api.segmind.com/workflows/w-v1")


async def test_a_poll_is_made_at_exactly_the_url_the_server_gave() -> None:
    transport = Recorder()
    url = "https://api.segmind.com/v1/requests/a%2Fb?x=%20&y=1"
    await http_of(transport).call(poll_request(url))
    assert transport.requests[0].url.raw_path == b"/v1/requests/a%2Fb?x=%20&y=1"
    assert transport.requests[0].content == b""


# What comes back


async def test_an_answer_is_given_with_lower_case_headers_and_its_body() -> None:
    http = http_of(Recorder(httpx.Response(200, content=b"{}", headers={"X-Request-ID": "r1"})))
    answer = answer_of(await http.call(a_poll(http)))
    assert (answer.status_code, answer.body, answer.headers["x-request-id"]) == (200, b"{}", "r1")


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS])
async def test_an_endless_answer_is_given_up_after_16_mib(call: Call) -> None:
    body = Chunks(b" " * 65536, endless=True)
    transport = Recorder(httpx.Response(200, stream=body, headers={"x-request-id": "r1"}))
    no_answer = no_answer_of(await send(http_of(transport), call))
    assert "larger than 16 MiB" in no_answer.reason
    assert body.taken_bytes == 16 * MIB + 65536
    assert body.closed
    assert (no_answer.sent, no_answer.status_code, no_answer.request_id) == (True, 200, "r1")


async def test_an_endless_picture_is_given_up_after_64_mib() -> None:
    body = Chunks(b"\0" * MIB, endless=True)
    http = http_of(Recorder(httpx.Response(200, stream=body)))
    assert "larger than 64 MiB" in no_answer_of(await fetched(http)).reason
    assert body.taken_bytes == 65 * MIB
    assert body.closed


async def test_an_answer_of_exactly_16_mib_is_taken() -> None:
    http = http_of(Recorder(httpx.Response(200, content=b" " * 16 * MIB)))
    assert len(answer_of(await http.call(a_poll(http))).body) == 16 * MIB


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate"])
async def test_a_compressed_answer_is_read_though_none_was_asked_for(encoding: str) -> None:
    compress = zlib.compress if encoding == "deflate" else gzip.compress
    packed = httpx.Response(
        200, stream=httpx.ByteStream(compress(b'{"a":1}')), headers={"content-encoding": encoding}
    )
    http = http_of(Recorder(packed))
    assert answer_of(await http.call(a_poll(http))).fields() == {"a": 1}


@pytest.mark.parametrize("layers", [1, 2])
async def test_a_compressed_bomb_does_not_go_off(layers: int) -> None:
    bomb = b"\0" * 32 * MIB
    for _ in range(layers):
        bomb = gzip.compress(bomb)
    headers = {"content-encoding": ", ".join(["gzip"] * layers)}
    http = http_of(Recorder(httpx.Response(200, stream=httpx.ByteStream(bomb), headers=headers)))
    no_answer = no_answer_of(await http.call(a_poll(http)))
    assert "larger than" in no_answer.reason
    assert no_answer.status_code == 200


async def test_the_key_is_blacked_out_of_a_compressed_answer_too() -> None:
    packed = httpx.ByteStream(gzip.compress(KEY.encode()))
    http = http_of(Recorder(httpx.Response(200, stream=packed, headers={"content-encoding": "gzip"})))
    assert answer_of(await http.call(a_poll(http))).body == b"***"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "nonsense"])
async def test_an_unknown_encoding_is_no_answer(encoding: str) -> None:
    packed = httpx.Response(200, stream=httpx.ByteStream(b"??"), headers={"content-encoding": encoding})
    no_answer = no_answer_of(await submitted(http_of(Recorder(packed))))
    assert "was not asked for" in no_answer.reason
    assert (no_answer.sent, no_answer.status_code) == (True, 200)


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
async def test_an_answer_cut_after_its_head_is_no_answer_but_tells_its_status(call: Call) -> None:
    cut = httpx.RemoteProtocolError("peer closed connection without sending complete message body")
    body = Chunks(b'{"poll_url": "https://api.segmi', cut)
    http = http_of(Recorder(httpx.Response(202, stream=body, headers={"x-request-id": "r1"})))
    no_answer = no_answer_of(await send(http, call))
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
    assert answer_of(await submitted(http)).fields() == {"poll_url": "https://api.segmind.com/requests/1"}


async def test_an_answer_whose_connection_takes_for_ever_to_close_is_an_answer_still() -> None:
    class Unclosable(Chunks):
        async def aclose(self) -> None:
            await anyio.sleep_forever()

    http = http_of(Recorder(httpx.Response(200, stream=Unclosable(b"{}"))))
    with anyio.fail_after(200):
        assert answer_of(await submitted(http)).body == b"{}"


# Whatever goes wrong

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

    no_answer = no_answer_of(await submitted(http_of(Wire(fail))))
    assert (no_answer.sent, no_answer.status_code) == (False, None)
    assert named(error) in no_answer.reason or isinstance(error, StopAsyncIteration)


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_midway_through_the_body_nothing_was_sent(error: Exception) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        assert await anext(aiter(request.stream))
        raise error

    assert not no_answer_of(await submitted(http_of(Wire(fail)))).sent


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_once_it_has_the_body_it_may_have_been_sent(
    error: Exception,
) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        await request.aread()
        raise error

    assert no_answer_of(await submitted(http_of(Wire(fail)))).sent


@pytest.mark.parametrize("error", ERRORS, ids=named)
async def test_whatever_a_transport_raises_at_a_free_call_is_no_answer(error: Exception) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise error

    http = http_of(Wire(fail))
    for call in (Call.POLL, Call.UPLOAD, Call.CREDITS, Call.DOWNLOAD):
        assert no_answer_of(await send(http, call)).status_code is None


async def test_no_answer_leaves_its_place_to_the_next() -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise OSError

    http = http_of(Wire(fail))
    for _ in range(100):
        no_answer_of(await http.call(a_poll(http)))
        no_answer_of(await submitted(http))
        no_answer_of(await fetched(http))


async def test_a_call_that_is_cancelled_raises_that_and_leaves_its_place_to_the_next() -> None:
    stuck = True

    async def handle(request: httpx.Request) -> httpx.Response:
        if stuck:
            await anyio.sleep_forever()
        return httpx.Response(200, json={})

    http = http_of(Wire(handle))
    async with anyio.create_task_group() as group:
        for call in list(Call) * 40:
            group.start_soon(send, http, call)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    stuck = False
    async with anyio.create_task_group() as group:
        for call in list(Call) * 20:
            group.start_soon(send, http, call)


# How long it may take


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
    no_answer = no_answer_of(await send(http, call))
    assert anyio.current_time() - started == pytest.approx(seconds, abs=0.5)
    assert no_answer.reason == f"no complete answer within {seconds} s"
    assert no_answer.sent is (call is not Call.SUBMIT)


async def test_an_answer_that_trickles_in_for_ever_is_left_in_time() -> None:
    body = Chunks(1.0, endless=True)
    http = http_of(Recorder(httpx.Response(200, stream=body)))
    started = anyio.current_time()
    no_answer = no_answer_of(await http.call(a_poll(http)))
    assert anyio.current_time() - started == pytest.approx(20, abs=0.5)
    assert (no_answer.sent, no_answer.status_code) == (True, 200)
    assert body.closed


async def test_the_timeouts_can_be_set_and_reach_the_transport() -> None:
    transport = Recorder()
    timeouts = RequestTimeouts(connect=1, write=2, submit_read=3, submit_total=4, poll_read=5, poll_total=6)
    http = http_of(transport, timeouts=timeouts)
    await submitted(http)
    await http.call(a_poll(http))
    assert [request.extensions["timeout"] for request in transport.requests] == [
        {"connect": 1, "write": 2, "read": 3, "pool": 4},
        {"connect": 1, "write": 2, "read": 5, "pool": 6},
    ]


async def test_waiting_for_a_place_is_not_part_of_the_time_a_request_has() -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(15)
        return httpx.Response(200, json={})

    http = http_of(Wire(slow))
    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(2 * POLLS.requests):
            group.start_soon(send_well, http)
    assert anyio.current_time() - started == pytest.approx(30, abs=0.5)


async def send_well(http: Http) -> None:
    answer_of(await http.call(a_poll(http)))


# How many at once


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
        for bounds in (FAST_POLLS, PICTURES, POLLS, SUBMITS, UPLOADS)
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


# The rate limit


async def test_a_429_is_told_and_holds_the_next_call_back() -> None:
    events: list[Event] = []
    http = http_of(Recorder(httpx.Response(429, headers={"retry-after": "33"}), 200), on_event=events.append)
    assert answer_of(await http.call(a_poll(http))).status_code == 429
    assert http.closed_for == pytest.approx(33, abs=0.1)
    assert [(event.call, round(event.delay)) for event in events if isinstance(event, RateLimited)] == [
        ("poll", 33)
    ]
    started = anyio.current_time()
    assert answer_of(await http.call(a_poll(http))).ok
    assert anyio.current_time() - started == pytest.approx(33, abs=0.5)


async def test_a_429_of_a_picture_host_says_nothing_about_the_account() -> None:
    http = http_of(Recorder(httpx.Response(429, headers={"retry-after": "33"})))
    assert answer_of(await fetched(http)).status_code == 429
    assert http.closed_for == 0


async def test_a_closed_gate_does_not_hold_pictures_back() -> None:
    http = http_of(Recorder(httpx.Response(429, headers={"retry-after": "33"}), 200))
    await http.call(a_poll(http))
    started = anyio.current_time()
    assert answer_of(await fetched(http)).ok
    assert anyio.current_time() - started == pytest.approx(0, abs=0.5)


# The end


@pytest.mark.parametrize("call", list(Call))
async def test_after_closing_every_call_is_refused(call: Call) -> None:
    transport = Recorder()
    http = http_of(transport)
    await http.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await send(http, call)
    assert transport.requests == []


async def test_closing_closes_the_transport_that_was_handed_in() -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    transport = Wire(handle)
    http = http_of(transport)
    assert answer_of(await http.call(a_poll(http))).ok
    assert not transport.closed
    await http.aclose()
    assert transport.closed


async def test_closing_works_even_in_a_cancelled_scope() -> None:
    closed = False

    class Slow(Recorder):
        async def aclose(self) -> None:
            nonlocal closed
            await anyio.sleep(1)
            closed = True

    http = http_of(Slow())
    with anyio.CancelScope() as scope:
        scope.cancel()
        await http.aclose()
    assert closed


async def test_calls_that_wait_for_the_gate_when_the_client_closes_are_refused() -> None:
    transport = Recorder(httpx.Response(429, headers={"retry-after": "30"}), 200)
    http = http_of(transport)
    await http.call(a_poll(http))
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
    assert len(transport.requests) == 1


# Proxies


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def set_proxies(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in (*PROXIES, "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in PROXIES:
        monkeypatch.setenv(name.lower(), url)


async def test_a_transport_that_was_handed_in_is_used_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_proxies(monkeypatch, "http://192.0.2.1:9")
    transport = Recorder()
    http = http_of(transport)
    for call in Call:
        assert answer_of(await send(http, call)).ok
    assert len(transport.requests) == 5


Serve = Callable[[Connection], Awaitable[None]]


def keeping(heads: list[str], *, connections: list[Connection] | None = None) -> Serve:
    """A server that answers `{}` to everything, and keeps what it was asked."""

    async def serve(connection: Connection) -> None:
        if connections is not None:
            connections.append(connection)
        while True:
            heads.append(await connection.head())
            await connection.body(heads[-1])
            await connection.answer(b"{}")

    return serve


@pytest.mark.real_time
@pytest.mark.wires
async def test_this_machine_itself_is_not_reached_through_a_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[str] = []
    async with serving(keeping(heads)) as base_url:
        set_proxies(monkeypatch, "http://192.0.2.1:9")
        async with aclosing(http_of(None, base_url=base_url)) as http:
            for call in (Call.CREDITS, Call.SUBMIT, Call.POLL):
                assert answer_of(await send(http, call)).ok
    assert [head.split()[1] for head in heads] == [
        "/v1/get-user-credits",
        "/workflows/w-v1",
        "/workflows/request/1",
    ]


@pytest.mark.real_time
@pytest.mark.wires
async def test_other_machines_are_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[str] = []
    async with serving(keeping(heads)) as proxy:
        set_proxies(monkeypatch, proxy)
        async with aclosing(http_of(None, base_url="http://swap.example", allow_http=True)) as http:
            assert answer_of(await http.call(a_credits_call(http))).ok
    assert [head.split()[1] for head in heads] == ["http://swap.example/v1/get-user-credits"]


@pytest.mark.real_time
@pytest.mark.wires
async def test_the_proxy_that_was_given_is_used() -> None:
    heads: list[str] = []
    async with serving(keeping(heads)) as proxy:
        http = http_of(None, base_url="http://swap.example", allow_http=True, proxy=proxy)
        async with aclosing(http):
            assert answer_of(await http.call(a_credits_call(http))).ok
    assert [head.split()[1] for head in heads] == ["http://swap.example/v1/get-user-credits"]


# Real sockets


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
            assert answer_of(await submitted(http)).ok
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
            assert answer_of(await http.call(a_poll(http))).ok
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


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_poll_url_is_asked_for_as_it_was_told() -> None:
    heads: list[str] = []
    path = "/workflows/request/a%7eb%2Fc/d;e=f?x=%41&y=a+b%20c&z"
    async with serving(keeping(heads)) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        assert answer_of(await http.call(poll_request(f"{base_url}{path}"))).ok
    assert [head.split()[1] for head in heads] == [path]


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    async with serving(keeping([])) as base_url:
        pass
    async with aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_answer_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code) == (False, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_resets_before_it_read_the_body_was_sent_nothing() -> None:
    async def reset(connection: Connection) -> None:
        await connection.head()
        connection.reset_on_close()

    async with serving(reset) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        # Larger than what the two kernels hold between them.
        no_answer = no_answer_of(await submitted(http, b"x" * 48 * MIB))
    assert (no_answer.sent, no_answer.status_code) == (False, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_resets_after_it_read_everything_may_have_accepted() -> None:
    async def reset(connection: Connection) -> None:
        assert await connection.body(await connection.head())
        connection.reset_on_close()

    async with serving(reset) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_answer_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code) == (True, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_closes_after_it_read_everything_may_have_accepted() -> None:
    async def close(connection: Connection) -> None:
        assert await connection.body(await connection.head())

    async with serving(close) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_answer_of(await submitted(http))
    assert (no_answer.sent, no_answer.status_code) == (True, None)


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_server_that_resets_amid_its_answer_may_have_accepted() -> None:
    async def cut(connection: Connection) -> None:
        assert await connection.body(await connection.head())
        await connection.answer(b'{"poll_url"', length=100)

    async with serving(cut) as base_url, aclosing(http_of(None, base_url=base_url)) as http:
        no_answer = no_answer_of(await submitted(http))
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
        held = HeldBody(body)
        assert held.withhold()
        request = Request(call=Call.SUBMIT, method="POST", url=a_submit(http).url, body=body)
        async with await http.enter(Call.SUBMIT) as place:
            no_answer = no_answer_of(await place.attempt(request, "bearer", held))
        with anyio.fail_after(300):
            await gone.wait()
    assert arrived == [-1]
    assert not no_answer.sent
    assert "nobody waits" in no_answer.reason


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_place_that_was_taken_before_the_client_was_closed_sends_nothing_afterwards() -> None:
    """A transport that was closed would open a new connection without a word."""
    connections: list[Connection] = []
    async with serving(keeping([], connections=connections)) as base_url:
        http = http_of(None, base_url=base_url)
        async with await http.enter(Call.SUBMIT) as place:
            await http.aclose()
            held = HeldBody(b"{}")
            with pytest.raises(ConfigurationError, match="was closed"):
                await place.attempt(a_submit(http, b"{}"), "bearer", held)
            assert not held.sent
    assert connections == []
