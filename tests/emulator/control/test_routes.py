"""The routes under /_emulator/: what each one does."""

from typing import Any, get_args

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault, Kind

from ..calling import JSON, connect, control, control_json, poll_url, submit


async def test_calls_and_ledger_come_in_pages_newest_first() -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        for _ in range(5):
            await submit(client)
        for path, name, key in (("calls", "calls", "serial"), ("ledger", "jobs", "number")):
            found: list[int] = []
            before = ""
            page: dict[str, Any] = {}
            for _ in range(3):
                page = await control_json(program, f"{path}?limit=2{before}")
                found += [one[key] for one in page[name]]
                before = f"&before={page['next']}"
            assert (found, page["next"]) == ([5, 4, 3, 2, 1], None)


async def test_faults_come_and_go_over_http() -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        full = {
            "on": "submit",
            "status": 429,
            "headers": {"Retry-After": "2"},
            "times": 1,
            "body": {"error": "no"},
        }
        answers = [
            await program.post("/_emulator/faults", json=given)
            for given in (full, {"rule": "poll:502:10%"}, {"on": "credits", "delay": 2, "window": [0, None]})
        ]
        assert [(answer.status_code, answer.json()["number"]) for answer in answers] == [
            (201, 1),
            (201, 2),
            (201, 3),
        ]
        listed = (await control_json(program, "faults"))["faults"]
        assert [fault["fields"] for fault in listed] == [
            {**full, "headers": {"retry-after": "2"}},
            {"on": "poll", "status": 502, "probability": 0.1},
            {"on": "credits", "delay": 2.0, "window": [0.0, None]},
        ]
        refused = await submit(client)
        assert (refused.status_code, refused.headers["retry-after"], refused.json()) == (
            429,
            "2",
            {"error": "no"},
        )
        assert (await submit(client)).status_code == 200
        assert (await program.delete("/_emulator/faults/2")).status_code == 204
        assert (await program.delete("/_emulator/faults/2")).status_code == 404
        assert [placed.number for placed in emulator.faults] == [3]
        assert (await program.delete("/_emulator/faults")).status_code == 204
    assert emulator.faults == ()


async def test_the_clock_and_the_reset_over_http() -> None:
    emulator = Emulator(duration=100)
    async with connect(emulator) as client, control(emulator) as program:
        url = await poll_url(client)
        before = (await control_json(program, "state"))["account"]
        assert (await program.post("/_emulator/clock/pause", headers=JSON)).json()["paused"] is True
        await anyio.sleep(500)
        assert (await client.get(url)).json()["status"] == "QUEUED"
        await program.post("/_emulator/clock/advance", json={"seconds": 99})
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        assert (await program.post("/_emulator/clock/resume", json={})).json()["paused"] is False
        await anyio.sleep(1)
        assert (await client.get(url)).json()["status"] == "COMPLETED"
        assert (await control_json(program, "clock"))["paused"] is False
        assert (await program.post("/_emulator/reset", json={})).status_code == 204
        state = await control_json(program, "state")
    assert (emulator.ledger, state["totals"]["jobs"]) == ((), 0)
    assert state["account"] != before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "reset", 405), ("PUT", "faults", 405), ("GET", "", 404)],
)
async def test_other_routes_are_refused_in_json(method: str, path: str, status: int) -> None:
    async with control(Emulator()) as program:
        response = await program.request(method, f"/_emulator/{path}", headers=JSON)
    assert response.status_code == status
    assert response.json()["error"]
    assert ("allow" in response.headers) is (status == 405)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_health_check_needs_no_key_and_leaves_no_trace(method: str) -> None:
    emulator = Emulator(
        rate_limit=1, count_polls=True, faults=[Fault(on=kind, status=503) for kind in get_args(Kind)]
    )
    async with control(emulator) as program:
        before = await control_json(program, "state")
        emulator.pause()
        behind = {
            "x-forwarded-prefix": "/base",
            "x-forwarded-host": "site.example",
            "origin": "http://a.example",
        }
        for headers in ({}, behind, {"x-api-key": "wrong"}):
            answer = await program.request(method, "/healthz", headers=headers)
            assert (answer.status_code, answer.text) == (200, '{"status":"ok"}' if method == "GET" else "")
            assert answer.headers["cache-control"] == "no-store"
        emulator.resume()
        after = await control_json(program, "state")
        assert {name: after[name] for name in before if name != "clock"} == {
            name: before[name] for name in before if name != "clock"
        }
        assert (await control_json(program, "calls"))["calls"] == []
    assert (emulator.calls, emulator.ledger) == ((), ())


async def test_the_health_check_is_only_read_and_has_one_address() -> None:
    async with control(Emulator()) as program:
        refused = await program.post("/healthz", json={})
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert (await program.get("/healthz/")).status_code == 404


@pytest.mark.real_time
def test_a_change_that_is_too_long_is_refused() -> None:
    with Emulator().serve() as url, httpx.Client(base_url=url, timeout=300) as client:
        answer = client.post("/_emulator/faults", content=b" " * 70_000, headers=JSON)
        assert (answer.status_code, "longer than 65536 bytes" in answer.text) == (413, True)
