"""The emulator on real sockets."""

import contextlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image

from segmind_swap.emulator import Emulator, Fault, Picture, _server

from .calling import KEY, SWAP, WORKFLOW, picture, poll_url, submit, upload

pytestmark = pytest.mark.real_time

BODY = json.dumps(SWAP).encode()
PATIENCE = 300.0
"""Seconds after which something hangs, whatever else the machine has to do."""


def head(length: int = len(BODY)) -> bytes:
    lines = (
        f"POST {WORKFLOW} HTTP/1.1",
        "host: 127.0.0.1",
        "x-api-key: emulator-key",
        f"content-length: {length}",
    )
    return "\r\n".join((*lines, "content-type: application/json", "", "")).encode()


def caller(url: str, **settings: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=KEY, timeout=PATIENCE, **settings)


@contextlib.contextmanager
def connection(url: str) -> Iterator[socket.socket]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        yield sock


def everything(sock: socket.socket) -> bytes:
    """What the server sends until it closes, cleanly or not."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sock.recv(65536):
            received += chunk
    return received


def noise(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    # In its debug mode asyncio tells of slow callbacks, which a busy machine has.
    return [record for record in caplog.records if not record.getMessage().startswith("Executing ")]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("segmind-swap")]


async def test_a_swap_goes_through_from_upload_to_picture() -> None:
    emulator = Emulator(duration=0.2)
    with emulator.serve() as url:
        assert url.startswith("http://127.0.0.1:")
        async with caller(url) as client:
            reference, scene = await upload(client, picture("red"), picture("blue"))
            poll = await poll_url(client, reference_character_image=reference, character_image=scene)
            assert poll.startswith(f"{url}/workflows/request/")
            await anyio.sleep(0.25)
            body = (await client.get(poll)).json()
            assert body["status"] == "COMPLETED"
            (item,) = json.loads(body["output"])
            response = await client.get(item["value"]["data"])
            assert len(response.headers.get_list("date")) == 1
            assert "server" not in response.headers
        with Image.open(io.BytesIO(response.content)) as sheet:
            assert sheet.width == 1280
    assert [charge.outcome for charge in emulator.ledger] == ["COMPLETED"]
    assert not threads()


def test_plain_code_can_serve_twice_and_the_account_goes_on() -> None:
    emulator = Emulator()
    for number in (1, 2):
        with emulator.serve() as url, connection(url) as sock:
            sock.sendall(head() + BODY)
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            assert len(emulator.ledger) == number
    assert not threads()


def test_answers_are_not_held_back_by_nagles_algorithm() -> None:
    # Seen by its cause, because a busy machine blurs the effect, which is 80 ms an answer: asyncio turns it
    # off only for sockets which name their protocol.
    with _server.listen("127.0.0.1", 0, allow_remote=False) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_answer_goes_out_in_one_piece() -> None:
    with Emulator().serve() as url, connection(url) as sock:
        for _ in range(3):
            sock.sendall(head() + BODY)
            got = sock.recv(65536)
            answer, _, body = got.partition(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            assert json.loads(body)["status"] == "QUEUED"


async def test_fifty_at_once_are_all_served() -> None:
    emulator = Emulator(duration=0, credits_usd=1000, engine="none")
    with emulator.serve() as url:
        async with caller(url, limits=httpx.Limits(max_connections=60)) as client:

            async def one() -> None:
                response = await client.get(await poll_url(client))
                assert response.json()["status"] == "COMPLETED"

            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(one)
    assert len({charge.request_id for charge in emulator.ledger}) == 50
    assert [charge.number for charge in emulator.ledger] == list(range(1, 51))


def test_a_cut_before_the_body_needs_none_and_answers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut="before-body")])
    with emulator.serve() as url, connection(url) as sock:
        sock.sendall(head())  # and not one byte of the body: the cut comes all the same
        assert everything(sock) == b""
    assert not emulator.ledger
    assert [(call.kind, call.status) for call in emulator.calls] == [("submit", None)]
    assert not noise(caplog)


def test_a_cut_before_the_body_stops_a_long_one() -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut="before-body")])
    with emulator.serve() as url, connection(url) as sock:
        sock.sendall(head(50_000_000))
        # More than all the buffers on the way hold.
        with pytest.raises(OSError, match=r"."):
            sock.sendall(bytes(50_000_000))


def test_a_cut_after_the_body_waits_for_all_of_it_and_bills(caplog: pytest.LogCaptureFixture) -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut="after-body")])
    with emulator.serve() as url, connection(url) as sock:
        sock.sendall(head() + BODY[:-1])
        time.sleep(0.1)
        assert not emulator.ledger
        sock.sendall(BODY[-1:])
        assert everything(sock) == b""
    assert [charge.fault for charge in emulator.ledger] == ["cut after-body"]
    assert not noise(caplog)


def test_a_cut_inside_the_answer_sends_the_head_and_half_of_the_body(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut="mid-answer")])
    with emulator.serve() as url, connection(url) as sock:
        sock.sendall(head() + BODY)
        received_head, _, received = everything(sock).partition(b"\r\n\r\n")
    assert received_head.startswith(b"HTTP/1.1 200 OK\r\n")
    length = int(received_head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(received) == length // 2
    assert received.startswith(b'{"message":"Request queued"')
    assert [charge.fault for charge in emulator.ledger] == ["cut mid-answer"]
    assert not noise(caplog)


@pytest.mark.parametrize("cut", ["before-body", "after-body", "mid-answer"])
async def test_httpx_sees_each_cut_as_a_transport_error(cut: Any) -> None:
    emulator = Emulator(faults=[Fault(on="submit", calls=range(1, 6), cut=cut)])
    with emulator.serve() as url:
        async with caller(url) as client:
            for _ in range(5):
                with pytest.raises(httpx.TransportError):
                    await submit(client)
            assert (await submit(client)).status_code == 200
    assert len(emulator.ledger) == (1 if cut == "before-body" else 6)


def test_a_client_that_leaves_inside_its_body_starts_nothing() -> None:
    emulator = Emulator()
    with emulator.serve() as url:
        with connection(url) as sock:
            sock.sendall(head() + BODY[:-1])
        deadline = time.monotonic() + PATIENCE
        while not emulator.count("submit") and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
    assert [call.status for call in emulator.calls] == [None]
    assert not emulator.ledger


def test_an_answer_held_back_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    def end() -> float:
        emulator = Emulator(faults=[Fault(on="submit", delay=3600)])
        with emulator.serve() as url, connection(url) as sock:
            sock.sendall(head() + BODY)
            while not emulator.ledger:
                time.sleep(0.01)
            start = time.monotonic()
        return time.monotonic() - start

    # Five seconds are what the server would wait for it. A busy machine may take them for itself, but not
    # again and again.
    assert any(end() < 5 for _ in range(5))
    assert not noise(caplog)
    assert not threads()


def test_a_body_without_end_is_refused_before_it_is_read() -> None:
    with Emulator().serve() as url, connection(url) as sock:
        sock.sendall(head(10**12))
        received = b""
        with contextlib.suppress(OSError):
            for _ in range(200):
                sock.sendall(bytes(1_000_000))
        with contextlib.suppress(OSError):
            received = sock.recv(65536)
        assert received == b"" or received.startswith(b"HTTP/1.1 413")


async def test_a_mistake_of_an_engine_ends_the_job_and_is_logged_with_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        raise RuntimeError("the engine broke")

    with Emulator(engine=engine, duration=0).serve() as url:
        async with caller(url) as client:
            job = await poll_url(client)
            for _ in range(2):
                response = await client.get(job)
                assert (response.status_code, response.json()["status"]) == (200, "FAILED")
                assert "emulator itself could not draw" in response.json()["error"]
                assert "RuntimeError: the engine broke" in response.json()["error"]
    (record,) = noise(caplog)
    assert (record.name, record.levelno) == ("segmind_swap.emulator", logging.ERROR)
    assert record.exc_info
    assert "RuntimeError: the engine broke" in record.getMessage()


async def test_a_mistake_of_the_emulator_is_logged_with_its_cause_and_answered_500(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = Emulator(duration=0)
    monkeypatch.setattr(emulator._controls.account.ledger, "charges", lambda: 1 / 0)
    with emulator.serve() as url:
        async with caller(url) as client:
            assert (await client.get("/inference-request/request-history")).status_code == 500
    (record,) = noise(caplog)
    assert record.getMessage().endswith("/request-history: ZeroDivisionError: division by zero")


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is already in use"),
            Emulator().serve(port),
        ):
            pass
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is already in use"):
            Emulator().run(port=port)
    assert not threads()


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="`port` must be between"), Emulator().serve(port):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com", ""])
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"), Emulator().serve(host=host):
        pass
    with pytest.raises(ValueError, match="loopback"):
        Emulator().run(host)


@pytest.mark.parametrize(("host", "called"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")])
def test_others_can_be_let_in_on_demand_and_the_address_works_here(host: str, called: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with Emulator().serve(host=host, allow_remote=True) as url:
        assert url.startswith(f"http://{called}:")
        assert credits_left(url) == 100


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


PROXIES: list[tuple[dict[str, str], str]] = [
    (
        {"x-forwarded-proto": "https", "x-forwarded-host": "abc-8795.app.github.dev"},
        "https://abc-8795.app.github.dev/",
    ),
    ({"x-forwarded-proto": "https, http", "x-forwarded-host": "a.example, b.example"}, "https://a.example/"),
    ({"x-forwarded-proto": "HTTPS", "host": "c.example:8443"}, "https://c.example:8443/"),
    ({"x-forwarded-host": "[2001:db8::1]:81", "host": "c.example"}, "http://[2001:db8::1]:81/"),
    (
        {"x-forwarded-proto": "gopher", "x-forwarded-host": "a b\\c@d/e", "host": "c.example"},
        "http://c.example/",
    ),
    ({"x-forwarded-proto": "", "x-forwarded-host": "", "host": "c.example"}, "http://c.example/"),
]


@pytest.mark.parametrize(("headers", "base"), PROXIES)
async def test_behind_a_proxy_urls_are_those_that_the_client_called(
    headers: dict[str, str], base: str
) -> None:
    with Emulator().serve(allow_remote=True) as url:
        async with caller(url) as client:
            accepted = await client.post(WORKFLOW, json=SWAP, headers=headers)
    assert accepted.json()["poll_url"].startswith(base)


async def test_without_remote_access_no_header_of_a_proxy_is_obeyed() -> None:
    headers, _ = PROXIES[0]
    with Emulator().serve() as url:
        async with caller(url) as client:
            accepted = await client.post(WORKFLOW, json=SWAP, headers=headers)
    assert accepted.json()["poll_url"].startswith(url)


def test_an_exception_in_the_block_passes_and_the_server_ends() -> None:
    with pytest.raises(LookupError, match="mine"), Emulator().serve():
        raise LookupError("mine")
    assert not threads()


PROGRAM = """
import sys
from segmind_swap.emulator import Emulator, Fault
emulator = Emulator(faults=[Fault(on="submit", delay=3600)])
emulator.run(port=0, on_ready=lambda url: print(url, flush=True))
print("ended with", len(emulator.ledger), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_cleanly(number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with connection(url) as sock:
                sock.sendall(head() + BODY)
                while credits_left(url) == 100:
                    time.sleep(0.01)
                os.kill(process.pid, number)
                out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "ended with 1\n", "")


def credits_left(url: str) -> float:
    left = httpx.get(f"{url}/v1/get-user-credits", headers=KEY, timeout=PATIENCE).json()["credits"]
    return float(left)
