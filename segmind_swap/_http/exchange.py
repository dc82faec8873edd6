"""Sends one request and reads one response. Every failure becomes a `NoResponse`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import anyio
import httpx

from .._api.bounded_json import as_utf8
from .._api.image_formats.file_type import is_picture_data
from .._api.messages import NoResponse, Request, Response
from .._api.origins import Origin
from .._api.text import request_id, shorten
from .body import OneShotBody, ReplayableBody
from .content_encoding import TooLargeError, decoded, is_plain
from .failure_reason import failure_reason
from .pools import Send

_CLOSING = 1.0
"""Seconds that closing a response may take."""

Redact: TypeAlias = Callable[[bytes], bytes]


class Address(NamedTuple):
    """A URL as httpx parses it, and the origin that httpx connects to."""

    url: httpx.URL
    origin: Origin


@lru_cache(maxsize=4096)
def parsed_address(url: str) -> Address:
    """Parses a URL. The result is cached, because a job's poll_url is requested many times.

    Raises:
        httpx.InvalidURL: the text is not a URL.
    """
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return Address(parsed, Origin(parsed.scheme, host, port))


class _Stream(httpx.AsyncByteStream):
    """Gives a body to httpx. httpx's own stream is a generator, and cancelled transports never close it."""

    def __init__(self, body: OneShotBody | ReplayableBody) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)


def build_message(
    request: Request,
    url: httpx.URL,
    *,
    headers: Mapping[str, str],
    body: OneShotBody | None,
    timeout: Mapping[str, float],
) -> httpx.Request:
    """The message for httpx. `body`, if given, is sent instead of `request.body`."""
    headers = {"host": url.netloc.decode("ascii"), **headers}
    stream: _Stream | None = None
    if body is not None or request.body is not None:
        content = body if body is not None else ReplayableBody(request.body or b"")
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(content))
        # `httpx.Request(content=...)` keeps the bytes, and a transport could read and send them repeatedly.
        stream = _Stream(content)
    message = httpx.Request(
        request.method, url, headers=headers, stream=stream, extensions={"timeout": timeout}
    )
    if stream is None:
        message.stream = _Stream(ReplayableBody(b""))
    return message


async def send_once(
    send: Send,
    message: httpx.Request,
    *,
    total: float,
    limit_bytes: int,
    body: OneShotBody | None,
    redact: Redact,
    is_picture: bool = False,
) -> Response | NoResponse:
    """Sends the message once and reads the response completely. Only cancellation is raised.

    Once the head is there, and the body is complete, the status decides: if the body of a response that is no
    2xx cannot be decoded, the response has an empty body. A 2xx without its content is a `NoResponse`.

    Args:
        send: The transport.
        message: The request, built with `build_message`.
        total: Seconds for the whole exchange, from connecting to the last byte of the response.
        limit_bytes: The largest response body that is accepted, before and after decompression.
        body: The body of a paid request. It is revoked before this function returns or raises.
        redact: Removes the key from headers, bodies and error texts.
        is_picture: The body of a 2xx response is a result that is kept as it is; only from a text, or from
            what is no picture, the key is removed. If its encoding cannot be undone, the body is what was
            sent: a header may name a wrong encoding.
    """
    head: httpx.Response | None = None
    response: Response | None = None
    is_too_large = False
    try:
        with anyio.move_on_after(total):
            head = await send(message)
            try:
                raw = await _read(head, limit_bytes)
                content = _content_of(head, raw, limit_bytes, is_picture=is_picture)
                response = Response(
                    status_code=head.status_code,
                    headers=_headers_of(head, redact),
                    body=(
                        _redacted_result(content, redact)
                        if is_picture and head.is_success
                        else redact(as_utf8(content))
                    ),
                )
            finally:
                # Shielded: cancellation while the connection closes must not lose a complete response.
                with anyio.move_on_after(_CLOSING, shield=True):
                    await head.aclose()
        reason = f"no complete answer within {total:g} s"
    except TooLargeError as exc:
        reason, is_too_large = str(exc), head is not None and head.is_success
    except Exception as exc:
        reason = reason_of(exc, redact)
    finally:
        if body is not None:
            # A transport may write in a task of its own, which can outlive this call.
            body.revoke()
    if response is not None:
        # An error while the connection closed does not matter: the response is complete.
        return response
    return NoResponse(
        reason=reason,
        origin=f"{message.url.scheme}://{message.url.netloc.decode('ascii')}",
        sent=body is None or body.sent,
        status_code=head.status_code if head is not None else None,
        request_id=(request_id(_headers_of(head, redact).get("x-request-id")) if head is not None else None),
        is_too_large=is_too_large,
    )


def reason_of(error: Exception, redact: Redact) -> str:
    """Describes an exception in harmless text without the key."""
    return shorten(redact(failure_reason(error).encode(errors="replace")).decode(errors="replace"))


async def _read(head: httpx.Response, limit_bytes: int) -> bytes:
    raw = bytearray()
    stream = head.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an async client has async streams
    chunks = aiter(stream)
    try:
        async for chunk in chunks:
            raw += chunk
            if len(raw) > limit_bytes:
                raise TooLargeError(f"the answer is larger than {limit_bytes // (1024 * 1024)} MiB")
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
    return bytes(raw)


def _content_of(head: httpx.Response, raw: bytes, limit_bytes: int, *, is_picture: bool) -> bytes:
    """The content of a complete body.

    Raises:
        TooLargeError: the content of a 2xx is too large.
        ValueError: the content of a 2xx that is no picture cannot be decoded.
    """
    if not raw:
        # Gateways send `Content-Encoding: gzip` with error pages that have no body.
        return raw
    try:
        return decoded(raw, head.headers.get("content-encoding", ""), limit_bytes=limit_bytes)
    except ValueError as exc:
        if is_plain(raw):
            return raw
        if head.is_success:
            if is_picture and not isinstance(exc, TooLargeError):
                return raw
            raise
        return b""


def _redacted_result(content: bytes, redact: Redact) -> bytes:
    """The content of a result, which is paid and may be saved whatever it is.

    The bytes of a picture never change. Only a text, or a file of an unknown type, that repeats the key is
    changed: the file would show the key to everybody who opens it.
    """
    if is_picture_data(content):
        return content
    text = as_utf8(content)
    redacted = redact(text)
    return content if redacted == text else redacted


def _headers_of(head: httpx.Response, redact: Redact) -> dict[str, str]:
    """The headers with lower-case names. Values of the same name are joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), _header_text(redact(raw_value))
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _header_text(value: bytes) -> str:
    """The text of a header. Bytes that are not UTF-8 are percent-encoded, so that a `Location` keeps them."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in value)
