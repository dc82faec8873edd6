"""Leases a connection for each request, adds the key for trusted origins only, and observes the response."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import anyio
import httpx
from pydantic import SecretStr

from .._api.account.key_tag import key_tag
from .._api.messages import NoResponse, Request, Response
from .._api.origins import Service
from .._api.retry_after import parse_retry_after
from .._api.status_errors import StatusKind
from .._config import MAX_PICTURE_BYTES, Auth, AuthScheme, RequestTimeouts
from .._errors import ConfigurationError
from .._events import Emit, Event, Exchanged, RateChanged, RateLimited
from .._models import Call
from .._protocols.gate import Admission, Gate, RateKeeper
from .auth import Schemes, header
from .body import OneShotBody
from .exchange import build_message, parsed_address, reason_of, send_once
from .pools import Pool, Pools, PoolSettings, Send
from .redaction import Redactor

_MAX_RESPONSE_BYTES = 16 * 1024 * 1024
log = logging.getLogger("segmind_swap")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How to reach the service.

    Attributes:
        service: The origins that may see the key.
        key: The API key.
        auth: The auth scheme, or `"auto"` to find it out.
        timeouts: Seconds for each phase of a request.
        user_agent: The value of the `user-agent` header.
        pools: How connections are made.
    """

    service: Service
    key: SecretStr
    auth: Auth
    timeouts: RequestTimeouts
    user_agent: str
    pools: PoolSettings


@dataclass(slots=True, kw_only=True, eq=False)
class _Shared:
    """The state that all leases of one client share, without the pools and the admissions."""

    settings: HttpSettings
    gate: Gate
    schemes: Schemes
    redact: Redactor
    headers: Mapping[str, str]
    is_observed: Callable[[], bool]
    belief: Belief
    is_closed: bool = False


@dataclass(slots=True)
class Belief:
    """What was last told of a gate's belief about the rate limit. A gate without a belief tells nothing.

    Attributes:
        keeper: The gate, if it keeps a belief.
        changes: How many changes of the belief were told.
        per_minute: The believed limit that was last told.
    """

    keeper: RateKeeper | None
    changes: int = 0
    per_minute: float | None = None

    def news(self) -> RateChanged | None:
        """The event of a change that was not told yet."""
        if self.keeper is None or self.keeper.rate_changes == self.changes:
            return None
        rate = self.keeper.rate()
        event = RateChanged(rate=rate, previous=self.per_minute)
        self.changes, self.per_minute = self.keeper.rate_changes, rate.per_minute
        return event


