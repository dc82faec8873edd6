"""Connection pools: one for each kind of request, with a fixed number of requests at once."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import anyio
import httpx

from .._config import BASE_URL
from .._errors import ConfigurationError
from .._models import Call
from .aiohttp import fast_transport
from .proxies import EnvironmentProxies

_KEEPALIVE = 60.0
_UNUSABLE = (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL)
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: for connections without TLS."""


class PoolSize(NamedTuple):
    """How many requests may be in flight, over how many transports.

    Each transport has fewer requests than connections. At its limit, httpx's pool stops reusing connections.
    It also leaks the slots of requests that are cancelled while they wait (httpcore, issue 1093).

    The requests are spread over several transports, because httpx's pool looks at all its connections for
    each request: with 32 connections a request takes several times as long as with 8
    (docs/explanation/performance.md).
    """

    transports: int
    requests_each: int
    connections_each: int

    @property
    def requests(self) -> int:
        """Requests in flight over all transports."""
        return self.transports * self.requests_each


SUBMITS = PoolSize(16, 8, 10)
POLLS = PoolSize(16, 8, 10)
FAST_POLLS = PoolSize(1, 256, 264)
"""The size for polls with the extra `fast`, where an idle connection uses no CPU time."""
UPLOADS = PoolSize(1, 8, 12)
"""The size for uploads and credits, which must not wait behind thousands of polls."""
DOWNLOADS = PoolSize(1, 8, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How connections are made.

    Attributes:
        is_local: The service is on this machine. Then the environment's proxies are not used.
        proxy: The URL of the user's proxy, or None. The URL may contain a password.
        verify: As in httpx: True, or a context with the certificates to trust.
        transport: The user's own transport for all requests, or None.
        base_url: The address of the API.
        fast: Whether the extra `fast` is used, if it is installed.
    """

    is_local: bool
    proxy: str | None = field(repr=False)
    verify: bool | ssl.SSLContext
    transport: httpx.AsyncBaseTransport | None
    base_url: str = BASE_URL
    fast: bool = True


Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]
"""Sends a request. The response's body is not read yet."""


class Pool:
    """The connections of one kind of request, and a slot for each request that may be in flight."""

    def __init__(self, sends: Sequence[Send], size: PoolSize) -> None:
        self._slots = anyio.Semaphore(size.requests, fast_acquire=True)
        # Used as a stack: the transport that was used last probably has an open connection.
        self._free = list(sends) * size.requests_each

    @property
    def free(self) -> int:
        """How many slots are free."""
        return len(self._free)

    async def acquire(self) -> Send:
        """Waits for a slot. The caller must release the slot."""
        await self._slots.acquire()
        return self._free.pop()

    def release(self, send: Send) -> None:
        """Gives a slot back, so that the next request can use it."""
        self._free.append(send)
        self._slots.release()


class Pools:
    """One pool for each kind of request. Belongs to one event loop.

    Raises:
        ConfigurationError: the proxy, the certificates or the environment's proxies cannot be used.
    """

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._transports: list[httpx.AsyncBaseTransport] = []
        self._context: ssl.SSLContext | bool | None = None
        self._proxies = EnvironmentProxies({} if settings.is_local else None)
        self._uses_tls = settings.base_url.lower().startswith("https:")
        problem: str | None = None
        try:
            self._pools = self._build()
        except _UNUSABLE as exc:
            problem = _problem_of(exc)
        if problem is not None:
            raise ConfigurationError(problem)

    def pool(self, call: Call) -> Pool:
        """The pool for requests of this kind."""
        return self._pools[call]

    async def aclose(self) -> None:
        """Closes all connections, and the user's own transport."""
        for transport in self._transports:
            await transport.aclose()
        if self._settings.transport is not None:
            await self._settings.transport.aclose()

    def _build(self) -> dict[Call, Pool]:
        # Submits have connections of their own, each for one request: a stale connection would leave a POST
        # in doubt, and a submit without a response must not delay a poll.
        submits = self._httpx_pool(SUBMITS, keepalive=False)
        fast = self._fast_send()
        if fast is not None:
            polls, uploads = (Pool([fast] * size.transports, size) for size in (FAST_POLLS, UPLOADS))
        else:
            polls, uploads = self._httpx_pool(POLLS), self._httpx_pool(UPLOADS)
        return {
            Call.SUBMIT: submits,
            Call.POLL: polls,
            Call.DOWNLOAD: self._httpx_pool(DOWNLOADS),
            Call.UPLOAD: uploads,
            Call.CREDITS: uploads,
            Call.HISTORY: uploads,
        }

    def _httpx_pool(self, size: PoolSize, *, keepalive: bool = True) -> Pool:
        limits = _limits(size.connections_each, keepalive=keepalive)
        return Pool([self._httpx_send(limits) for _ in range(size.transports)], size)

    def _httpx_send(self, limits: httpx.Limits) -> Send:
        """Transports of httpx without a client above them: it would double the CPU time of a request.

        Without a client, nothing follows redirects or keeps cookies.
        """
        if self._settings.transport is not None:
            return self._settings.transport.handle_async_request
        routes = _Routes(self._new_transport, limits, self._route)
        # Errors of the settings must be raised at the start, not by the first request.
        routes.transport(httpx.URL(self._settings.base_url))
        return routes.send

    def _route(self, url: httpx.URL) -> _Route:
        proxy = self._settings.proxy
        return _Route(proxy if proxy is not None else self._proxies.proxy_of(url), url.scheme == "https")

    def _new_transport(self, route: _Route, limits: httpx.Limits) -> httpx.AsyncHTTPTransport:
        transport = httpx.AsyncHTTPTransport(
            verify=self._context_for(uses_tls=route.uses_tls),
            limits=limits,
            proxy=None if route.proxy is None else httpx.Proxy(route.proxy),
            trust_env=False,
        )
        self._transports.append(transport)
        return transport

    def _context_for(self, *, uses_tls: bool) -> ssl.SSLContext | bool:
        """One context for all transports, because making a context takes tens of milliseconds.

        A connection without TLS needs no certificates, so their files need not be readable.
        """
        if not uses_tls:
            return _NO_CERTIFICATES
        if self._context is None:
            verify = self._settings.verify
            self._context = httpx.create_ssl_context() if verify is True else verify
        return self._context

    def _fast_send(self) -> Send | None:
        """The transport of the extra `fast`; None where it cannot be used."""
        settings = self._settings
        if not settings.fast or settings.transport is not None or settings.proxy is not None or self._proxies:
            return None
        connections = FAST_POLLS.connections_each + UPLOADS.connections_each
        # The second way for free calls: its transport is made when it is needed.
        default = _Routes(self._new_transport, _limits(connections), self._route)
        transport = fast_transport(
            verify=self._context_for(uses_tls=self._uses_tls),
            connections=connections,
            keepalive=_KEEPALIVE,
            default=default.send,
            uses_tls=self._uses_tls,
        )
        if transport is None:
            return None
        self._transports.append(transport)
        return transport.handle_async_request


class _Route(NamedTuple):
    """How a request reaches its server: through which proxy, and whether with TLS."""

    proxy: str | None
    uses_tls: bool


class _Routes:
    """The transports behind one `Send`: one for each route, made by the route's first request."""

    def __init__(
        self,
        make: Callable[[_Route, httpx.Limits], httpx.AsyncHTTPTransport],
        limits: httpx.Limits,
        route: Callable[[httpx.URL], _Route],
    ) -> None:
        self._make = make
        self._limits = limits
        self._route = route
        self._transports: dict[_Route, httpx.AsyncHTTPTransport] = {}

    def transport(self, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        """The transport for a URL."""
        route = self._route(url)
        transport = self._transports.get(route)
        if transport is None:
            transport = self._transports[route] = self._make(route, self._limits)
        return transport

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Sends a request."""
        try:
            transport = self.transport(request.url)
        except _UNUSABLE as exc:
            raise ConfigurationError(_problem_of(exc)) from None
        # Looked up at each call: packages for tests replace the method while a client is open.
        return await transport.handle_async_request(request)


def _limits(connections: int, *, keepalive: bool = True) -> httpx.Limits:
    return httpx.Limits(
        max_connections=connections,
        max_keepalive_connections=connections if keepalive else 0,
        keepalive_expiry=_KEEPALIVE,
    )


def _problem_of(error: Exception) -> str:
    """Says what to check. The message has no text of the exception: a proxy's URL may contain a password."""
    advice = (
        ": SOCKS proxies need pip install 'httpx[socks]', and the scheme socks5:// or socks5h://"
        if isinstance(error, ImportError) or "socks" in str(error).lower()
        else ""
    )
    return (
        "connections cannot be set up: check `proxy` and `verify`, and in the environment"
        " HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        f" ({type(error).__name__}{advice})"
    )
