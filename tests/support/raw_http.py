"""A raw TCP server of HTTP/1.1, for what only real sockets show."""

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream


class Connection:
    """One connection, seen from the server."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._received = BufferedByteReceiveStream(stream)

    async def head(self) -> str:
        """The next request's first line and headers, as sent."""
        return (await self._received.receive_until(b"\r\n\r\n", 64 * 1024)).decode()

    async def body(self, head: str) -> bytes:
        lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
        return await self._received.receive_exactly(int(lengths[0].split(":")[1])) if lengths else b""

    async def answer(self, body: bytes, *, status: str = "200 OK", length: int | None = None) -> None:
        length = len(body) if length is None else length
        head = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nX-Request-Id: r1\r\n\r\n"
        await self._stream.send(head.encode() + body)

    async def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        await self._stream.send(data)

    def reset_on_close(self) -> None:
        """Makes closing send RST, as a crashed server does."""
        raw = self._stream.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@asynccontextmanager
async def serving(serve: Callable[[Connection], Awaitable[None]]) -> AsyncIterator[str]:
    """Gives each connection to `serve`; yields the server's base URL."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                await serve(Connection(stream))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()
