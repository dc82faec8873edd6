"""Connection pools: one for each kind of request, with a fixed number of requests at once."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeAlias
from urllib.request import getproxies

import anyio
import httpx

from .._errors import ConfigurationError
from .._models import Call
from .aiohttp import fast_transport

_KEEPALIVE = 60.0


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
    """

    is_local: bool
    proxy: str | None = field(repr=False)
    verify: bool | ssl.SSLContext
    transport: httpx.AsyncBaseTransport | None


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
        self._transports: list[httpx.AsyncBaseTransport | httpx.AsyncClient] = []
        problem: str | None = None
        try:
            self._pools = self._build(_ssl_context(settings))
        except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as exc:
            problem = type(exc).__name__
        if problem is not None:
            # The message does not contain the exception's text: a proxy's URL may contain a password.
            raise ConfigurationError(
                "connections cannot be set up: check `proxy` and `verify`, and in the environment"
                f" HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR ({problem})"
            )

    def pool(self, call: Call) -> Pool:
        """The pool for requests of this kind."""
        return self._pools[call]

    async def aclose(self) -> None:
        """Closes all connections, and the user's own transport."""
        for transport in self._transports:
            await transport.aclose()
        if self._settings.transport is not None:
            await self._settings.transport.aclose()

    @property
    def _has_proxies(self) -> bool:
        """Whether the environment names proxies. They are not used for a service on this machine."""
        return not self._settings.is_local and bool(getproxies().keys() - {"no"})

    def _build(self, context: ssl.SSLContext | bool) -> dict[Call, Pool]:
        # Submits have connections of their own, each for one request: a stale connection would leave a POST
        # in doubt, and a submit without a response must not delay a poll.
        submits = self._httpx_pool(SUBMITS, context, keepalive=False)
        fast = self._fast_send(context)
        if fast is not None:
            polls, uploads = (Pool([fast] * size.transports, size) for size in (FAST_POLLS, UPLOADS))
        else:
            polls, uploads = self._httpx_pool(POLLS, context), self._httpx_pool(UPLOADS, context)
        return {
            Call.SUBMIT: submits,
            Call.POLL: polls,
            Call.DOWNLOAD: self._httpx_pool(DOWNLOADS, context),
            Call.UPLOAD: uploads,
            Call.CREDITS: uploads,
        }

    def _httpx_pool(self, size: PoolSize, context: ssl.SSLContext | bool, *, keepalive: bool = True) -> Pool:
        limits = httpx.Limits(
            max_connections=size.connections_each,
            max_keepalive_connections=size.connections_each if keepalive else 0,
            keepalive_expiry=_KEEPALIVE,
        )
        return Pool([self._httpx_send(limits, context) for _ in range(size.transports)], size)

    def _httpx_send(self, limits: httpx.Limits, context: ssl.SSLContext | bool) -> Send:
        """A transport of httpx without a client above it: the client would double the CPU time of a request.

        Without a client, nothing follows redirects or keeps cookies. But only a client can choose among the
        environment's proxies, so it is used if there are any.
        """
        settings = self._settings
        if settings.transport is not None:
            return settings.transport.handle_async_request
        if settings.proxy is None and self._has_proxies:
            client = httpx.AsyncClient(verify=context, limits=limits, follow_redirects=False)
            self._transports.append(client)
            return partial(client.send, stream=True)
        proxy = None if settings.proxy is None else httpx.Proxy(settings.proxy)
        transport = httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy, trust_env=False)
        self._transports.append(transport)
        return transport.handle_async_request

    def _fast_send(self, context: ssl.SSLContext | bool) -> Send | None:
        """The transport of the extra `fast`; None where it cannot be used."""
        settings = self._settings
        if settings.transport is not None or settings.proxy is not None or self._has_proxies:
            return None
        connections = FAST_POLLS.connections_each + UPLOADS.connections_each
        transport = fast_transport(verify=context, connections=connections, keepalive=_KEEPALIVE)
        if transport is None:
            return None
        self._transports.append(transport)
        return transport.handle_async_request


def _ssl_context(settings: PoolSettings) -> ssl.SSLContext | bool:
    """One context for all transports, because making a context takes tens of milliseconds.

    A user's own transport needs no context.
    """
    if settings.transport is not None:
        return False
    return httpx.create_ssl_context() if settings.verify is True else settings.verify
