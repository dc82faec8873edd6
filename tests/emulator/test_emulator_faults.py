"""What goes wrong on purpose."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault

from .calling import KEY, PAYLOADS, SWAP, WORKFLOW, connect, poll_url, submit


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"delay": -1.0},
        {"delay": float("nan")},
        {"status": 504, "cut": "after-body"},
        {"status": 504, "malformed": "html"},
        {"malformed": "html", "cut": "mid-answer"},
        {"status": 100},
        {"status": 600},
        {"status": 204, "body": "text"},
        {"body": "text", "delay": 1.0},
        {"headers": {"a": "b"}, "cut": "after-body"},
        {"cut": "before-body", "accepts": True},
        {"cut": "sideways"},
        {"malformed": "odd"},
        {"status": 504, "on": "delete"},
        {"status": 504, "probability": 1.5},
        {"status": 504, "calls": 3},
        {"delay": 1.0, "accepts": False},
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^Fault: "):
        Fault(**{"on": "submit", **arguments})


@pytest.mark.parametrize("calls", [(2, 4), {2, 4}, range(2, 6, 2)])
async def test_a_fault_hits_the_numbered_calls_of_its_kind(calls: Any) -> None:
    emulator = Emulator(faults=[Fault(on="submit", calls=calls, status=504)])
    async with connect(emulator) as client:
        statuses = []
        for _ in range(5):
            await client.get("/v1/get-user-credits")
            statuses.append((await submit(client)).status_code)
    assert statuses == [200, 504, 200, 504, 200]
    assert len(emulator.ledger) == 3
    assert emulator.count("submit") == 5


async def test_the_first_rule_that_fits_is_used() -> None:
    emulator = Emulator(
        faults=[Fault(on="submit", calls=(1,), status=503), Fault(on="submit", calls=(1, 2), status=502)]
    )
    async with connect(emulator) as client:
        assert [(await submit(client)).status_code for _ in range(3)] == [503, 502, 200]


async def test_a_probability_depends_on_the_seed_only() -> None:
    async def statuses(seed: int) -> list[int]:
        emulator = Emulator(faults=[Fault(on="credits", probability=0.3, status=502)], seed=seed)
        async with connect(emulator) as client:
            return [(await client.get("/v1/get-user-credits")).status_code for _ in range(400)]

    first = await statuses(1)
    assert first == await statuses(1)
    assert first != await statuses(2)
    assert 80 < first.count(502) < 160


@pytest.mark.parametrize(("probability", "status"), [(0.0, 200), (1.0, 500)])
async def test_a_probability_of_nought_never_hits_and_of_one_always(probability: float, status: int) -> None:
    emulator = Emulator(faults=[Fault(on="credits", probability=probability, status=500)])
    async with connect(emulator) as client:
        assert {(await client.get("/v1/get-user-credits")).status_code for _ in range(20)} == {status}


@pytest.mark.parametrize(
    "payload",
    ["F32", "F34", "F36", "F37", "F38", "F40", "F42", "F45", "F46", "F47", "F53", "F31"],
)
async def test_a_status_comes_with_the_body_that_was_published_for_it(payload: str) -> None:
    expected = PAYLOADS[payload]
    emulator = Emulator(faults=[Fault(on="submit", status=expected["http"])])
    async with connect(emulator) as client:
        response = await submit(client)
    assert response.status_code == expected["http"]
    if "body" in expected:
        assert response.json() == expected["body"]
    else:
        assert response.text == expected["text"]
    assert response.headers["date"]
    for name, value in expected.get("headers", {}).items():
        assert response.headers[name].startswith(value)


async def test_every_status_can_be_answered() -> None:
    statuses = range(200, 600)
    faults = [Fault(on="poll", calls=(number,), status=status) for number, status in enumerate(statuses, 1)]
    async with connect(Emulator(faults=faults)) as client:
        assert [(await client.get("/workflows/request/1")).status_code for _ in statuses] == list(statuses)


async def test_a_body_and_headers_replace_the_usual_ones() -> None:
    faults = [
        Fault(on="poll", calls=(1,), status=200, body={"status": "WARMING_UP"}),
        Fault(on="poll", calls=(2,), status=500, body=["unexpected"]),
        Fault(on="poll", calls=(3,), status=406, body="Not enough credits"),
        Fault(on="poll", calls=(4,), status=429, headers={"retry-after": "3", "date": "long ago"}),
        Fault(on="poll", calls=(5,), status=200, body=b"{", headers={"content-type": "text/x"}),
    ]
    async with connect(Emulator(faults=faults)) as client:
        got = [await client.get("/workflows/request/1") for _ in faults]
    assert got[0].json() == PAYLOADS["F11"]["body"]
    assert got[1].json() == PAYLOADS["F49"]["body"]
    assert got[2].text == PAYLOADS["F41"]["text"]
    assert got[2].headers["content-type"].startswith("text/plain")
    assert got[3].headers["retry-after"] == "3"
    assert got[3].headers.get_list("date") == ["long ago"]
    assert got[4].content == b"{"
    assert got[4].headers.get_list("content-type") == ["text/x"]


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


@pytest.mark.parametrize(
    ("malformed", "check"),
    [
        ("html", lambda content: content == PAYLOADS["F08"]["text"].encode()),
        ("truncated", lambda content: content.startswith(b'{"message":"Request queued","poll_url"')),
        ("empty", lambda content: content == b""),
        ("list", lambda content: content == b'["unexpected"]'),
        ("not-utf8", lambda content: b"\xff" in content),
    ],
)
@pytest.mark.parametrize("accepts", [None, False])
async def test_a_malformed_answer_has_status_200(malformed: Any, check: Any, accepts: bool | None) -> None:
    emulator = Emulator(faults=[Fault(on="submit", malformed=malformed, accepts=accepts)])
    async with connect(emulator) as client:
        response = await submit(client)
    assert response.status_code == 200
    assert check(response.content)
    if malformed != "list":
        with pytest.raises(ValueError, match=r"."):
            json.loads(response.content)
    assert [charge.fault for charge in emulator.ledger] == (
        [] if accepts is False else [f"malformed {malformed}"]
    )


@pytest.mark.parametrize("malformed", ["html", "truncated", "empty", "list", "not-utf8"])
async def test_every_kind_of_call_can_be_answered_wrongly(malformed: Any) -> None:
    kinds: tuple[Any, ...] = ("poll", "upload", "credits", "file")
    emulator = Emulator(faults=[Fault(on=kind, malformed=malformed) for kind in kinds])
    async with connect(emulator) as client:
        got = [
            await client.get(await poll_url(client)),
            await client.post("/upload-asset", json={"data_urls": ["data:image/png;base64,AAAA"]}),
            await client.get("/v1/get-user-credits"),
            await client.get("/files/sample-scene.png"),
        ]
    assert [response.status_code for response in got] == [200] * 4


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


async def test_a_fault_can_be_added_later() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        assert (await submit(client)).status_code == 200
        emulator.inject(Fault(on="submit", calls=(2,), status=502))
        assert (await submit(client)).status_code == 502
        assert (await submit(client)).status_code == 200


async def test_a_fault_on_a_download_hits_the_file() -> None:
    emulator = Emulator(faults=[Fault(on="file", calls=(1,), status=404), Fault(on="file", cut="after-body")])
    async with connect(emulator) as client:
        assert (await client.get("/files/sample-scene.png")).status_code == 404
        with pytest.raises(ConnectionResetError):
            await client.get("/files/sample-scene.png")


async def test_an_answer_is_recorded_before_it_is_sent() -> None:
    emulator = Emulator()

    class Transport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            assert emulator.calls[-1].status == response.status_code
            return response

    async with httpx.AsyncClient(transport=Transport(app=emulator.app), base_url="http://h") as client:
        assert (await client.get("/v1/get-user-credits", headers=KEY)).status_code == 200
