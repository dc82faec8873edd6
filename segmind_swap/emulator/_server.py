"""The emulator on a real socket: uvicorn, with an extension that lets a fault cut the connection."""

import asyncio
import errno
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ._app import CUT
from ._control.origin_check import host_problem, is_loopback

_logger = logging.getLogger("segmind_swap.emulator")

BACKLOG = 2048
"""Connections that may wait to be accepted."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII)

KEEP_ALIVE = 75.0
"""Seconds an idle connection stays open, as on a common gateway: longer than the pause between two polls."""


def listen(host: str, port: int, *, allow_remote: bool) -> socket.socket:
    """A listening socket, opened before the server starts: a taken port fails here, with a clear error.

    Raises:
        ValueError: the host is not loopback and ``allow_remote`` is false, or there is no such port.
        OSError: the port is not available; the message names the port.
    """
    if not (allow_remote or is_loopback(host)):
        raise ValueError(
            f"the emulator listens on loopback only, not on {host!r}:"
            " `allow_remote` lets other machines reach it"
        )
    if not 0 <= port <= 65535:
        raise ValueError(f"`port` must be between 0 and 65535, not {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol. With Nagle's algorithm,
    # every response of more than one write takes 80 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise OSError(error.errno, f"port {port} on {host} {why}") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL at which this machine reaches a listening socket.

    0.0.0.0 and :: stand for all addresses of this machine, and are no address to call.
    """
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - replaced, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def loopback_only(app: ASGIApp) -> ASGIApp:
    """The application behind a check of the ``Host`` header: a name of another machine gets a 421."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        host = Request(scope).headers.get("host")
        problem = host_problem(host)
        answer: ASGIApp = app if problem is None else JSONResponse({"error": problem}, 421)
        await answer(scope, receive, send)

    return guarded


def behind_proxy(app: ASGIApp) -> ASGIApp:
    """The application behind a proxy that names the scheme and the host which its client called.

    Without these names, poll URLs would name the proxy's way to this machine, which the client cannot use.
    """

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Request(scope).headers
        scheme = _first(headers.get("x-forwarded-proto")).lower()
        host = _first(headers.get("x-forwarded-host"))
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme
        if _HOST.fullmatch(host):
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [(b"host", host.encode("ascii")), *others]
        await app(scope, receive, send)

    return named


def _first(header: str | None) -> str:
    """The first of several values: the proxy that is nearest to the client wrote it."""
    return (header or "").partition(",")[0].strip()


@contextmanager
def serve_in_thread(app: ASGIApp, listener: socket.socket, on_ready: Callable[[], object]) -> Iterator[None]:
    """Serve in a thread with its own event loop until the block ends; ``on_ready`` is called on that loop."""
    ready: Future[None] = Future()

    def started() -> None:
        on_ready()
        ready.set_result(None)

    server = _Server(app, on_ready=started)
    with ThreadPoolExecutor(1, thread_name_prefix="segmind-swap-emulator") as pool:
        serving = pool.submit(run, server, listener)
        wait([ready, serving], return_when=FIRST_COMPLETED)
        try:
            if ready.done():
                yield
        finally:
            server.should_exit = True
            serving.result()


def run(server: "_Server", listener: socket.socket) -> None:
    """Serve until ``should_exit`` is set. Closes the listener."""
    with listener:
        asyncio.run(server.serve(sockets=[listener]))


def serve_in_foreground(app: ASGIApp, listener: socket.socket, on_ready: Callable[[], object]) -> None:
    """Serve in this thread until SIGINT, SIGTERM or SIGHUP, then return normally."""
    run(_Server(app, on_ready=on_ready), listener)


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, *, on_ready: Callable[[], object]) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            # `_Protocol` logs the application's errors. uvicorn's messages about cut connections are noise.
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(KEEP_ALIVE),
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A response that a fault delays for an hour must not delay the shutdown.
        for task in self.server_state.tasks:
            task.cancel()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again after the server has stopped. Here the signal has done its work: it
        # has stopped the server, so that `run` can return.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in _ending_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.should_exit = True


def _ending_signals() -> list[signal.Signals]:
    """SIGINT, SIGTERM, and SIGHUP unless it is ignored, as under `nohup`. Windows has no SIGHUP."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return [signal.SIGINT, signal.SIGTERM]
    return [signal.SIGINT, signal.SIGTERM, hangup]


class _JoiningTransport:
    """A transport that sends the head of a response together with the body.

    Two writes would be two system calls, and would wake the client twice.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._buffer = b""
        self.holding = False

    def write(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer and not self.holding:
            data, self._buffer = self._buffer, b""
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(H11Protocol):
    """A connection that the application can cut."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lost = asyncio.Event()
        self._application: Any = self.app
        self.app = self._run

    def connection_made(self, transport: Any) -> None:
        self._joined = _JoiningTransport(transport)
        super().connection_made(cast("asyncio.Transport", self._joined))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lost.set()

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[CUT] = self._cut

        async def send_joined(message: Message) -> None:
            self._joined.holding = message["type"] == "http.response.start"
            await send(message)

        try:
            await self._application(scope, receive, send_joined)
        except asyncio.CancelledError:
            # Only the shutdown cancels this task, and nothing awaits its result then.
            await self._cut(flush=False)
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            _logger.exception(
                "the emulator could not answer %s %s: %s", scope["method"], scope["path"], cause
            )
            raise

    async def _cut(self, *, flush: bool) -> None:
        if flush:
            self.transport.close()
        else:
            self.transport.abort()
        # uvicorn treats a return before the connection is closed as an error of the application.
        await self._lost.wait()
