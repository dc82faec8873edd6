"""The proxy does to a connection what it says, seen by plain sockets and by the emulator behind it."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from segmind_swap import PollPolicy, SwapClient
from segmind_swap.emulator import Emulator, Fault

from .proxy import Proxy, Trouble

KEY = "emulator-key"
SUBMIT = (
    b"POST /workflows/678aa4026426baad7e5392fb-v7 HTTP/1.1\r\nhost: %b\r\nx-api-key: emulator-key\r\n"
    b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
)


@contextmanager
def proxied(*troubles: Trouble) -> Iterator[tuple[Emulator, Proxy, str]]:
    emulator = Emulator(duration=0.1, engine="none")
    with emulator.serve() as server:
        proxy = Proxy(server, troubles)
        with proxy.serve() as url:
            yield emulator, proxy, url


def trouble(**what: Any) -> Trouble:
    return Trouble(**{"on": "submit", "calls": (1,), **what})


@contextmanager
def submitting(url: str) -> Iterator[socket.socket]:
    """A plain socket over which a submit was sent."""
    netloc = urlsplit(url).netloc
    host, _, port = netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(SUBMIT % netloc.encode())
        yield raw


def read_all(raw: socket.socket) -> bytes:
    """What comes until the connection ends, pieces as they come."""
    received = b""
    while piece := raw.recv(65536):
        received += piece
    return received


@pytest.mark.real_time
async def test_without_trouble_a_swap_takes_the_way_of_the_proxy_to_its_end(tmp_path: Path) -> None:
    with proxied() as (emulator, proxy, url):
        async with SwapClient(KEY, base_url=url, polling=PollPolicy(interval=0.05)) as client:
            result = await client.swap(
                reference_character_image="https://pictures.example/hero.png",
                character_image="https://pictures.example/street.png",
                save_to=tmp_path / "out.png",
            )
        assert result.job.poll_url is not None
        assert result.job.poll_url.startswith(url), "polls are asked for at the proxy's address"
        assert result.url.startswith(url)
        assert (proxy.counts["submit"], proxy.counts["download"]) == (1, 1)
        assert proxy.counts["poll"] == emulator.count("poll") > 0
        assert proxy.requests == proxy.counts["poll"] + 2


def test_a_request_cut_before_its_last_byte_starts_no_job() -> None:
    with proxied(trouble(request_bytes=-1)) as (emulator, _, url), submitting(url) as raw:
        assert read_all(raw) == b""
        assert emulator.ledger == ()


def test_an_answer_can_be_cut_anywhere_and_the_job_is_billed() -> None:
    with proxied(trouble(answer_bytes=20)) as (emulator, _, url), submitting(url) as raw:
        received = read_all(raw)
        assert len(received) == 20
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert len(emulator.ledger) == 1


def test_a_reset_is_a_reset_and_no_end() -> None:
    with proxied(trouble(answer_bytes=0, ending="reset")) as (emulator, _, url), submitting(url) as raw:
        with pytest.raises(ConnectionResetError):
            read_all(raw)
        assert len(emulator.ledger) == 1


def test_a_half_closed_connection_still_takes_what_is_sent() -> None:
    with proxied(trouble(answer_bytes=0, ending="half-close")) as (_, _, url), submitting(url) as raw:
        assert read_all(raw) == b""
        for _ in range(3):
            raw.sendall(b"more")
            time.sleep(0.01)


def test_a_connection_can_end_before_anything_is_read() -> None:
    with proxied(trouble(on="connection", request_bytes=0, ending="reset")) as (emulator, proxy, url):
        with submitting(url) as raw, pytest.raises(ConnectionResetError):
            read_all(raw)
        with submitting(url) as raw:
            assert raw.recv(100).startswith(b"HTTP/1.1 200")
        assert len(emulator.ledger) == 1
        assert proxy.counts["connection"] == 2


def test_silence_is_neither_an_answer_nor_an_end_and_nothing_arrives() -> None:
    with proxied(trouble(silent=True)) as (emulator, _, url), submitting(url) as raw:
        raw.settimeout(0.3)
        with pytest.raises(TimeoutError):
            raw.recv(1)
        assert emulator.count("submit") == 0


def test_an_answer_that_is_held_comes_late_and_its_job_was_started_before() -> None:
    with proxied(trouble(hold=0.3)) as (emulator, _, url), submitting(url) as raw:
        started = time.monotonic()
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - started >= 0.3
        assert len(emulator.ledger) == 1


def test_while_nobody_listens_whoever_connects_is_refused_and_later_is_not() -> None:
    with proxied(trouble(down=0.5)) as (emulator, _, url):
        endings: list[str] = []
        while not endings or endings[-1] != "answered":
            try:
                with submitting(url) as raw:
                    endings.append("answered" if raw.recv(100) else "ended")
            except OSError as error:
                endings.append(type(error).__name__)
            time.sleep(0.05)
        assert endings[0] in {"ended", "ConnectionResetError"}, "so does the connection that it came by"
        assert "ConnectionRefusedError" in endings
        assert len(emulator.ledger) == 1


def test_a_request_that_is_delayed_arrives_late() -> None:
    with proxied(trouble(delay=0.3)) as (emulator, _, url), submitting(url) as raw:
        assert emulator.count("submit") == 0
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        assert emulator.count("submit") == 1


def test_in_pieces_everything_arrives_whole_and_the_connection_is_kept() -> None:
    sliced = trouble(on="connection", slice_bytes=7)
    with proxied(sliced) as (emulator, proxy, url), httpx.Client(base_url=url) as client:
        for _ in range(3):
            answer = client.get("/v1/get-user-credits", headers={"x-api-key": KEY})
            assert answer.json()["credits"] == 100.0
        assert proxy.counts == {"connection": 1, "credits": 3}
        assert emulator.count("credits") == 3


def test_a_connection_that_the_server_cuts_is_cut_for_the_client() -> None:
    emulator = Emulator(duration=0.1, engine="none")
    with emulator.serve() as server, Proxy(server).serve() as url:
        emulator.inject(Fault(on="credits", cut="mid-answer"))
        with httpx.Client(base_url=url) as client, pytest.raises(httpx.RemoteProtocolError):
            client.get("/v1/get-user-credits", headers={"x-api-key": KEY})


def test_troubles_are_counted_by_kind_and_may_be_changed_on_the_way() -> None:
    with proxied(trouble(calls=(2,), answer_bytes=0)) as (emulator, proxy, url):
        answers = []
        for _ in range(3):
            with submitting(url) as raw:
                answers.append(bool(raw.recv(100)))
        assert answers == [True, False, True]
        proxy.troubles = (trouble(on="submit", calls=range(1, 100), answer_bytes=0),)
        with submitting(url) as raw:
            assert raw.recv(100) == b""
        assert len(emulator.ledger) == 4
