"""A faster transport for free calls, with the extra `segmind-swap[fast]`: aiohttp behind httpx's interface.

The transport uses a fraction of the CPU time of httpx's pool, also with many connections. It works on asyncio
only. Calls that it cannot answer as httpx would are sent with httpx's own transport: they are free.
"""

from __future__ import annotations

import inspect
import ssl
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import httpx
import sniffio

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

_LONGEST_HEADER = 100 * 1024
"""Bytes of a line of a response's head: what httpx's own transport accepts for the whole head."""
_MOST_HEADERS = 10_000
_URLS_REMEMBERED = 256

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


def fast_transport(
    *, verify: bool | ssl.SSLContext, connections: int, keepalive: float, default: Send, uses_tls: bool = True
) -> httpx.AsyncBaseTransport | None:
    """A transport that uses no proxy; None on trio, and without the extra.

    Args:
        verify: As in httpx.
        connections: The largest number of open connections.
        keepalive: Seconds that an idle connection stays open.
        default: Sends what this transport cannot send, or whose response it cannot read.
        uses_tls: Whether `verify` is meant for use. Otherwise https requests are sent by `default`.
    """
    if sniffio.current_async_library() != "asyncio":
        return None
    try:
        # Imported lazily: importing the client must not load aiohttp.
        import aiohttp  # noqa: PLC0415
        from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415
        from yarl import URL  # noqa: PLC0415
    except ImportError:
        return None

    limits = {
        "max_line_size": _LONGEST_HEADER,
        "max_field_size": _LONGEST_HEADER,
        "max_headers": _MOST_HEADERS,
    }
    # Older versions of aiohttp have no limit on the number of headers.
    known = inspect.signature(aiohttp.ClientSession).parameters
    options: dict[str, Any] = {name: value for name, value in limits.items() if name in known}
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=keepalive, ssl=verify),
        cookie_jar=aiohttp.DummyCookieJar(),
        **options,
    )
    exact_session = cast("aiohttp.ClientSession", _ExactUrlSession(session, URL))
    not_again = (aiohttp.ClientConnectionError, httpx.TransportError, OSError)

    class Transport(AiohttpTransport):
        """Uses the session above, with its connector and without cookies."""

        def __init__(self) -> None:
            super().__init__(verify=verify)
            self._avoided = _Avoided()
            # A client that is never closed warns itself. aiohttp must not warn a second time, and a third.
            weakref.finalize(self, _drop, session)

        def get_client(self) -> aiohttp.ClientSession:
            # Called for each request, because the session is not an instance of `aiohttp.ClientSession`.
            return exact_session

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            url = str(request.url)
            needs_default = request.url.scheme == "https" and not uses_tls
            if needs_default or url in self._avoided or is_patched():
                return await default(request)
            try:
                response = await super().handle_async_request(request)
            except not_again as exc:
                if not isinstance(exc, httpx.ConnectError | httpx.PoolTimeout):
                    # Perhaps a response that aiohttp cannot read: it then closes the connection.
                    self._avoided.add(url)
                raise
            except Exception:
                # aiohttp refuses the response. httpx's transport may read it.
                self._avoided.add(url)
                return await default(request)
            stream = cast("httpx.AsyncByteStream", response.stream)
            response.stream = _WatchedStream(stream, on_error=lambda: self._avoided.add(url))
            return response

        async def aclose(self) -> None:
            await session.close()

    return Transport()


def is_patched() -> bool:
    """Whether another package observes or replaces httpx's transports now, for tests or for traces.

    respx, pytest-httpx, vcrpy and OpenTelemetry do so, and none of them would see a request of aiohttp.
    """
    # Imported lazily: httpcore would load trio, if it is installed.
    import httpcore  # noqa: PLC0415

    return not all(map(_is_original, (httpx.AsyncHTTPTransport, httpcore.AsyncConnectionPool)))


def _is_original(transport: type) -> bool:
    # A replacement can copy every name of the function that it wraps, but not its file.
    send, close = transport.__dict__.get("handle_async_request"), transport.__dict__.get("aclose")
    if not isinstance(send, FunctionType) or not isinstance(close, FunctionType):
        return False
    return send.__code__.co_filename == close.__code__.co_filename


def _drop(session: aiohttp.ClientSession) -> None:
    """Closes a session that was forgotten, without a word and without a task."""
    connector = session.connector
    session.detach()
    if connector is not None:
        connector.__exit__(None, None, None)


class _Avoided:
    """The URLs whose responses this transport could not read, and which httpx's transport asks for again."""

    def __init__(self) -> None:
        self._urls: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, url: str) -> bool:
        return url in self._urls

    def add(self, url: str) -> None:
        self._urls[url] = None
        while len(self._urls) > _URLS_REMEMBERED:
            self._urls.popitem(last=False)


class _WatchedStream(httpx.AsyncByteStream):
    """A response's body. An error while it is read is reported, and raised."""

    def __init__(self, stream: httpx.AsyncByteStream, *, on_error: Callable[[], None]) -> None:
        self._stream = stream
        self._on_error = on_error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        try:
            async for chunk in chunks:
                yield chunk
        except Exception:
            self._on_error()
            raise
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _ExactUrlSession:
    """A session that sends a URL as it is written: aiohttp's own session would normalise the URL."""

    def __init__(self, session: aiohttp.ClientSession, url: type[URL]) -> None:
        self._session = session
        self._url = url

    def request(self, *, url: str, **options: Any) -> Any:
        return self._session.request(url=self._url(url, encoded=True), **options)
