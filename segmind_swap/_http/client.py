"""The only way onto the wire: puts the key on a request, sends it once, and bounds what comes back."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple, Self

import anyio
import httpx
from pydantic import SecretStr

from .._api.messages import NoResponse, Request, Response
from .._api.origins import Origin, Service
from .._api.retry_after import parse_retry_after
from .._api.text import request_id, shorten
from .._config import MAX_PICTURE_BYTES, Auth, AuthScheme, RequestTimeouts
from .._errors import ConfigurationError
from .._events import EventHandler, RateLimited
from .._models import Call
from .._protocols import Admission
from .auth import Schemes, header
from .body import OneShotBody, ReplayableBody
from .content_encoding import decoded
from .gate import LocalGate
from .pools import Pool, Pools, PoolSettings, Send

_MAX_ANSWER_BYTES = 16 * 1024 * 1024
# Redacting a key shorter than this could garble ordinary text, or a poll_url.
_SHORTEST_REDACTED = 16
log = logging.getLogger("segmind_swap")
_CLOSING = 1.0


class _Stream(httpx.AsyncByteStream):
    """A body, as httpx wants it. Its own is a generator, which cancelled transports drop without closing."""

    def __init__(self, body: OneShotBody | ReplayableBody) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How to talk to the service."""

    service: Service
    key: SecretStr
    auth: Auth
    timeouts: RequestTimeouts
    user_agent: str
    clients: PoolSettings


class HttpClient:
    """The wire. Belongs to one event loop."""

    def __init__(self, settings: HttpSettings, pace: LocalGate, on_event: EventHandler | None) -> None:
        self.service: Service = settings.service
        self.schemes: Schemes = Schemes(settings.auth)
        self._settings = settings
        self._pace = pace
        self._on_event = on_event
        # No cookies, and nothing that httpx would add: a server is told no more than this.
        self._headers = {
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "keep-alive",
            "user-agent": settings.user_agent,
        }
        self._key_in_json = _as_json_may_spell(settings.key.get_secret_value())
        self._clients = Pools(settings.clients)
        self._closed = self._takes_no_submits = False

    def refuse_submits(self) -> None:
        """No POST of a swap leaves any more; what is under way, and everything free, goes on."""
        self._takes_no_submits = True

    async def aclose(self) -> None:
        """Closes every connection, and the transport that was handed in. Calls still under way end."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            await self._clients.aclose()

    @property
    def closed_for(self) -> float:
        """Seconds until the rate limit lets requests leave again."""
        return self._pace.closed_for

    @property
    def counts_polls(self) -> bool:
        """Whether polls are known to use up the rate limit."""
        return self._pace.counts_polls

    async def request(self, request: Request) -> Response | NoResponse:
        """Sends a free call with the key, once; after a 401 once more, if there is another scheme to try."""
        scheme = self.schemes.scheme(request.call)
        answer = await self._paced(request, scheme)
        if isinstance(answer, Response) and answer.status_code == 401:
            other = self.schemes.other(request.call, scheme)
            if other is not None:
                return await self._paced(request, other)
        return answer

    async def _paced(self, request: Request, scheme: AuthScheme) -> Response | NoResponse:
        async with await self.lease(request.call) as place:
            return await place.send(request, scheme)

    def check_open(self, call: Call) -> None:
        """Whether such a request may still leave; whoever has waited for something asks again.

        Raises:
            ConfigurationError: the client was closed.
        """
        if self._closed or (self._takes_no_submits and call is Call.SUBMIT):
            raise ConfigurationError("the client was closed")

    async def lease(self, call: Call) -> Lease:
        """Waits for a place on the wire: a connection that is surely free, and a turn at the gate.

        The place must be left again; as it may be handed to another task, nothing else does that.
        """
        way = self._clients.pool(call)
        send = await way.acquire()
        try:
            # Pictures come from another host, without the account's key and outside its limits.
            admission = None if call is Call.DOWNLOAD else await self._pace.admit(call)
            try:
                self.check_open(call)
            except BaseException:
                if admission is not None:
                    self._pace.release(admission)
                raise
        except BaseException:
            way.release(send)
            raise
        return Lease(self, way, send, admission)

    async def exchange(
        self, send: Send, request: Request, scheme: AuthScheme | None, held: OneShotBody | None
    ) -> Response | NoResponse:
        """One attempt. Whatever goes wrong is a `NoAnswer`; only cancellation is raised."""
        call = request.call
        read, total = _limits(self._settings.timeouts, call)
        head: httpx.Response | None = None
        answer: Response | None = None
        try:
            with anyio.move_on_after(total):
                if self._closed:
                    # A transport that was closed would open a connection anew.
                    raise ConfigurationError("the client was closed")
                message = self._message(request, scheme, held, read, total)
                head = await send(message)
                try:
                    answer = await self._answer(head, call)
                finally:
                    # An answer that was read must not be lost to a cancellation while its connection closes.
                    with anyio.move_on_after(_CLOSING, shield=True):
                        await head.aclose()
            reason = f"no complete answer within {total:g} s"
        except ConfigurationError:
            raise
        except Exception as exc:
            told = f"{type(exc).__name__}: {exc}".encode(errors="replace")
            reason = shorten(self._redact(told).decode(errors="replace"))
        finally:
            if held is not None:
                # A transport may write in a task of its own, and go on after it has given up.
                held.revoke()
        if answer is not None:
            # Complete: how its connection closed does not matter any more.
            return answer
        return NoResponse(
            reason=reason,
            sent=held is None or held.sent,
            status_code=head.status_code if head is not None else None,
            request_id=request_id(self._told(head).get("x-request-id")) if head is not None else None,
        )

    def _message(
        self, request: Request, scheme: AuthScheme | None, held: OneShotBody | None, read: float, total: float
    ) -> httpx.Request:
        timeouts = self._settings.timeouts
        url, origin = _address(request.url)
        headers = {"host": url.netloc.decode("ascii"), **self._headers}
        if scheme is not None:
            # The last look before the key goes on, at the very URL that httpx will use.
            if not self.service.trusts(origin):
                raise ConfigurationError(f"{url.scheme}://{url.host} must not see the key; nothing was sent")
            name, value = header(scheme, self._settings.key.get_secret_value())
            headers[name] = value
        stream: _Stream | None = None
        if request.body is not None:
            headers["content-type"] = "application/json"
            headers["content-length"] = str(len(request.body))
            # Not as `content`: a request that has it answers `read()` with that, as often as asked.
            stream = _Stream(held or ReplayableBody(request.body))
        extensions = {
            "timeout": {
                "connect": timeouts.connect,
                "write": timeouts.write,
                "read": read,
                "pool": total,
            }
        }
        message = httpx.Request(request.method, url, headers=headers, stream=stream, extensions=extensions)
        if stream is None:
            message.stream = _Stream(ReplayableBody(b""))
        return message

    async def _answer(self, head: httpx.Response, call: Call) -> Response:
        limit = MAX_PICTURE_BYTES if call is Call.DOWNLOAD else _MAX_ANSWER_BYTES
        raw = bytearray()
        stream = head.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an async client has async streams
        chunks = aiter(stream)
        try:
            async for chunk in chunks:
                raw += chunk
                if len(raw) > limit:
                    raise ValueError(f"the answer is larger than {limit // (1024 * 1024)} MiB")
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        body = decoded(bytes(raw), head.headers.get("content-encoding", ""), limit_bytes=limit)
        return Response(
            status_code=head.status_code,
            headers=self._told(head),
            # A picture is never altered; what comes instead of one is only told.
            body=body if call is Call.DOWNLOAD and head.is_success else self._redact(body),
        )

    def _told(self, head: httpx.Response) -> dict[str, str]:
        """The answer's headers, of which those of one name are joined."""
        told: dict[str, str] = {}
        for raw, content in head.headers.raw:
            name, value = raw.decode("latin-1").lower(), self._redact(content).decode("utf-8", "replace")
            told[name] = f"{told[name]}, {value}" if name in told else value
        return told

    def _redact(self, text: bytes) -> bytes:
        """A server may echo the key in what it says; what it says ends in errors and logs."""
        key = self._settings.key.get_secret_value().encode()
        if len(key) < _SHORTEST_REDACTED:
            return text
        text = text.replace(key, b"***")
        return self._key_in_json.sub(b"***", text) if b"\\" in text else text

    def learn(
        self, request: Request, scheme: AuthScheme | None, answer: Response, admission: Admission
    ) -> None:
        """What an answer tells about the account: the scheme that works, and the rate limit."""
        if answer.status_code == 429:
            hint = parse_retry_after(answer.headers, datetime.now(UTC))
            delay = self._pace.rate_limited(admission, hint)
            self._emit(RateLimited(call=request.call, delay=delay))
            return
        self._pace.answered(admission)
        if answer.ok and scheme is not None:
            self.schemes.confirm(request.call, scheme)

    def left(self, admission: Admission) -> None:
        """A request is off the wire."""
        self._pace.release(admission)


