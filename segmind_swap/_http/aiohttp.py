"""A faster transport for free calls, with the extra `segmind-swap[fast]`: aiohttp behind httpx's interface.

The transport uses a fraction of the CPU time of httpx's pool, also with many connections. It works on asyncio
only.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, cast

import httpx
import sniffio

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL


def fast_transport(
    *, verify: bool | ssl.SSLContext, connections: int, keepalive: float
) -> httpx.AsyncBaseTransport | None:
    """A transport that uses no proxy; None on trio, and without the extra.

    Args:
        verify: As in httpx.
        connections: The largest number of open connections.
        keepalive: Seconds that an idle connection stays open.
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

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=keepalive, ssl=verify),
        cookie_jar=aiohttp.DummyCookieJar(),
    )

    exact_session = cast("aiohttp.ClientSession", _ExactUrlSession(session, URL))

    class Transport(AiohttpTransport):
        """Uses the session above, with its connector and without cookies."""

        def get_client(self) -> aiohttp.ClientSession:
            # Called for each request, because the session is not an instance of `aiohttp.ClientSession`.
            return exact_session

        async def aclose(self) -> None:
            await session.close()

    return Transport(verify=verify)


class _ExactUrlSession:
    """A session that sends a URL as it is written: aiohttp's own session would normalise the URL."""

    def __init__(self, session: aiohttp.ClientSession, url: type[URL]) -> None:
        self._session = session
        self._url = url

    def request(self, *, url: str, **options: Any) -> Any:
        return self._session.request(url=self._url(url, encoded=True), **options)
