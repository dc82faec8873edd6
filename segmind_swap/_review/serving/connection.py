"""HTTP/1.1 on one connection: h11 reads and writes the messages, and this module bounds sizes and times."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import h11
from anyio.abc import ByteStream

from ..._concurrency import run_in_thread
from .messages import Request, Response

log = logging.getLogger("segmind_swap")

MAX_BODY_BYTES = 16 * 1024 * 1024
"""One decision has some 200 bytes. *Keep all* sends those of all pictures at once."""
_MAX_HEAD_BYTES = 32 * 1024
_CHUNK_BYTES = 256 * 1024
_IDLE = 120.0
"""Seconds after which a connection without a request is closed. The page asks every two seconds."""
_PATIENCE = 60.0
"""Seconds within which a request must arrive, or a piece of a response must leave."""
_SAFE_HEADERS = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
)

Handler = Callable[[Request], Awaitable[Response]]


async def serve_connection(stream: ByteStream, handle: Handler) -> None:
    """Answers the requests of one connection, one after the other, until it ends.

    An error of the connection, of its client or of a file ends this connection, and no other.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
    async with stream:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, TimeoutError):
            try:
                while await _answer_next(stream, connection, handle):
                    connection.start_next_cycle()
            except h11.RemoteProtocolError as exc:
                with suppress(h11.LocalProtocolError):
                    response = Response(status=exc.error_status_hint, body=b"this is no HTTP request")
                    await _send(stream, connection, response, with_body=True)
            except (h11.LocalProtocolError, OSError) as exc:
                log.warning("the review server could not send a file: %s", exc)


async def _answer_next(stream: ByteStream, connection: h11.Connection, handle: Handler) -> bool:
    """Answers one request. Returns whether another one may follow.

    Raises:
        h11.RemoteProtocolError: what was received is no HTTP.
    """
    with anyio.fail_after(_IDLE):
        head = await _next_event(stream, connection)
    if not isinstance(head, h11.Request):
        return False
    with anyio.fail_after(_PATIENCE):
        body = await _body(stream, connection)
    request = Request(
        method=head.method.decode(),
        target=head.target.decode("latin-1"),
        headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
        body=body or b"",
    )
    if body is None:
        await _send(
            stream, connection, Response(status=413, body=b"the request is too large"), with_body=True
        )
        return False
    await _send(stream, connection, await handle(request), with_body=request.method != "HEAD")
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _body(stream: ByteStream, connection: h11.Connection) -> bytes | None:
    """The body of a request; None if it is too large."""
    body = bytearray()
    while isinstance(event := await _next_event(stream, connection), h11.Data):
        body += event.data
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


async def _next_event(stream: ByteStream, connection: h11.Connection) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        if connection.they_are_waiting_for_100_continue:
            await stream.send(
                connection.send(h11.InformationalResponse(status_code=100, headers=[], reason=b""))
            )
        try:
            connection.receive_data(await stream.receive(_CHUNK_BYTES))
        except anyio.EndOfStream:
            connection.receive_data(b"")
    return event


async def _send(
    stream: ByteStream, connection: h11.Connection, response: Response, *, with_body: bool
) -> None:
    body = response.body
    size = len(body) if isinstance(body, bytes) else (await run_in_thread(body.stat)).st_size
    headers = {
        **dict(_SAFE_HEADERS),
        "content-type": response.media_type,
        "content-length": str(size),
        **response.headers,
    }
    head = h11.Response(status_code=response.status, headers=list(headers.items()))
    await _write(stream, connection.send(head))
    if with_body and isinstance(body, bytes):
        await _write(stream, connection.send(h11.Data(data=body)))
    elif with_body and isinstance(body, Path):
        async with await anyio.open_file(body, "rb") as file:
            while chunk := await file.read(_CHUNK_BYTES):
                await _write(stream, connection.send(h11.Data(data=chunk)))
    await _write(stream, connection.send(h11.EndOfMessage()))


async def _write(stream: ByteStream, data: bytes | None) -> None:
    if data:
        with anyio.fail_after(_PATIENCE):
            await stream.send(data)