class Lease:
    """A place on the wire, for one attempt."""

    def __init__(self, http: HttpClient, way: Pool, send: Send, admission: Admission | None) -> None:
        self._http = http
        self._way = way
        self._send = send
        self._admission = admission

    async def send(
        self, request: Request, scheme: AuthScheme | None, held: OneShotBody | None = None
    ) -> Response | NoResponse:
        """Sends the request once. With `held`, that is its body."""
        answer = await self._http.exchange(self._send, request, scheme, held)
        if isinstance(answer, Response) and self._admission is not None:
            try:
                self._http.learn(request, scheme, answer, self._admission)
            except Exception:
                # It may be the answer to a paid call, and no mistake in here is worth that.
                log.exception("an answer taught nothing about the account")
        return answer

    def release(self) -> None:
        """Gives the place to the next."""
        self._way.release(self._send)
        if self._admission is not None:
            self._http.left(self._admission)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _as_json_may_spell(key: str) -> re.Pattern[bytes]:
    """Finds the key with any of its characters escaped, also in a text that is JSON within JSON."""
    spellings = (
        rb"(?:%s|\\{1,4}+(?:u00(?i:%02x)|%s))" % (literal, ord(character), literal)
        for character in key
        for literal in (re.escape(character.encode()),)
    )
    return re.compile(b"".join(spellings))


class _Address(NamedTuple):
    url: httpx.URL
    origin: Origin


@lru_cache(maxsize=4096)
def _address(url: str) -> _Address:
    """What httpx makes of a URL. The same one is asked for again and again."""
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return _Address(parsed, Origin(parsed.scheme, host, port))


def _limits(timeouts: RequestTimeouts, call: Call) -> tuple[float, float]:
    match call:
        case Call.SUBMIT:
            return timeouts.submit_read, timeouts.submit_total
        case Call.UPLOAD:
            return timeouts.upload_read, timeouts.upload_total
        case Call.DOWNLOAD:
            return timeouts.download_read, timeouts.download_total
        case Call.POLL | Call.CREDITS:
            return timeouts.poll_read, timeouts.poll_total
