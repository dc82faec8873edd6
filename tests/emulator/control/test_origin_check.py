"""Other sites, and other names of the host, are refused."""

import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault

from ..calling import JSON, KEY, connect, control, submit


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:81"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": ""},
    ],
)
async def test_a_change_that_another_site_may_have_sent_is_refused(headers: dict[str, str]) -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        await submit(client)
        for path in ("reset", "clock/pause", "faults"):
            answer = await program.post(f"/_emulator/{path}", content=b"{}", headers={**JSON, **headers})
            assert answer.status_code == 403, headers
    assert (len(emulator.ledger), emulator.paused) == (1, False)


async def test_another_site_may_neither_withdraw_faults_nor_read_the_state() -> None:
    emulator = Emulator(faults=[Fault(on="poll", status=500)])
    async with control(emulator) as program:
        foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert (await program.delete("/_emulator/faults", headers=foreign)).status_code == 403
        assert (await program.get("/_emulator/state", headers=foreign)).status_code == 403
        own = {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}
        answer = await program.delete("/_emulator/faults", headers=own)
        assert answer.status_code == 204
        assert "access-control-allow-origin" not in answer.headers
    assert emulator.faults == ()


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8765", 200),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("emulator.localhost", 200),
        ("[::1]:8765", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8765", 421),
        ("192.168.0.7", 421),
        ("[::", 421),
        ("", 421),
    ],
)
def test_only_the_names_of_this_machine_are_answered_to(host: str, status: int) -> None:
    emulator = Emulator()
    with emulator.serve() as url, httpx.Client(base_url=url, timeout=300) as client:
        for path in ("/", "/_emulator/state", "/v1/get-user-credits"):
            answer = client.get(path, headers={**KEY, "host": host})
            assert answer.status_code == status
    assert emulator.count("credits") == (1 if status == 200 else 0)


@pytest.mark.real_time
def test_other_names_are_answered_to_on_demand() -> None:
    with Emulator().serve(allow_remote=True) as url, httpx.Client(base_url=url, timeout=300) as client:
        assert client.get("/v1/get-user-credits", headers={**KEY, "host": "emulator:8765"}).status_code == 200