class HttpClient:
    """Sends requests for one client, on one event loop.

    Attributes:
        service: The origins that may see the key.
        gate: Decides when a request may leave.
        schemes: The auth schemes, as far as responses have confirmed them.
    """

    def __init__(
        self,
        settings: HttpSettings,
        gate: Gate,
        emit: Emit,
        *,
        is_observed: Callable[[], bool] = lambda: True,
    ) -> None:
        """Opens no connection.

        Args:
            settings: How to reach the service.
            gate: Decides when a request may leave.
            emit: Gets the events of the requests.
            is_observed: Whether anybody gets the events. If not, none is made for an exchange.
        """
        self.service: Service = settings.service
        self.gate: Gate = gate
        self.schemes: Schemes = Schemes(settings.auth)
        self._emit = emit
        self._pools = Pools(settings.pools)
        self._refuses_submits = False
        self._shared = _Shared(
            settings=settings,
            gate=gate,
            schemes=self.schemes,
            redact=Redactor(settings.key),
            is_observed=is_observed,
            belief=Belief(gate if isinstance(gate, RateKeeper) else None),
            # All headers are written here: neither cookies nor httpx's own headers reach a server.
            headers={
                "accept": "*/*",
                "accept-encoding": "identity",
                "connection": "keep-alive",
                "user-agent": settings.user_agent,
            },
        )

    def refuse_submits(self) -> None:
        """Refuses every later lease for a submit. Requests in flight and free calls continue."""
        self._refuses_submits = True

    async def aclose(self) -> None:
        """Closes all connections, and the user's transport. Requests in flight end without a response."""
        self._shared.is_closed = True
        with anyio.CancelScope(shield=True):
            await self._pools.aclose()

    def key_tag(self, salt: bytes) -> str:
        """The tag of the client's key under a salt: whoever keeps the tag cannot read the key from it."""
        return key_tag(self._shared.settings.key.get_secret_value(), salt)

    def closed_for(self, call: Call) -> float:
        """Seconds until the gate lets a request of this kind leave, as an estimate.

        If the gate raises, the error is logged, and the gate counts as open: the caller may have the response
        to a paid request, and not have recorded it yet.
        """
        try:
            return self.gate.closed_for(call)
        except Exception:
            log.exception("the gate raised in closed_for()")
            return 0.0

    def check_open(self, call: Call) -> None:
        """Checks that a request of this kind may still be sent. Callers repeat the check after each wait.

        Raises:
            ConfigurationError: the client was closed.
        """
        if self._shared.is_closed or (self._refuses_submits and call is Call.SUBMIT):
            raise ConfigurationError("the client was closed")

    async def request(self, request: Request) -> Response | NoResponse:
        """Sends a free call once, and after a 401 a second time if there is another auth scheme to try.

        A download is sent without the key. The events are emitted in the caller's task, after each response.

        Raises:
            ConfigurationError: the client was closed, or the URL's origin must not see the key.
        """
        scheme = None if request.call is Call.DOWNLOAD else self.schemes.scheme(request.call)
        response = await self._send(request, scheme)
        if scheme is not None and isinstance(response, Response) and response.kind is StatusKind.UNAUTHORIZED:
            other = self.schemes.next_after(request.call, scheme)
            if other is not None:
                return await self._send(request, other)
        return response

    async def lease(self, call: Call) -> Lease:
        """Waits for a free connection slot, then for the gate's admission.

        The caller must release the lease, in this task or in another one.

        Raises:
            ConfigurationError: the client was closed.
        """
        asked_at = anyio.current_time() if self._shared.is_observed() else None
        pool = self._pools.pool(call)
        send = await pool.acquire()
        try:
            # Pictures are on another host. Downloads carry no key, so the account's limit does not apply.
            admission = None if call is Call.DOWNLOAD else await self.gate.admit(call)
            try:
                self.check_open(call)
            except BaseException:
                if admission is not None:
                    self.gate.release(admission)
                raise
        except BaseException:
            pool.release(send)
            raise
        queued = None if asked_at is None else anyio.current_time() - asked_at
        return Lease(self._shared, pool, send, admission, queued=queued)

    async def _send(self, request: Request, scheme: AuthScheme | None) -> Response | NoResponse:
        async with await self.lease(request.call) as lease:
            response = await lease.send(request, scheme)
        for event in lease.events:
            self._emit(event)
        return response


