"""Reads an ASGI request: its body, up to a limit, and the base URL that the client called."""

from functools import lru_cache

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.types import Receive, Scope


class ClientDisconnectedError(Exception):
    """The client disconnected before its body was complete. Such a request has no effect."""


async def read_body(receive: Receive, *, limit_bytes: int) -> bytes | None:
    """The whole body, or None as soon as the body exceeds ``limit_bytes``.

    Raises:
        ClientDisconnectedError: the client disconnected before the body was complete.
    """
    chunks, size_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        chunks.append(message.get("body", b""))
        size_bytes += len(chunks[-1])
        if size_bytes > limit_bytes:
            return None
        more = message.get("more_body", False)
    return b"".join(chunks)


def base_url_of(scope: Scope) -> URL:
    """Scheme, host and port as the client wrote them, with a slash at the end.

    The emulator knows no other address of its own: a proxy or a name may lead to it.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return _base_url(scope["scheme"], scope.get("server"), scope.get("root_path", ""), *hosts[:1])


@lru_cache(maxsize=64)
def _base_url(scheme: str, server: tuple[str, int | None] | None, root_path: str, *hosts: bytes) -> URL:
    # Cached: the arguments are nearly always the same, and parsing them takes a fifth of the time of a call.
    headers = [(b"host", host) for host in hosts]
    scope = {"type": "http", "scheme": scheme, "server": server, "root_path": root_path, "headers": headers}
    return Request(scope | {"path": "/", "query_string": b""}).base_url
