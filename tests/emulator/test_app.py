"""The ASGI application: headers of every response, faults around the API, and clients that leave."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault

from .calling import (
    KEY,
    SWAP,
    WORKFLOW,
    connect,
    control,
    submit,
)


async def test_every_answer_has_one_date_and_one_request_id() -> None:
    async with connect(Emulator()) as client:
        answers = [
            await submit(client),
            await client.get("/workflows/request/0"),
            await client.get("/v1/get-user-credits"),
            await client.get("/files/none.png"),
            await client.get("/nowhere"),
            await client.put(WORKFLOW),
            await client.post("/upload-asset", json={}),
        ]
    for answer in answers:
        assert len(answer.headers.get_list("date")) == 1
        assert len(answer.headers.get_list("x-request-id")) == 1
        assert abs((parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)).total_seconds()) < 5


async def test_only_http_is_spoken() -> None:
    async def nothing(*_: Any) -> Any:
        raise AssertionError

    with pytest.raises(ValueError, match="websocket"):
        await Emulator().app({"type": "websocket"}, nothing, nothing)


async def test_a_client_that_leaves_inside_its_body_starts_nothing() -> None:
    emulator = Emulator()

    async def broken() -> AsyncIterator[bytes]:
        yield b'{"reference_character_image": "https://a.example/a.png",'
        raise httpx.WriteError("gone")

    async with connect(emulator) as client:
        with pytest.raises(httpx.WriteError):
            await client.post(WORKFLOW, content=broken(), headers={"content-type": "application/json"})
    assert not emulator.ledger
    assert [call.status for call in emulator.calls] == [None]


async def test_an_answer_is_recorded_before_it_is_sent() -> None:
    emulator = Emulator()

    class Transport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            assert emulator.calls[-1].status == response.status_code
            return response

    async with httpx.AsyncClient(transport=Transport(app=emulator.app), base_url="http://h") as client:
        assert (await client.get("/v1/get-user-credits", headers=KEY)).status_code == 200


async def test_a_delay_holds_back_the_answer_but_not_the_job() -> None:
    emulator = Emulator(faults=[Fault(on="submit", delay=30)])
    async with connect(emulator) as client:
        start = anyio.current_time()
        assert (await submit(client)).status_code == 200
        assert anyio.current_time() - start == pytest.approx(30, abs=0.5)
        with anyio.move_on_after(10):
            await submit(client)
    first, second = emulator.ledger
    assert first.accepted_at == pytest.approx(start, abs=0.5)
    assert first.fault == second.fault == "30 s late"
    assert [call.status for call in emulator.calls] == [200, None], "nobody waited for the second answer"


async def test_a_delay_goes_before_a_status_or_a_cut() -> None:
    faults = [
        Fault(on="submit", calls=(1,), delay=5, status=504),
        Fault(on="submit", calls=(2,), delay=5, cut="before-body"),
        Fault(on="submit", calls=(3,), delay=5, cut="after-body"),
    ]
    emulator = Emulator(faults=faults)
    async with connect(emulator) as client:
        start = anyio.current_time()
        assert (await submit(client)).status_code == 504
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await submit(client)
        assert anyio.current_time() - start == pytest.approx(15, abs=0.5)
    assert [charge.fault for charge in emulator.ledger] == ["5 s late, cut after-body"]


async def test_a_cut_before_the_body_reads_none_of_it() -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut="before-body")])
    released = []

    async def body() -> AsyncIterator[bytes]:
        released.append("first")
        yield json.dumps(SWAP).encode()

    async with connect(emulator) as client:
        with pytest.raises(ConnectionResetError):
            await client.post(WORKFLOW, content=body(), headers={"content-type": "application/json"})
    assert not released
    assert not emulator.ledger
    assert [call.status for call in emulator.calls] == [None]


@pytest.mark.parametrize("accepts", [None, True, False])
@pytest.mark.parametrize("cut", ["after-body", "mid-answer"])
async def test_a_cut_after_the_body_starts_a_job_unless_told_not_to(cut: Any, accepts: bool | None) -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut=cut, accepts=accepts)])
    async with connect(emulator) as client:
        with pytest.raises(ConnectionResetError):
            await submit(client)
    assert [charge.fault for charge in emulator.ledger] == ([] if accepts is False else [f"cut {cut}"])
    assert [call.status for call in emulator.calls] == [None]


async def test_a_cut_inside_the_answer_sends_half_of_it() -> None:
    emulator = Emulator(faults=[Fault(on="poll", cut="mid-answer")])
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-api-key", b"emulator-key"), (b"host", b"127.0.0.1")]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/workflows/request/1",
        "headers": headers,
        "scheme": "http",
        "query_string": b"",
    }
    with pytest.raises(ConnectionResetError):
        await emulator.app(scope, receive, send)
    start, half = sent
    assert start["status"] == 404
    length = int(dict(start["headers"])[b"content-length"])
    assert half == {
        "type": "http.response.body",
        "body": b'{"error":"Request 1 not found"}'[: length // 2],
        "more_body": True,
    }


async def test_a_status_starts_no_job_unless_told_to() -> None:
    emulator = Emulator(
        faults=[
            Fault(on="submit", calls=(1,), status=504),
            Fault(on="submit", calls=(2,), status=504, accepts=True),
        ]
    )
    async with connect(emulator) as client:
        first, second = await submit(client), await submit(client)
    assert first.status_code == second.status_code == 504
    (charge,) = emulator.ledger
    assert charge.fault == "status 504"
    assert second.headers["x-request-id"] == charge.request_id
    assert first.headers["x-request-id"] != charge.request_id
    assert emulator.credits_usd == pytest.approx(100 - 0.1522)


async def test_a_job_behind_a_fault_runs_like_any_other() -> None:
    emulator = Emulator(faults=[Fault(on="submit", cut="after-body")])
    async with connect(emulator) as client:
        with pytest.raises(ConnectionResetError):
            await submit(client)
        await anyio.sleep(72)
        response = await client.get(f"/workflows/request/{emulator.ledger[0].request_id}")
    assert response.json()["status"] == "COMPLETED"


async def test_a_fault_that_accepts_still_needs_a_key_and_credits() -> None:
    fault = Fault(on="submit", status=504, accepts=True)
    for emulator, key in ((Emulator(faults=[fault]), "wrong"), (Emulator(faults=[fault], credits_usd=0), "")):
        async with connect(emulator, **({"x-api-key": key} if key else KEY)) as client:
            assert (await submit(client)).status_code == 504
        assert not emulator.ledger


async def test_a_fault_on_a_download_hits_the_file() -> None:
    emulator = Emulator(faults=[Fault(on="file", calls=(1,), status=404), Fault(on="file", cut="after-body")])
    async with connect(emulator) as client:
        assert (await client.get("/files/sample-scene.png")).status_code == 404
        with pytest.raises(ConnectionResetError):
            await client.get("/files/sample-scene.png")


async def test_faults_hit_neither_the_controls_nor_the_page() -> None:
    kinds: tuple[Any, ...] = ("submit", "poll", "upload", "credits", "file")
    emulator = Emulator(faults=[Fault(on=kind, status=500) for kind in kinds])
    async with control(emulator) as program:
        assert (await program.get("/")).status_code == 200
        assert (await program.get("/_emulator/state")).status_code == 200
    assert emulator.calls == ()


async def test_an_answer_that_a_fault_replaced_or_cut_is_lost_and_a_late_one_is_not() -> None:
    faults = [
        Fault(on="submit", calls=(1,), status=504, accepts=True),
        Fault(on="submit", calls=(2,), malformed="html"),
        Fault(on="submit", calls=(3,), delay=5),
        Fault(on="submit", calls=(4,), encoding="gzip"),
        Fault(on="submit", calls=(5,), cut="mid-answer"),
        Fault(on="submit", calls=(6,), status=504, accepts=False),
    ]
    emulator = Emulator(faults=faults)
    async with connect(emulator) as client:
        for _ in range(7):
            with suppress(ConnectionResetError):
                await submit(client)
    lost = [charge.answer_lost for charge in emulator.ledger]
    assert lost == [True, True, False, False, True, False]


@pytest.mark.real_time
def test_an_answer_that_came_after_the_client_had_gone_is_lost() -> None:
    emulator = Emulator(faults=[Fault(on="submit", calls=(1,), delay=1.0)])
    with emulator.serve() as url, httpx.Client(base_url=url, headers=KEY) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(WORKFLOW, json=SWAP, timeout=0.5)
        while not emulator.ledger[0].answer_lost:
            time.sleep(0.02)
        client.post(WORKFLOW, json=SWAP)
        totals = client.get("/_emulator/state").json()["totals"]
    assert (totals["paid_twice"], totals["billed_again"], len(emulator.paid_twice())) == (1, 1, 1)
