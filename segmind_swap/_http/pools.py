"""What is behind the wire: the way that each kind of request takes, and how many take it at once."""

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
    """How much may go on at once, over how many transports: in each, fewer requests than connections.

    At its limit httpx's pool gives up reuse, and leaks the slots of requests cancelled while they wait for
    one (httpcore, issue 1093). Below it, neither can happen. And it looks at all of its connections for each
    request: with 32 of them one takes several times as long as with 8 (docs/explanation/performance.md).
    """

    transports: int
    requests_each: int
    connections_each: int

    @property
    def requests(self) -> int:
        """In all."""
        return self.transports * self.requests_each


SUBMITS = PoolSize(16, 8, 10)
POLLS = PoolSize(16, 8, 10)
FAST_POLLS = PoolSize(1, 256, 264)
"""With the extra `fast`, in which connections cost nothing while nobody uses them."""
UPLOADS = PoolSize(1, 8, 12)
"""And questions about credits: neither has to wait behind thousands of polls."""
DOWNLOADS = PoolSize(1, 8, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How connections are made.

    Attributes:
        is_local: The service is on this machine, which is not reached through a proxy of the environment.
    """

    is_local: bool
    proxy: str | None = field(repr=False)
    verify: bool | ssl.SSLContext
    transport: httpx.AsyncBaseTransport | None


Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Pool:
    """How one kind of request gets onto the wire, and its places there."""

    def __init__(self, sends: Sequence[Send], bounds: PoolSize) -> None:
        self._places = anyio.Semaphore(bounds.requests, fast_acquire=True)
        # The one that was used last is taken first: its connection is still open.
        self._free = list(sends) * bounds.requests_each

    @property
    def free(self) -> int:
        """How many places nobody has."""
        return len(self._free)

    async def acquire(self) -> Send:
        """Waits for a place; it is to be given back."""
        await self._places.acquire()
        return self._free.pop()

    def release(self, place: Send) -> None:
        """Gives a place to the next."""
        self._free.append(place)
        self._places.release()


class Pools:
    """A way onto the wire for each kind of request. Belongs to one event loop."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._open: list[httpx.AsyncBaseTransport | httpx.AsyncClient] = []
        complaint: str | None = None
        try:
            self._ways = self._made(_ssl_context(settings))
        except (ValueError, TypeError, ImportError, OSError, httpx.InvalidURL) as exc:
            complaint = type(exc).__name__
        if complaint is not None:
            # The exception's own text is left out: a proxy's URL may hold a password.
            raise ConfigurationError(
                "connections cannot be set up: check `proxy` and `verify`, and in the environment"
                f" HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR ({complaint})"
            )

    def pool(self, call: Call) -> Pool:
        """The way of requests of this kind."""
        return self._ways[call]

    async def aclose(self) -> None:
        """Closes every connection, and the transport that was handed in."""
        for way in self._open:
            await way.aclose()
        if self._settings.transport is not None:
            await self._settings.transport.aclose()

    @property
    def _has_proxies(self) -> bool:
        """Whether the environment names proxies; this machine itself is not reached through them."""
        return not self._settings.is_local and bool(getproxies().keys() - {"no"})

    def _made(self, context: ssl.SSLContext | bool) -> dict[Call, Pool]:
        # Submits have connections of their own, each used once: a stale one would make an outcome unknown,
        # and a submit that hangs cannot hold up a poll.
        submits = self._usual(SUBMITS, context, keepalive=False)
        fast = self._fast(context)
        if fast is not None:
            polls, uploads = (Pool([fast] * bounds.transports, bounds) for bounds in (FAST_POLLS, UPLOADS))
        else:
            polls, uploads = self._usual(POLLS, context), self._usual(UPLOADS, context)
        return {
            Call.SUBMIT: submits,
            Call.POLL: polls,
            Call.DOWNLOAD: self._usual(DOWNLOADS, context),
            Call.UPLOAD: uploads,
            Call.CREDITS: uploads,
        }

    def _usual(self, bounds: PoolSize, context: ssl.SSLContext | bool, *, keepalive: bool = True) -> Pool:
        limits = httpx.Limits(
            max_connections=bounds.connections_each,
            max_keepalive_connections=bounds.connections_each if keepalive else 0,
            keepalive_expiry=_KEEPALIVE,
        )
        return Pool([self._send(limits, context) for _ in range(bounds.transports)], bounds)

    def _send(self, limits: httpx.Limits, context: ssl.SSLContext | bool) -> Send:
        """Through httpx's transport, without a client above it, which would cost as much again.

        Nothing is redirected here, and no cookie kept. But only a client knows which of the environment's
        proxies a URL goes through.
        """
        settings = self._settings
        if settings.transport is not None:
            return settings.transport.handle_async_request
        if settings.proxy is None and self._has_proxies:
            client = httpx.AsyncClient(verify=context, limits=limits, follow_redirects=False)
            self._open.append(client)
            return partial(client.send, stream=True)
        proxy = None if settings.proxy is None else httpx.Proxy(settings.proxy)
        transport = httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy, trust_env=False)
        self._open.append(transport)
        return transport.handle_async_request

    def _fast(self, context: ssl.SSLContext | bool) -> Send | None:
        settings = self._settings
        if settings.transport is not None or settings.proxy is not None or self._has_proxies:
            return None
        connections = FAST_POLLS.connections_each + UPLOADS.connections_each
        transport = fast_transport(verify=context, connections=connections, keepalive=_KEEPALIVE)
        if transport is None:
            return None
        self._open.append(transport)
        return transport.handle_async_request


def _ssl_context(settings: PoolSettings) -> ssl.SSLContext | bool:
    """One context for all clients, and none where no connection is ours: each takes tens of milliseconds."""
    if settings.transport is not None:
        return False
    return httpx.create_ssl_context() if settings.verify is True else settings.verify
