"""A TCP proxy between a client and the emulator, in which connections go wrong on purpose.

It runs in a thread with a loop of its own, so that clients on any loop can use it. As it hands on the `Host`
header, the emulator names the proxy's address in its answers, and polls and downloads come this way too.
"""

import socket
import struct
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio
import trio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

Kind = Literal["connection", "submit", "poll", "download", "upload", "credits", "other"]
"""What is counted, each from 1."""

_ROUTES: tuple[tuple[bytes, Kind], ...] = (
    (b"POST /workflows/", "submit"),
    (b"GET /workflows/request/", "poll"),
    (b"GET /files/", "download"),
    (b"POST /upload-asset", "upload"),
    (b"GET /v1/get-user-credits", "credits"),
)
_LONGEST_HEAD = 64 * 1024
_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What goes wrong with some requests, or with every request of some connections.

    Attributes:
        calls: The numbers of those that are hit.
        delay: Seconds before the request is handed on.
        hold: Seconds before its answer is.
        slice_bytes: Both are handed on in pieces of so many bytes.
        request_bytes: So many bytes of the request are handed on, and the connection ends; a negative number
            leaves so many out. Of a connection: nothing is read at all.
        answer_bytes: Likewise of the answer.
        ending: How the client's connection ends: with FIN, with RST, or with FIN in one direction only.
        silent: Whatever comes is read, and nothing is handed on or answered.
        down: Seconds for which nobody listens, from this request on: whoever connects is refused, and the
            connections that are open end.
    """

    on: Kind
    calls: Container[int]
    delay: float = 0.0
    hold: float = 0.0
    slice_bytes: int | None = None
    request_bytes: int | None = None
    answer_bytes: int | None = None
    ending: Literal["close", "reset", "half-close"] = "close"
    silent: bool = False
    down: float = 0.0


_NONE = Trouble(on="other", calls=())


class Proxy:
    """Hands requests on to one server, one connection there for each connection here.

    Attributes:
        troubles: What goes wrong, in order of precedence; may be set at any time.
        counts: The connections and requests that came.
    """

    def __init__(self, server: str, troubles: Sequence[Trouble] = ()) -> None:
        self.troubles = tuple(troubles)
        self.counts: Counter[Kind] = Counter()
        self._server = urlsplit(server)
        self._down = 0.0
        self._falls: anyio.Event  # of the loop that serves

    @property
    def requests(self) -> int:
        """How many requests came, of whatever kind."""
        return self.counts.total() - self.counts["connection"]

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serves on a free port of this machine; the block gets the base URL."""
        ready: Future[tuple[str, Callable[[], None]]] = Future()
        with ThreadPoolExecutor(1, thread_name_prefix="fault-proxy") as pool:
            # On trio closing a socket does nothing but that: asyncio would send FIN before RST.
            serving = pool.submit(lambda: anyio.run(self._serve, ready, backend="trio"))
            both: list[Future[Any]] = [ready, serving]
            wait(both, return_when=FIRST_COMPLETED)
            if not ready.done():
                serving.result()
            url, stop = ready.result()
            try:
                yield url
            finally:
                stop()
                serving.result()

    async def _serve(self, ready: "Future[tuple[str, Callable[[], None]]]") -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", backlog=2048)
        port = listener.extra(SocketAttribute.local_port)
        with anyio.CancelScope() as scope:
            # anyio's own way back from another thread is closed to one that runs a loop itself.
            call_soon = trio.lowlevel.current_trio_token().run_sync_soon
            ready.set_result((f"http://127.0.0.1:{port}", partial(call_soon, scope.cancel)))
            while True:
                self._falls = anyio.Event()
                async with listener, anyio.create_task_group() as group:
                    group.start_soon(listener.serve, self._connected)
                    await self._falls.wait()
                    group.cancel_scope.cancel()
                with _kept(port):
                    await anyio.sleep(self._down)
                    listener = await anyio.create_tcp_listener(
                        local_host="127.0.0.1", local_port=port, backlog=2048
                    )

    async def _connected(self, client: SocketStream) -> None:
        trouble = self._trouble("connection")
        async with client:
            try:
                if trouble is not None and trouble.request_bytes is not None:
                    await _end(client, trouble)
                    return
                assert self._server.hostname is not None
                async with await anyio.connect_tcp(self._server.hostname, self._server.port or 80) as server:
                    await self._converse(client, server, trouble)
            except _GONE:
                return
            except OSError:
                return  # the server is not there any more

    async def _converse(self, client: SocketStream, server: SocketStream, of_all: Trouble | None) -> None:
        """Hands on requests and answers until one of the three ends the connection."""
        requests, answers = BufferedByteReceiveStream(client), BufferedByteReceiveStream(server)
        while True:
            request, complete = await _message(requests)
            if not complete:
                return
            trouble = self._trouble(_kind_of(request)) or of_all or _NONE
            if trouble.silent:
                await _drain(client)
                return
            if trouble.down:
                self._down = trouble.down
                self._falls.set()
                return
            await anyio.sleep(trouble.delay)
            await _hand_on(request[: trouble.request_bytes], server, trouble)
            if trouble.request_bytes is not None:
                await _end(client, trouble)
                return
            answer, complete = await _message(answers)
            await anyio.sleep(trouble.hold)
            await _hand_on(answer[: trouble.answer_bytes], client, trouble)
            if trouble.answer_bytes is not None:
                await _end(client, trouble)
                return
            if not complete:
                return

    def _trouble(self, kind: Kind) -> Trouble | None:
        self.counts[kind] += 1
        number = self.counts[kind]
        return next((t for t in self.troubles if t.on == kind and number in t.calls), None)


@contextmanager
def _kept(port: int) -> Iterator[None]:
    """Keeps a port, on which nobody listens, from other programs, and from a connection to itself."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", port))
        yield


def _kind_of(request: bytes) -> Kind:
    # The one route lies under the other, but not with the same method.
    return next((kind for start, kind in _ROUTES if request.startswith(start)), "other")


async def _message(stream: BufferedByteReceiveStream) -> tuple[bytes, bool]:
    """The next message, or as much of it as came; and whether it is whole."""
    head = b""
    try:
        head = await stream.receive_until(b"\r\n\r\n", _LONGEST_HEAD) + b"\r\n\r\n"
        fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
        return head + await stream.receive_exactly(length), True
    except (anyio.IncompleteRead, *_GONE):
        return head + stream.buffer, False


async def _hand_on(data: bytes, to: SocketStream, trouble: Trouble) -> None:
    size = trouble.slice_bytes or max(len(data), 1)
    for start in range(0, len(data), size):
        await to.send(data[start : start + size])


async def _end(client: SocketStream, trouble: Trouble) -> None:
    match trouble.ending:
        case "close":
            return
        case "reset":
            raw = client.extra(SocketAttribute.raw_socket)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case "half-close":
            await client.send_eof()
            await _drain(client)


async def _drain(client: SocketStream) -> None:
    """Reads until the client leaves."""
    while True:
        await client.receive()
