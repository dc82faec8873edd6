"""What a request costs by httpx's own transport, by how many connections its pool holds, and by aiohttp's."""

import asyncio
import time
from collections.abc import Sequence

import httpx

from .findings import Effort, Finding, Found
from .server import serving
from .service import Conditions

_AT_ONCE = 32
_KEPT = 60.0


def _limits(connections: int) -> httpx.Limits:
    return httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEPT
    )


async def _ask(transport: httpx.AsyncBaseTransport, url: str) -> None:
    response = await transport.handle_async_request(httpx.Request("GET", url))
    await response.aread()
    await response.aclose()


async def _cost(transports: Sequence[httpx.AsyncBaseTransport], users: int, url: str, count: int) -> float:
    """Seconds of CPU for each request, with so many at once on each transport, all connections open."""
    numbers = iter(range(count))

    async def user(transport: httpx.AsyncBaseTransport) -> None:
        for _ in numbers:
            await _ask(transport, url)

    at_work = [transport for transport in transports for _ in range(users)]
    await asyncio.gather(*(_ask(transport, url) for transport in at_work))
    started = time.process_time()
    await asyncio.gather(*(user(transport) for transport in at_work))
    cpu = time.process_time() - started
    for transport in transports:
        await transport.aclose()
    return cpu / count


def transports(effort: Effort) -> Found:
    """32 requests at once, on one pool or on several; and by aiohttp, whose pool does not mind."""
    from httpx_aiohttp import AiohttpTransport

    count = effort.swaps(4000)

    async def costs(url: str) -> list[Finding]:
        findings = []
        for pools in (1, 2, 4, 8):
            each = _AT_ONCE // pools
            made = [httpx.AsyncHTTPTransport(limits=_limits(each + 1)) for _ in range(pools)]
            cost = await _cost(made, each, url, count)
            what = f"CPU a request: httpx's transport, {pools} x {each} requests at once"
            findings.append(Finding(what=what, figure=cost * 1e6, unit="us"))
        cost = await _cost([AiohttpTransport(limits=_limits(_AT_ONCE + 1))], _AT_ONCE, url, count)
        what = f"CPU a request: httpx-aiohttp's transport, 1 x {_AT_ONCE} requests at once"
        return [*findings, Finding(what=what, figure=cost * 1e6, unit="us")]

    with serving(Conditions(latency=0.005)) as server:
        found = asyncio.run(costs(f"{server.base_url}/v1/get-user-credits"))
    return Found(row="transports", findings=found)
