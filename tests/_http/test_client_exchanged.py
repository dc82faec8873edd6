"""What a lease reports about its request, what a user's own gate may do, and one exchange by itself."""

from collections.abc import Awaitable, Callable

import anyio
import httpx
import pytest
from pydantic import SecretStr

from segmind_swap._api.messages import Request, Response
from segmind_swap._api.origins import Service
from segmind_swap._config import BASE_URL, RateLimit, RequestTimeouts, RetryPolicy
from segmind_swap._errors import ConfigurationError
from segmind_swap._events import Emit, Event, EventHandler, Exchanged, RateLimited
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.client import HttpClient, HttpSettings
from segmind_swap._http.exchange import build_message, parsed_address, send_once
from segmind_swap._http.gate import LocalGate
from segmind_swap._http.pools import PoolSettings
from segmind_swap._http.redaction import Redactor
from segmind_swap._models import Call
from segmind_swap._protocols.gate import Admission, Gate
from segmind_swap._swap.session import emitter

KEY = "SG_feedfacecafebeef"
POLL = f"{BASE_URL}/workflows/request/1"


class Wire(httpx.AsyncBaseTransport):
    """A transport that is one function."""

    def __init__(self, handle: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self.requests: list[httpx.Request] = []
        self._handle = handle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await request.aread()
        return await self._handle(request)


def answering(*responses: int | httpx.Response | Exception, seconds: float = 0.0) -> Wire:
    """Answers with one after the other, the last one for ever, each after some seconds."""
    left = list(responses)

    async def handle(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(seconds)
        response = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(response, Exception):
            raise response
        return httpx.Response(response, json={}) if isinstance(response, int) else response

    return Wire(handle)


def emitter_of(on_event: EventHandler | None) -> Emit:
    return emitter([] if on_event is None else [on_event])


def http_of(transport: httpx.AsyncBaseTransport, events: list[Event], gate: Gate | None = None) -> HttpClient:
    settings = HttpSettings(
        service=Service(BASE_URL, allow_http=False),
        key=SecretStr(KEY),
        auth="auto",
        timeouts=RequestTimeouts(),
        user_agent="segmind-swap/test",
        pools=PoolSettings(is_local=False, proxy=None, verify=False, transport=transport),
    )
    return HttpClient(settings, gate or LocalGate(RateLimit(), RetryPolicy()), events.append)


def a_poll(*, swap: int | None = None, attempt: int = 1) -> Request:
    return Request(call=Call.POLL, method="GET", url=POLL, swap=swap, attempt=attempt)


def a_submit() -> Request:
    return Request(call=Call.SUBMIT, method="POST", url=f"{BASE_URL}/workflows/w", body=b"{}", swap=7)


async def test_a_free_call_emits_its_exchange_with_the_number_of_its_swap_and_its_attempt() -> None:
    events: list[Event] = []
    http = http_of(answering(200, seconds=3), events)
    await http.request(a_poll(swap=7, attempt=4))
    (event,) = events
    assert isinstance(event, Exchanged)
    assert (event.swap, event.call, event.attempt) == (7, "poll", 4)
    assert (event.status_code, event.queued, event.retry_after) == (200, 0.0, None)
    assert event.seconds == pytest.approx(3)


async def test_a_call_of_no_swap_says_so() -> None:
    events: list[Event] = []
    await http_of(answering(200), events).request(Request(call=Call.CREDITS, method="GET", url=POLL))
    (event,) = events
    assert isinstance(event, Exchanged)
    assert (event.swap, event.call, event.attempt) == (None, "credits", 1)


async def test_both_auth_schemes_after_a_401_are_exchanges_of_the_same_attempt() -> None:
    events: list[Event] = []
    await http_of(answering(401, 200), events).request(a_poll(swap=7, attempt=2))
    assert [(event.status_code, event.attempt) for event in events if isinstance(event, Exchanged)] == [
        (401, 2),
        (200, 2),
    ]


async def test_a_request_without_a_response_is_an_exchange_without_a_status() -> None:
    events: list[Event] = []
    await http_of(answering(httpx.ReadError("cut"), seconds=2), events).request(a_poll())
    (event,) = events
    assert isinstance(event, Exchanged)
    assert (event.status_code, event.retry_after) == (None, None)
    assert event.seconds == pytest.approx(2)


async def test_a_response_that_breaks_off_after_its_head_has_no_status_in_its_exchange() -> None:
    class Cut(httpx.AsyncByteStream):
        def __aiter__(self) -> "Cut":
            return self

        async def __anext__(self) -> bytes:
            raise httpx.ReadError("cut")

    events: list[Event] = []
    await http_of(answering(httpx.Response(200, stream=Cut())), events).request(a_poll())
    assert [event.status_code for event in events if isinstance(event, Exchanged)] == [None]


async def test_a_429_is_an_exchange_and_then_a_rate_limit_of_the_same_swap() -> None:
    events: list[Event] = []
    limited = httpx.Response(429, headers={"retry-after": "33"})
    await http_of(answering(limited), events).request(a_poll(swap=7))
    first, second = events
    assert isinstance(first, Exchanged)
    assert (first.status_code, first.retry_after) == (429, 33)
    assert isinstance(second, RateLimited)
    assert (second.swap, second.call) == (7, "poll")
    assert second.delay == pytest.approx(33)


async def test_what_an_overloaded_server_asks_for_is_in_the_exchange_and_does_not_close_the_gate() -> None:
    events: list[Event] = []
    http = http_of(answering(httpx.Response(503, headers={"retry-after": "9"})), events)
    await http.request(a_poll())
    assert [event.retry_after for event in events if isinstance(event, Exchanged)] == [9]
    assert http.gate.closed_for(Call.POLL) == 0


async def test_the_wait_for_the_gate_is_queued_time_and_not_time_on_the_wire() -> None:
    events: list[Event] = []
    limited = httpx.Response(429, headers={"retry-after": "20"})
    http = http_of(answering(limited, 200, seconds=1), events)
    await http.request(a_poll())
    await http.request(a_poll())
    last = events[-1]
    assert isinstance(last, Exchanged)
    assert last.queued == pytest.approx(20, abs=0.1)
    assert last.seconds == pytest.approx(1, abs=0.1)


async def test_the_wait_for_a_connection_is_queued_time() -> None:
    events: list[Event] = []
    http = http_of(answering(200, seconds=10), events)
    request = Request(call=Call.DOWNLOAD, method="GET", url="https://images.segmind.com/a.png")
    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(http.request, request)
    queued = sorted(round(event.queued) for event in events if isinstance(event, Exchanged))
    assert queued == [0] * 8 + [10] * 8


async def test_a_download_passes_no_gate_and_carries_no_key_even_to_a_trusted_host() -> None:
    events: list[Event] = []
    limited = httpx.Response(429, headers={"retry-after": "33"})
    transport = answering(limited)
    http = http_of(transport, events)
    await http.request(Request(call=Call.DOWNLOAD, method="GET", url=f"{BASE_URL}/a.png", swap=7))
    assert KEY not in repr(transport.requests[0].headers.raw)
    assert [type(event) for event in events] == [Exchanged]
    assert http.gate.closed_for(Call.POLL) == 0


async def test_a_401_to_a_download_is_not_answered_with_a_key() -> None:
    transport = answering(401)
    http = http_of(transport, [])
    response = await http.request(Request(call=Call.DOWNLOAD, method="GET", url=f"{BASE_URL}/a.png"))
    assert isinstance(response, Response)
    assert len(transport.requests) == 1


async def test_a_lease_collects_its_events_and_emits_none_itself() -> None:
    events: list[Event] = []
    http = http_of(answering(httpx.Response(429, headers={"retry-after": "2"})), events)
    async with await http.lease(Call.SUBMIT) as lease:
        await lease.send(a_submit(), "bearer", OneShotBody(b"{}"))
    assert events == []
    assert [type(event) for event in lease.events] == [Exchanged, RateLimited]


async def test_a_cancelled_request_is_no_exchange_and_its_body_is_revoked() -> None:
    http = http_of(answering(200, seconds=100), [])
    body = OneShotBody(b"{}")
    async with await http.lease(Call.SUBMIT) as lease:
        with anyio.move_on_after(1):
            await lease.send(a_submit(), "bearer", body)
    assert lease.events == []
    assert body.sent


async def test_a_lease_that_may_send_nothing_revokes_its_body() -> None:
    transport = answering(200)
    http = http_of(transport, [])
    body = OneShotBody(b"{}")
    async with await http.lease(Call.SUBMIT) as lease:
        await http.aclose()
        with pytest.raises(ConfigurationError, match="was closed"):
            await lease.send(a_submit(), "bearer", body)
    assert (lease.events, transport.requests) == ([], [])
    with pytest.raises(RuntimeError, match="nobody waits"):
        assert not [part async for part in body][1:]
    assert not body.sent


@pytest.mark.parametrize("url", [f"{BASE_URL}/\x00", f"https://{'a' * 64}.\ud800"])
async def test_a_url_that_cannot_be_sent_is_no_response(url: str) -> None:
    http = http_of(answering(200), [])
    response = await http.request(Request(call=Call.POLL, method="GET", url=url))
    assert not isinstance(response, Response)
    assert response.sent, "only a body can show that a request was not sent"


async def test_nothing_in_a_lease_leads_back_to_the_client_or_its_pools() -> None:
    http = http_of(answering(200), [])
    lease = await http.lease(Call.POLL)
    todo: list[object] = [lease]
    seen: set[int] = set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen or not type(thing).__module__.startswith("segmind_swap"):
            continue
        seen.add(id(thing))
        assert thing not in (http, http._pools)
        todo += [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
        todo += vars(thing).values() if hasattr(thing, "__dict__") else []
    lease.release()


# A gate given by a user


class OneAtATime:
    """A gate of the user's own: one request in flight, whatever it is."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self._free = anyio.Semaphore(1)
        self._number = 0

    def closed_for(self, call: Call) -> float:
        return 0.0

    @property
    def counts_polls(self) -> bool:
        return True

    async def admit(self, call: Call) -> Admission:
        await self._free.acquire()
        self._number += 1
        self.steps.append(("admit", call))
        return Admission(call, self._number, 0, anyio.current_time())

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        self.steps.append(("rate_limited", f"{admission.call} {retry_after}"))
        return 4.0

    def answered(self, admission: Admission) -> None:
        self.steps.append(("answered", admission.call))

    def release(self, admission: Admission) -> None:
        self.steps.append(("release", admission.call))
        self._free.release()


async def test_a_gate_given_by_a_user_decides_when_requests_leave() -> None:
    gate, events = OneAtATime(), list[Event]()
    http = http_of(answering(200, seconds=5), events, gate)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(http.request, a_poll())
    assert gate.steps == [("admit", "poll"), ("answered", "poll"), ("release", "poll")] * 3
    assert [round(event.queued) for event in events if isinstance(event, Exchanged)] == [0, 5, 10]


async def test_a_gate_given_by_a_user_is_told_of_a_429_and_says_for_how_long() -> None:
    gate, events = OneAtATime(), list[Event]()
    limited = httpx.Response(429, headers={"retry-after": "33"})
    await http_of(answering(limited), events, gate).request(a_poll(swap=1))
    assert gate.steps == [("admit", "poll"), ("rate_limited", "poll 33.0"), ("release", "poll")]
    assert events[-1] == RateLimited(swap=1, call="poll", delay=4.0)


async def test_a_gate_hears_nothing_but_the_release_of_a_request_without_a_response() -> None:
    gate = OneAtATime()
    await http_of(answering(OSError("gone")), [], gate).request(a_poll())
    assert gate.steps == [("admit", "poll"), ("release", "poll")]


async def test_a_gate_has_its_admission_back_when_the_client_was_closed_meanwhile() -> None:
    gate = OneAtATime()
    http = http_of(answering(200), [], gate)
    await http.aclose()
    with pytest.raises(ConfigurationError, match="was closed"):
        await http.lease(Call.POLL)
    assert gate.steps == [("admit", "poll"), ("release", "poll")]


@pytest.mark.parametrize("method", ["rate_limited", "answered", "release"])
@pytest.mark.parametrize("status", [200, 429])
async def test_a_gate_that_raises_does_not_lose_the_response_to_a_paid_request(
    method: str, status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(OneAtATime, method, mistaken)
    http = http_of(answering(status), [], OneAtATime())
    pool = http._pools.pool(Call.SUBMIT)
    free = pool.free
    async with await http.lease(Call.SUBMIT) as lease:
        response = await lease.send(a_submit(), "bearer", OneShotBody(b"{}"))
    assert isinstance(response, Response)
    assert response.status_code == status
    assert isinstance(lease.events[0], Exchanged)
    assert pool.free == free
    expected = method == "release" or (method == "rate_limited") == (status == 429)
    assert ("ZeroDivisionError" in caplog.text) is expected


async def test_a_download_asks_no_gate() -> None:
    gate = OneAtATime()
    await http_of(answering(200), [], gate).request(
        Request(call=Call.DOWNLOAD, method="GET", url="https://images.segmind.com/a.png")
    )
    assert gate.steps == []


async def test_the_local_gate_is_never_closed_for_downloads() -> None:
    gate: Gate = LocalGate(RateLimit(count_polls=True), RetryPolicy())
    gate.rate_limited(await gate.admit(Call.POLL), 30.0)
    assert [round(gate.closed_for(call)) for call in (Call.POLL, Call.SUBMIT, Call.DOWNLOAD)] == [30, 30, 0]


# send_once


async def test_one_exchange_needs_no_client() -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=f"hello {KEY}".encode(), headers={"X-Key": KEY})

    request = a_poll()
    message = build_message(request, parsed_address(request.url).url, headers={}, body=None, timeout={})
    response = await send_once(
        send, message, total=5.0, limit_bytes=100, body=None, redact=Redactor(SecretStr(KEY))
    )
    assert isinstance(response, Response)
    assert (response.body, response.headers["x-key"]) == (b"hello ***", "***")


async def test_one_exchange_ends_in_time_and_revokes_its_body_before_it_says_whether_that_was_sent() -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    request, body = a_submit(), OneShotBody(b"{}")
    message = build_message(request, parsed_address(request.url).url, headers={}, body=body, timeout={})
    response = await send_once(
        send, message, total=5.0, limit_bytes=100, body=body, redact=Redactor(SecretStr(KEY))
    )
    assert not isinstance(response, Response)
    assert (response.sent, response.reason) == (False, "no complete answer within 5 s")
    with pytest.raises(RuntimeError, match="nobody waits"):
        assert not [part async for part in body][1:]


async def test_whatever_a_transport_raises_is_no_response_even_an_error_of_this_package() -> None:
    """Raised instead, it would say that nothing was sent, although the transport has had the whole body."""
    http = http_of(answering(ConfigurationError("of another client")), [])
    async with await http.lease(Call.SUBMIT) as lease:
        response = await lease.send(a_submit(), "bearer", OneShotBody(b"{}"))
    assert not isinstance(response, Response)
    assert response.sent
