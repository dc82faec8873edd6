"""The HTTP client: which header carries the key, where it never goes, its settings, and its end."""

from contextlib import aclosing

import anyio
import httpx
import pytest

from segmind_swap._api.requests import poll_request
from segmind_swap._config import Auth, RequestTimeouts
from segmind_swap._errors import ConfigurationError
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.pools import POLLS
from segmind_swap._models import Call

from ..support.raw_http import Connection, serving
from ..support.recording import Recorder, fetched, keeping, key_header, send, send_well
from ..support.sessions import (
    KEY,
    PICTURE_URL,
    Wire,
    a_credits_call,
    a_poll,
    a_submit,
    an_upload,
    http_of,
    no_response_of,
    response_of,
    submitted,
)


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
    response_of(await send(http_of(transport), call))
    assert transport.schemes == [first]


@pytest.mark.parametrize(("auth", "name"), [("bearer", "authorization"), ("x-api-key", "x-api-key")])
@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS])
async def test_a_pinned_scheme_is_used_for_every_call_and_never_left(
    auth: Auth, name: str, call: Call
) -> None:
    transport = Recorder(401)
    http = http_of(transport, auth=auth)
    assert response_of(await send(http, call)).status_code == 401
    assert response_of(await send(http, call)).status_code == 401
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
    assert response_of(await send(http, call)).status_code == 200
    assert transport.schemes == schemes


async def test_the_scheme_that_worked_is_used_from_then_on() -> None:
    transport = Recorder(401, 200)
    http = http_of(transport)
    for _ in range(3):
        await http.request(a_poll(http))
    await submitted(http)
    assert transport.schemes == ["authorization", *["x-api-key"] * 4]


async def test_what_workflow_calls_taught_does_not_change_account_calls() -> None:
    transport = Recorder(401, 200)
    http = http_of(transport)
    await http.request(a_poll(http))
    await http.request(a_credits_call(http))
    await http.request(an_upload(http))
    assert transport.schemes == ["authorization"] + ["x-api-key"] * 3


async def test_a_confirmed_scheme_is_not_left_at_a_later_401() -> None:
    transport = Recorder(200, 401)
    http = http_of(transport)
    await http.request(a_poll(http))
    assert response_of(await http.request(a_poll(http))).status_code == 401
    assert transport.schemes == ["authorization", "authorization"]


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_only_a_2xx_confirms_a_scheme(status: int) -> None:
    transport = Recorder(httpx.Response(status, headers={"retry-after": "1"}), 401, 200)
    http = http_of(transport)
    await http.request(a_poll(http))
    assert response_of(await http.request(a_poll(http))).status_code == 200
    assert transport.schemes == ["authorization", "authorization", "x-api-key"]


async def test_a_key_that_neither_scheme_brings_in_is_asked_with_each_once() -> None:
    transport = Recorder(401)
    http = http_of(transport)
    assert response_of(await http.request(a_poll(http))).status_code == 401
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
        codes.append(response_of(await http.request(a_poll(http))).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(call)
    assert codes == [200] * 20
    assert seen.count("authorization") == 20
    assert seen.count("x-api-key") == 20


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
        await http.request(poll_request(url))
    assert transport.requests == []
    assert KEY not in repr(caught.value)


async def test_with_a_base_url_of_ones_own_even_segmind_does_not_get_the_key() -> None:
    transport = Recorder()
    http = http_of(transport, base_url="https://swap.example")
    await http.request(a_credits_call(http))
    with pytest.raises(ConfigurationError, match="must not see the key"):
        await http.request(poll_request("https://api.segmind.com/requests/1"))
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
    await http.request(poll_request(url))
    assert transport.schemes == ["authorization"]


@pytest.mark.parametrize("url", [PICTURE_URL, "https://api.segmind.com/x.png", "https://cdn.example/x.png"])
async def test_downloads_never_carry_the_key(url: str) -> None:
    transport = Recorder()
    http = http_of(transport)
    await http.request(a_poll(http))
    await fetched(http, url)
    assert transport.schemes == ["authorization", "none"]
    assert "cookie" not in transport.requests[-1].headers


async def test_no_answer_leaves_its_place_to_the_next() -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise OSError

    http = http_of(Wire(fail))
    for _ in range(100):
        no_response_of(await http.request(a_poll(http)))
        no_response_of(await submitted(http))
        no_response_of(await fetched(http))


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


async def test_the_timeouts_can_be_set_and_reach_the_transport() -> None:
    transport = Recorder()
    timeouts = RequestTimeouts(connect=1, write=2, submit_read=3, submit_total=4, poll_read=5, poll_total=6)
    http = http_of(transport, timeouts=timeouts)
    await submitted(http)
    await http.request(a_poll(http))
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
    assert response_of(await http.request(a_poll(http))).ok
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
        assert response_of(await send(http, call)).ok
    assert len(transport.requests) == len(Call)


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
                assert response_of(await send(http, call)).ok
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
            assert response_of(await http.request(a_credits_call(http))).ok
    assert [head.split()[1] for head in heads] == ["http://swap.example/v1/get-user-credits"]


@pytest.mark.real_time
@pytest.mark.wires
async def test_the_proxy_that_was_given_is_used() -> None:
    heads: list[str] = []
    async with serving(keeping(heads)) as proxy:
        http = http_of(None, base_url="http://swap.example", allow_http=True, proxy=proxy)
        async with aclosing(http):
            assert response_of(await http.request(a_credits_call(http))).ok
    assert [head.split()[1] for head in heads] == ["http://swap.example/v1/get-user-credits"]


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_place_that_was_taken_before_the_client_was_closed_sends_nothing_afterwards() -> None:
    """A transport that was closed would open a new connection without a word."""
    connections: list[Connection] = []
    async with serving(keeping([], connections=connections)) as base_url:
        http = http_of(None, base_url=base_url)
        async with await http.lease(Call.SUBMIT) as place:
            await http.aclose()
            held = OneShotBody(b"{}")
            with pytest.raises(ConfigurationError, match="was closed"):
                await place.send(a_submit(http, b"{}"), "bearer", held)
            assert not held.sent
    assert connections == []
