"""The words for what ends a request without a complete response."""

import asyncio
import errno
import os
import socket
import ssl

import httpx
import pytest

from segmind_swap import ConnectionFailedError, RetryPolicy, SwapClient
from segmind_swap._http.failure_reason import failure_reason


def caused_by(error: Exception, *causes: BaseException) -> Exception:
    """The error as a transport raises it: each cause led to the error before it."""
    above: BaseException = error
    for cause in causes:
        above.__cause__ = cause
        above = cause
    return error


UNREACHABLE = os.strerror(errno.ENETUNREACH).lower()
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        # httpx's own transport, and the transport of the extra `fast`.
        (caused_by(httpx.ConnectError("All connection attempts failed"), OSError("x"), REFUSED), "refused"),
        (
            caused_by(httpx.ConnectTimeout("ssl:default"), OSError(111, "Connect call failed"), REFUSED),
            "connection refused",
        ),
        (
            caused_by(httpx.ConnectError("x"), ExceptionGroup("many", [OSError("a"), REFUSED])),
            "connection refused",
        ),
        (caused_by(httpx.ReadError(""), ConnectionResetError(104, "reset")), "the connection was reset"),
        (caused_by(httpx.ConnectError(""), socket.gaierror(-2, "not known")), "its name cannot be resolved"),
        (
            caused_by(httpx.ConnectError(""), ssl.SSLCertVerificationError(1, "no")),
            "its certificate",
        ),
        (caused_by(httpx.ConnectError(""), ssl.SSLError(1, "WRONG_VERSION")), "TLS failed"),
        (caused_by(httpx.ConnectTimeout(""), ssl.SSLWantReadError(2, "more")), "no connection in time"),
        (
            caused_by(httpx.ConnectError(""), OSError(errno.ENETUNREACH, "x")),
            UNREACHABLE,
        ),
        (httpx.ReadTimeout("Timeout on reading data from socket"), "no answer in time"),
        (httpx.WriteTimeout(""), "sending the request took too long"),
        (httpx.PoolTimeout(""), "became free in time"),
        (httpx.ReadError("payload"), "ended before the answer was complete"),
        (httpx.WriteError("payload"), "broke while the request was sent"),
        (httpx.RemoteProtocolError("Server disconnected"), "no complete answer: Server disconnected"),
        (httpx.ProxyError("407"), "the proxy failed: 407"),
        (RuntimeError("a bug"), "RuntimeError: a bug"),
    ],
)
def test_the_reason_is_what_happened_and_not_the_class_of_a_transport(error: Exception, words: str) -> None:
    reason = failure_reason(error)
    assert words in reason
    assert not {"httpx", "ssl:default", "Errno", "ConnectTimeout", "ConnectError"} & {*reason.split()}


def test_causes_that_cause_each_other_end() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert failure_reason(first) == "OSError: a"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("a bug")


def test_an_exception_that_cannot_be_printed_raises_nothing() -> None:
    assert failure_reason(Unprintable()) == "Unprintable"


@pytest.mark.parametrize("fast", [True, False])
def test_a_closed_port_is_told_in_the_same_words_by_both_transports(fast: bool) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # a port on which no server listens
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        async def ask() -> None:
            retry = RetryPolicy(initial_delay=0.0)
            async with SwapClient("k", base_url=url, retry=retry, fast=fast) as client:
                await client.credits()

        with pytest.raises(ConnectionFailedError) as caught:
            asyncio.run(ask())
    assert str(caught.value) == f"the request for the credits got no answer from {url}: connection refused"
