"""The service on sockets, in a process of its own, and so cheap that the clients are what is measured.

A connection's bytes are looked at only as far as they must be, the answers are made beforehand, and all that
wait for the same latency stand in one line with one timer.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .service import CREDITS, DONE, LIMITED, RUNNING, UPLOADED, Conditions, Seen, Service, accepted

TESTS = Path(__file__).parents[1]
_HEAD_ENDS = b"\r\n\r\n"
_BACKLOG = 4096
_PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(1000)


def _answer(content: Mapping[str, Any] | bytes, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    """A whole answer, as it goes over the wire."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = b"image/png" if isinstance(content, bytes) else b"application/json"
    head = b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n" % (status, kind, len(body))
    return head + headers + b"\r\n" + body


_RUNNING = _answer(RUNNING)
_DONE = _answer(DONE)
_FREE = {"credits": _answer(CREDITS), "upload": _answer(UPLOADED), "file": _answer(_PICTURE)}


class _Line:
    """Answers, each given `latency` seconds after its request."""

    def __init__(self, latency: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._latency = latency
        self._waiting: deque[tuple[float, Callable[[bytes], None], bytes]] = deque()

    def add(self, now: float, write: Callable[[bytes], None], answer: bytes) -> None:
        if not self._waiting:
            self._loop.call_at(now + self._latency, self._give)
        self._waiting.append((now + self._latency, write, answer))

    def _give(self) -> None:
        now = self._loop.time()
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            _, write, answer = waiting.popleft()
            write(answer)
        if waiting:
            self._loop.call_at(waiting[0][0], self._give)


class _Connection(asyncio.Protocol):
    """One connection. Its client waits for an answer before it asks again, as HTTP/1.1 clients do."""

    __slots__ = ("_buffer", "_is_new", "_line", "_loop", "_origin", "_service", "_write")

    def __init__(self, service: Service, line: _Line) -> None:
        self._service = service
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._is_new = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._write = self._if_open(transport)
        host, port = transport.get_extra_info("sockname")[:2]
        self._origin = f"http://{host}:{port}"

    @staticmethod
    def _if_open(transport: asyncio.Transport) -> Callable[[bytes], None]:
        def write(answer: bytes) -> None:
            if not transport.is_closing():
                transport.write(answer)

        return write

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        head_ends = buffer.find(_HEAD_ENDS)
        if head_ends < 0 or not _is_complete(buffer, head_ends):
            return
        self._buffer = b""
        now = self._loop.time()
        kind, answer = self._asked(buffer, now)
        if self._is_new:
            self._is_new = False
            self._service.connections[kind] += 1
        self._line.add(now, self._write, answer)

    def _asked(self, request: bytes, now: float) -> tuple[str, bytes]:
        if request.startswith(b"GET /poll/"):
            is_done = self._service.poll(int(request[10 : request.index(b" ", 10)]), now)
            if is_done is None:
                return "poll", self._limited(now)
            return "poll", _DONE if is_done else _RUNNING
        if request.startswith(b"POST /workflows/"):
            number = self._service.submit(now)
            if number is None:
                return "submit", self._limited(now)
            return "submit", _answer(accepted(f"{self._origin}/poll/{number}", number))
        path = request[: request.index(b"\r")]
        kind = "upload" if b"/upload-asset" in path else "credits" if b"/v1/" in path else "file"
        self._service.requests[kind] += 1
        return kind, _FREE[kind]

    def _limited(self, now: float) -> bytes:
        reset = time.time() + self._service.resets_in(now)
        return _answer(
            LIMITED, b"429 Too Many Requests", b"x-rate-limit-reset-at-utc: %d\r\n" % (reset * 1000)
        )


def _is_complete(request: bytes, head_ends: int) -> bool:
    if request.startswith(b"GET"):
        return True
    head = request[:head_ends].lower()
    at = head.find(b"content-length:")
    if at < 0:
        return request.endswith(b"0\r\n\r\n")  # chunked
    length = int(head[at + 15 :].partition(b"\r")[0])
    return len(request) >= head_ends + 4 + length


async def serve(conditions: Conditions) -> None:
    """Serves until the standard input ends, then tells what it saw."""
    loop = asyncio.get_running_loop()
    service, line = Service(conditions), _Line(conditions.latency)
    server = await loop.create_server(lambda: _Connection(service, line), "127.0.0.1", 0, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    started = _cpu()
    await loop.run_in_executor(None, sys.stdin.read)
    print(service.seen(_cpu() - started).json(), flush=True)
    # Connections that clients left open are nobody's business any more.
    sys.stdout.flush()
    os._exit(0)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(slots=True)
class Server:
    """The other process, from this one.

    Attributes:
        seen: What it saw; there once it has stopped.
    """

    base_url: str
    _process: subprocess.Popen[str]
    _seen: Seen | None = None

    @property
    def seen(self) -> Seen:
        assert self._seen is not None, "it still runs"
        return self._seen

    def stop(self) -> None:
        """Ends it, and has it tell."""
        out, _ = self._process.communicate()
        self._seen = Seen.from_json(out)


def environment() -> dict[str, str]:
    """Under which `python -m benchmarks.…` is found, and the package that is installed."""
    return {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONSAFEPATH": "1"}


@contextmanager
def serving(conditions: Conditions) -> Iterator[Server]:
    """A server while the block runs; after it, what it saw."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", conditions.json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        server = Server(f"http://127.0.0.1:{int(process.stdout.readline())}", process)
        yield server
        server.stop()
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(serve(Conditions(**json.loads(sys.argv[1]))))
