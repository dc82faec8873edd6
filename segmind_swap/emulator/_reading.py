"""Reading what a client sends, with an end to it."""

from starlette.types import Receive


class ClientGoneError(Exception):
    """The client left before its body was complete; such a request does nothing."""


async def read_body(receive: Receive, *, limit_bytes: int) -> bytes | None:
    """The whole body, or None as soon as it is too long.

    Raises:
        ClientGoneError: the client left first.
    """
    chunks, size_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size_bytes += len(chunks[-1])
        if size_bytes > limit_bytes:
            return None
        more = message.get("more_body", False)
    return b"".join(chunks)
