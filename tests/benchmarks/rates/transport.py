"""The service in memory, as a transport: answers come after the latency, in virtual time."""

import asyncio
import json
from collections.abc import Mapping

import httpx

from ..service import CREDITS, DONE, LIMITED, RUNNING, accepted
from .service import Service

_DONE, _RUNNING, _CREDITS, _LIMITED = (json.dumps(one).encode() for one in (DONE, RUNNING, CREDITS, LIMITED))


class InMemory(httpx.AsyncBaseTransport):
    """The service for one of its clients."""

    def __init__(self, service: Service, client: int = 0) -> None:
        self._service = service
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assert isinstance(request.stream, httpx.AsyncByteStream)
            async for _ in request.stream:
                pass
        response = self._answer(request.url.path, asyncio.get_running_loop().time())
        await asyncio.sleep(self._service.terms.latency)
        return response

    def _answer(self, path: str, now: float) -> httpx.Response:
        if path.startswith("/poll/"):
            answer: int | Mapping[str, str] = self._service.poll(int(path[6:]), now)
            body = _DONE if answer is True else _RUNNING
        elif path.startswith("/workflows/"):
            answer = self._service.submit(self._client, now)
            body = json.dumps(accepted(f"https://api.segmind.com/poll/{answer}", 1)).encode()
        else:
            answer, body = True, _CREDITS
        if isinstance(answer, int):
            return httpx.Response(200, stream=httpx.ByteStream(body))
        return httpx.Response(429, stream=httpx.ByteStream(_LIMITED), headers=answer)