class Lease:
    """A connection slot and an admission, for one request.

    Attributes:
        events: The events of the request, in order. The caller emits them in its own task, because a submit
            is sent in a detached task.
    """

    def __init__(
        self, shared: _Shared, pool: Pool, send: Send, admission: Admission | None, *, queued: float | None
    ) -> None:
        self.events: list[Event] = []
        self._shared = shared
        self._pool = pool
        self._send = send
        self._admission = admission
        self._queued = queued

    async def send(
        self, request: Request, scheme: AuthScheme | None, body: OneShotBody | None = None
    ) -> Response | NoResponse:
        """Sends the request once, and reports the response to the gate and the auth schemes.

        Adds one `Exchanged` to `events` if anybody gets it, one `RateLimited` after a 429, and one
        `RateChanged` if the response has changed what the gate believes. A cancelled request adds none.

        Args:
            request: The request.
            scheme: How to send the key; None sends no key.
            body: The body of a paid request, sent instead of `request.body`. It is revoked at the end.

        Raises:
            ConfigurationError: the client was closed, or the URL's origin must not see the key. Nothing was
                sent.
        """
        started_at = None if self._queued is None else anyio.current_time()
        try:
            response = await self._exchange(request, scheme, body)
        finally:
            if body is not None:
                body.revoke()
        try:
            self._observe(request, scheme, response, started_at)
        except Exception:
            # The response may belong to a paid call: an error in a gate must not lose the response.
            log.exception("the response of a %s could not be observed", request.call)
        return response

    def release(self) -> None:
        """Gives the connection slot and the admission back. Must be called exactly once."""
        self._pool.release(self._send)
        if self._admission is None:
            return
        try:
            self._shared.gate.release(self._admission)
        except Exception:
            # Not raised, because this code runs between the response of a paid call and its record.
            log.exception("the gate raised in release()")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def _exchange(
        self, request: Request, scheme: AuthScheme | None, body: OneShotBody | None
    ) -> Response | NoResponse:
        shared, call = self._shared, request.call
        if shared.is_closed:
            # A closed transport would open a new connection without an error.
            raise ConfigurationError("the client was closed")
        read, total = _read_and_total(shared.settings.timeouts, call)
        try:
            message = self._message(request, scheme, body, read, total)
        except ConfigurationError:
            raise
        except Exception as exc:
            return NoResponse(reason=reason_of(exc, shared.redact), sent=body is None or body.sent)
        return await send_once(
            self._send,
            message,
            total=total,
            limit_bytes=MAX_PICTURE_BYTES if call is Call.DOWNLOAD else _MAX_RESPONSE_BYTES,
            body=body,
            redact=shared.redact,
            is_picture=call is Call.DOWNLOAD,
        )

    def _message(
        self,
        request: Request,
        scheme: AuthScheme | None,
        body: OneShotBody | None,
        read: float,
        total: float,
    ) -> httpx.Request:
        settings = self._shared.settings
        url, origin = parsed_address(request.url)
        headers = dict(self._shared.headers)
        if scheme is not None:
            # The last check before the key is added, on the very URL that httpx connects to.
            if not settings.service.trusts(origin):
                raise ConfigurationError(f"{url.scheme}://{url.host} must not see the key; nothing was sent")
            name, value = header(scheme, settings.key.get_secret_value())
            headers[name] = value
        timeouts = settings.timeouts
        timeout = {"connect": timeouts.connect, "write": timeouts.write, "read": read, "pool": total}
        return build_message(request, url, headers=headers, body=body, timeout=timeout)

    def _observe(
        self,
        request: Request,
        scheme: AuthScheme | None,
        response: Response | NoResponse,
        started_at: float | None,
    ) -> None:
        retry_after: float | None = None
        if isinstance(response, Response) and not response.ok:
            retry_after = parse_retry_after(response.headers, datetime.now(UTC))
        if started_at is not None and self._queued is not None:
            self.events.append(
                Exchanged(
                    swap=request.swap,
                    call=request.call,
                    attempt=request.attempt,
                    status_code=response.status_code if isinstance(response, Response) else None,
                    queued=self._queued,
                    seconds=anyio.current_time() - started_at,
                    retry_after=retry_after,
                )
            )
        if self._admission is None or isinstance(response, NoResponse):
            return
        gate = self._shared.gate
        if response.kind is StatusKind.RATE_LIMITED:
            delay = gate.rate_limited(self._admission, retry_after)
            self.events.append(RateLimited(swap=request.swap, call=request.call, delay=delay))
        else:
            if response.ok and scheme is not None:
                self._shared.schemes.confirm(request.call, scheme)
            gate.answered(self._admission)
        news = self._shared.belief.news()
        if news is not None:
            self.events.append(news)


def _read_and_total(timeouts: RequestTimeouts, call: Call) -> tuple[float, float]:
    match call:
        case Call.SUBMIT:
            return timeouts.submit_read, timeouts.submit_total
        case Call.UPLOAD:
            return timeouts.upload_read, timeouts.upload_total
        case Call.DOWNLOAD:
            return timeouts.download_read, timeouts.download_total
        case Call.POLL | Call.CREDITS | Call.HISTORY:
            return timeouts.poll_read, timeouts.poll_total
