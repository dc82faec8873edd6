"""The service in memory and in virtual time: an hour of a batch takes seconds, and is the same each time."""

import asyncio
import json
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from .service import CREDITS, DONE, LIMITED, RUNNING, Service, accepted

T = TypeVar("T")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _Leap(selectors.DefaultSelector):
    """Never waits: where the loop would, its clock leaps ahead. Nothing here has sockets or threads."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.leapt += timeout
        return ready


class _VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.leapt


def in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Runs it, and does not wait for anything."""
    with asyncio.Runner(loop_factory=_VirtualTimeLoop) as runner:
        return runner.run(main)


class InMemory(httpx.AsyncBaseTransport):
    """The service as a transport. Its answers take the latency that the conditions say."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assert isinstance(request.stream, httpx.AsyncByteStream)
            async for _ in request.stream:
                pass
        loop = asyncio.get_running_loop()
        response = self._answer(request, loop.time())
        if self._service.conditions.latency:
            await asyncio.sleep(self._service.conditions.latency)
        return response

    def _answer(self, request: httpx.Request, now: float) -> httpx.Response:
        path = request.url.path
        if path.startswith("/poll/"):
            match self._service.poll(int(path[6:]), now):
                case True:
                    return _ok(_DONE)
                case False:
                    return _ok(_RUNNING)
                case None:
                    return self._limited(now)
        if not path.startswith("/workflows/"):
            return _ok(_CREDITS)
        number = self._service.submit(now)
        if number is None:
            return self._limited(now)
        return _ok(_json(accepted(f"https://api.segmind.com/poll/{number}", number)))

    def _limited(self, now: float) -> httpx.Response:
        """Says when the window ends, as Segmind does, on a clock that starts when the loop does."""
        moment, reset = (_EPOCH + timedelta(seconds=s) for s in (now, now + self._service.resets_in(now)))
        headers = {
            "date": moment.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-rate-limit-reset-at-utc": reset.strftime("%Y-%m-%d %H:%M:%S"),
        }
        return httpx.Response(429, content=_json(LIMITED), headers=headers)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _ok(body: bytes) -> httpx.Response:
    return httpx.Response(200, content=body)


_DONE, _RUNNING, _CREDITS = _json(DONE), _json(RUNNING), _json(CREDITS)
