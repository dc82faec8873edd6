"""Every moment of a run at which it can be cancelled, each way to cancel it, and the service it talks to."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

import anyio
import anyio.lowlevel
import httpx
import pytest
import trio
import trio.testing

from segmind_swap import SwapJob
from segmind_swap._http.client import HttpClient
from segmind_swap._models import Call
from segmind_swap.emulator import Emulator

from ..conftest import VirtualTimeLoop, _Standstill

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

KEY = "emulator-key"
REFERENCE = "https://pictures.example/hero.png"
PATIENCE = 30.0
"""Real seconds in which a thread that nobody waits for any more has surely written its file."""


class Moments:
    """Counts the moments at which a run could be interrupted, and interrupts it at one of them.

    On asyncio that is after each callback of the loop, on trio after each step of a task: between two of them
    nothing can happen.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.has_interrupted = False
        self._at = 0
        self._interrupt: Callable[[], object] | None = None

    def arm(self, at: int, interrupt: Callable[[], object]) -> None:
        """Interrupts at the moment of this number, counted from 1 and from now on."""
        self.passed = 0
        self.has_interrupted = False
        self._at = at
        self._interrupt = interrupt

    def disarm(self) -> None:
        self._interrupt = None

    def tick(self) -> None:
        if self._interrupt is None:
            return
        self.passed += 1
        if self.passed == self._at:
            interrupt, self._interrupt = self._interrupt, None
            self.has_interrupted = True
            interrupt()


class CountingLoop(VirtualTimeLoop):
    """An asyncio loop in virtual time, each of whose callbacks is a moment."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        super().__init__()

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._counted(callback), *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._counted(callback), *args, context=context)

    def _counted(self, callback: Callable[[*_Ts], object]) -> Callable[[*_Ts], None]:
        def run(*args: *_Ts) -> None:
            callback(*args)
            self._moments.tick()

        return run


class _Ticks(trio.abc.Instrument):
    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._moments.tick()


def run(backend: str, main: Callable[[Moments], Awaitable[_T]]) -> _T:
    """Runs it in virtual time, with its moments counted."""
    moments = Moments()
    if backend == "asyncio":
        options: dict[str, Any] = {"loop_factory": lambda: CountingLoop(moments)}
    else:
        clock = trio.testing.MockClock(autojump_threshold=0)
        options = {"clock": clock, "instruments": [_Standstill(clock), _Ticks(moments)]}
    return anyio.run(main, moments, backend=backend, backend_options=options)


class Network(httpx.AsyncBaseTransport):
    """Carries requests to an emulator, with a pause wherever a network has one; counts what is on it."""

    def __init__(self, service: Emulator) -> None:
        self.open = 0
        self._app = httpx.ASGITransport(app=service.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self.open += 1
        try:
            await anyio.sleep(0.01)  # connects
            body = b""
            async for chunk in request.stream:
                body += chunk
                await anyio.lowlevel.checkpoint()
            arrived = httpx.Request(request.method, request.url, headers=request.headers, content=body)
            response = await self._app.handle_async_request(arrived)
            content = await response.aread()
            await anyio.sleep(0.01)
        except BaseException:
            self.open -= 1
            raise
        headers = [field for field in response.headers.raw if field[0].lower() != b"content-length"]
        return httpx.Response(response.status_code, headers=headers, stream=_Answer(self, content))


class _Answer(httpx.AsyncByteStream):
    def __init__(self, network: Network, content: bytes) -> None:
        self._network = network
        self._parts = [content[:1], content[1:]]
        self._is_open = True

    def __aiter__(self) -> "_Answer":
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        await anyio.lowlevel.checkpoint()
        return self._parts.pop(0)

    async def aclose(self) -> None:
        # Whoever begins to close it has closed it, as a socket.
        if self._is_open:
            self._is_open = False
            self._network.open -= 1
        await anyio.lowlevel.checkpoint()


def ids(jobs: Iterable[SwapJob | None]) -> set[str | None]:
    return {job.request_id for job in jobs if job is not None}


def places_left(http: HttpClient) -> list[int]:
    """As many as `BOUNDS`, when nobody is on the wire."""
    return [http._pools.pool(call).free for call in (Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.DOWNLOAD)]


Operation = Callable[[], Awaitable[_T]]
Way = Callable[[Moments, int, Operation[Any]], Awaitable[Any]]
"""Runs an operation, and cancels it at a moment. Returns its result, or None if it ended as cancelled."""


async def by_task_cancel(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    async def work() -> _T:
        try:
            return await operation()
        finally:
            moments.disarm()

    task = asyncio.create_task(work())
    moments.arm(at, task.cancel)
    await asyncio.wait([task])
    if task.cancelled():
        return None
    result = task.result()
    assert not moments.has_interrupted, "the cancellation was swallowed"
    return result


async def by_asyncio_timeout(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as timeout:
            moments.arm(at, lambda: timeout.reschedule(loop.time()))
            try:
                return await operation()
            finally:
                moments.disarm()
    except TimeoutError as exc:
        assert type(exc) is TimeoutError
        assert moments.has_interrupted
        return None


async def by_cancel_scope(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    with anyio.CancelScope() as scope:
        moments.arm(at, scope.cancel)
        try:
            return await operation()
        finally:
            moments.disarm()
    assert moments.has_interrupted
    return None


async def by_deadline(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    with trio.CancelScope() as scope:

        def expire() -> None:
            scope.deadline = trio.current_time()

        moments.arm(at, expire)
        try:
            return await operation()
        finally:
            moments.disarm()
    assert moments.has_interrupted
    return None


WAYS = [
    pytest.param("asyncio", by_task_cancel, id="asyncio, task.cancel"),
    pytest.param("asyncio", by_asyncio_timeout, id="asyncio, asyncio.timeout"),
    pytest.param("asyncio", by_cancel_scope, id="asyncio, cancel scope"),
    pytest.param("trio", by_cancel_scope, id="trio, cancel scope"),
    pytest.param("trio", by_deadline, id="trio, deadline"),
]
every_way = pytest.mark.parametrize(("backend", "way"), WAYS)

BY_SCOPE = [("asyncio", by_cancel_scope), ("trio", by_cancel_scope)]
"""On both loops, for a second story of a call that is cancelled in every way in its first."""
