"""Sessions put together by hand, and transports that do as a test says."""

import base64
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import anyio
import httpx
from pydantic import SecretStr

from segmind_swap._api.messages import NoResponse, Request, Response
from segmind_swap._api.origins import Service
from segmind_swap._api.requests import credits_request, poll_request, upload_request
from segmind_swap._concurrency import DetachedTasks
from segmind_swap._config import (
    BASE_URL,
    MAX_IMAGE_BYTES,
    WORKFLOW,
    Auth,
    PollPolicy,
    RateLimit,
    RequestTimeouts,
    RetryPolicy,
)
from segmind_swap._events import Emit, EventHandler
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.circuit_breaker import CircuitBreaker
from segmind_swap._http.client import HttpClient, HttpSettings
from segmind_swap._http.gate import LocalGate
from segmind_swap._http.pools import PoolSettings
from segmind_swap._models import Call
from segmind_swap._swap.session import Session, emitter, probe

KEY = "SG_feedfacecafebeef"
PICTURE_URL = "https://images.segmind.com/generations/a1.png"


class Wire(httpx.AsyncBaseTransport):
    """A transport that is one function, which is left to read the request's body or not."""

    def __init__(self, handle: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._handle = handle
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._handle(request)

    async def aclose(self) -> None:
        self.closed = True


class Chunks(httpx.AsyncByteStream):
    """An answer's body in parts: bytes, seconds to wait, or an error to raise; the last for ever if asked to.

    Tells how much of it was taken, and whether it was closed. No generator, which would need closing too.
    """

    def __init__(self, *parts: bytes | float | Exception, endless: bool = False) -> None:
        self.taken_bytes = 0
        self.closed = False
        self._parts = list(parts)
        self._endless = endless

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        part = self._parts[0]
        if len(self._parts) > 1 or not self._endless:
            del self._parts[0]
        match part:
            case bytes():
                self.taken_bytes += len(part)
                return part
            case Exception():
                raise part
            case _:
                await anyio.sleep(part)
                return b" "

    async def aclose(self) -> None:
        self.closed = True


def emitter_of(on_event: EventHandler | None) -> Emit:
    return emitter([] if on_event is None else [on_event])


def http_of(
    transport: httpx.AsyncBaseTransport | None,
    *,
    base_url: str = BASE_URL,
    allow_http: bool = False,
    key: str = KEY,
    auth: Auth = "auto",
    timeouts: RequestTimeouts = RequestTimeouts(),  # noqa: B008 - frozen
    rate_limit: RateLimit = RateLimit(),  # noqa: B008 - frozen
    retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
    proxy: str | None = None,
    on_event: EventHandler | None = None,
) -> HttpClient:
    service = Service(base_url, allow_http)
    pools = PoolSettings(
        is_local=service.origin.loopback,
        proxy=proxy,
        # A context takes tens of milliseconds to make, and nothing here speaks TLS.
        verify=False,
        transport=transport,
    )
    settings = HttpSettings(
        service=service,
        key=SecretStr(key),
        auth=auth,
        timeouts=timeouts,
        user_agent="segmind-swap/test",
        pools=pools,
    )
    return HttpClient(
        settings, LocalGate(rate_limit, retry), emitter(() if on_event is None else (on_event,))
    )


def session_of(
    transport: httpx.AsyncBaseTransport | None,
    *,
    base_url: str = BASE_URL,
    rate_limit: RateLimit = RateLimit(),  # noqa: B008 - frozen
    retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
    timeout: float = 900.0,
    max_image_bytes: int = MAX_IMAGE_BYTES,
    on_event: EventHandler | None = None,
) -> Session:
    http = http_of(transport, base_url=base_url, rate_limit=rate_limit, retry=retry, on_event=on_event)
    emit = emitter(() if on_event is None else (on_event,))
    return Session(
        http=http,
        breaker=CircuitBreaker(partial(probe, http), emit),
        detached=DetachedTasks(),
        slots=anyio.Semaphore(64),
        workflow=WORKFLOW,
        timeout=timeout,
        retry=retry,
        polling=PollPolicy(),
        max_image_bytes=max_image_bytes,
        emit=emit,
    )


def a_submit(http: HttpClient, body: bytes = b'{"character_image":"x"}') -> Request:
    return Request(call=Call.SUBMIT, method="POST", url=f"{http.service.base_url}/workflows/w-v1", body=body)


def a_poll(http: HttpClient) -> Request:
    return poll_request(f"{http.service.base_url}/workflows/request/1")


def a_credits_call(http: HttpClient) -> Request:
    return credits_request(http.service)


def an_upload(http: HttpClient) -> Request:
    return upload_request(http.service, "data:image/png;base64,AA==")


async def submitted(http: HttpClient, body: bytes = b'{"character_image":"x"}') -> Response | NoResponse:
    """One POST, as `_submit` makes it but for its supervisor."""
    request = a_submit(http, body)
    async with await http.lease(Call.SUBMIT) as place:
        return await place.send(request, http.schemes.scheme(Call.SUBMIT), OneShotBody(body))


def response_of(answer: Response | NoResponse) -> Response:
    assert isinstance(answer, Response), answer
    return answer


def no_response_of(answer: Response | NoResponse) -> NoResponse:
    assert isinstance(answer, NoResponse), answer
    return answer


def png(seed: int = 0) -> bytes:
    """A whole PNG of one pixel; a different one for each seed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixel = zlib.compress(b"\0" + seed.to_bytes(3, "big"))
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    """The structure of a JPEG of one pixel: start, frame, scan, end."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 1, 1, 1)
    return b"\xff\xd8" + frame + b"\xff\xda\x00\x02" + b"\xff\xd9"


def webp() -> bytes:
    """A lossless WebP of one pixel."""
    return base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
