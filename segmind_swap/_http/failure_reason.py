"""Why a request got no complete response, in words that do not depend on the transport."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator

import httpx

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.PoolTimeout, "no connection became free in time"),
    (httpx.WriteTimeout, "sending the request took too long"),
    (httpx.ReadTimeout, "no answer in time"),
    (httpx.ReadError, "the connection ended before the answer was complete"),
    (httpx.WriteError, "the connection broke while the request was sent"),
    (httpx.RemoteProtocolError, "no complete answer: {}"),
    (httpx.ProxyError, "the proxy failed: {}"),
)


def failure_reason(error: Exception) -> str:
    """Describes an exception of a transport. The text may contain the key, and text of the server.

    The causes of the exception say more than the exception: httpx's own transport reports a refused
    connection as "All connection attempts failed", and the transport of the extra `fast` as a timeout.

    Never raises: the request may have been a paid one.
    """
    try:
        return _words(error)
    except Exception:
        # A transport of the user may raise an exception that cannot be printed.
        return type(error).__name__


def _words(error: Exception) -> str:
    causes = [*_causes(error)]
    for words in (*map(_words_of, causes), *map(_words_of_system, reversed(causes))):
        if words:
            return words
    for kind, text in _WORDS:
        if isinstance(error, kind):
            return text.format(error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those that led to it."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        cause = todo.pop(0)
        if cause is None or cause in seen:
            continue
        seen.append(cause)
        yield cause
        todo.append(cause.__cause__ or cause.__context__)
        if isinstance(cause, BaseExceptionGroup):
            todo += cause.exceptions


def _words_of(error: BaseException) -> str:
    """The words for an error whose class says what happened; empty for any other error."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate cannot be verified: {getattr(error, 'verify_message', error)}"
        case ssl.SSLWantReadError() | ssl.SSLWantWriteError():
            return ""  # The handshake was waiting when the time was up.
        case ssl.SSLError():
            return f"TLS failed: {getattr(error, 'reason', None) or error}"
        case socket.gaierror():
            return f"its name cannot be resolved: {error.strerror}"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "the connection was reset"
        case _:
            return ""


def _words_of_system(error: BaseException) -> str:
    """The system's words for an error with a number; empty for any other error."""
    match error:
        case OSError(errno=int() as number) if number in errno.errorcode and not isinstance(
            error, ssl.SSLError
        ):
            return os.strerror(number).lower()
        case _:
            return ""
