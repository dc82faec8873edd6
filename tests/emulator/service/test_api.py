"""What each kind of call answers, against the published payloads."""

import base64
from typing import Any

import anyio
import pytest

from segmind_swap.emulator import (
    Emulator,
)

from ..calling import (
    NOWHERE,
    PAYLOADS,
    SWAP,
    WORKFLOW,
    connect,
    poll_url,
    submit,
    upload,
)


def keys(body: dict[str, Any]) -> set[str]:
    return set(body)


async def test_an_accepted_submit_looks_like_the_documented_one() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await submit(client)
    body = response.json()
    assert keys(body) == keys(PAYLOADS["F01"]["body"])
    assert body["status"] == "QUEUED"
    assert body["poll_url"] == f"http://127.0.0.1/workflows/request/{body['request_id']}"
    assert len(body["request_id"]) == 32
    assert int(body["request_id"], 16)
    assert response.headers["x-request-id"] == body["request_id"]
    assert response.headers["x-remaining-credits"] == "99.8478"


async def test_an_accepted_job_is_in_the_ledger_with_what_was_submitted() -> None:
    emulator = Emulator(price_usd=0.5)
    async with connect(emulator) as client:
        await anyio.sleep(10)
        before = anyio.current_time()
        response = await submit(client)
    (charge,) = emulator.ledger
    assert charge.number == 1
    assert charge.request_id == response.json()["request_id"]
    assert charge.reference_character_image == SWAP["reference_character_image"]
    assert charge.character_image == SWAP["character_image"]
    assert charge.reference_sha256 is charge.scene_sha256 is charge.fault is charge.outcome is None
    assert charge.price_usd == 0.5
    assert charge.accepted_at == pytest.approx(before, abs=0.5)
    assert emulator.credits_usd == 99.5


async def test_credits_run_down_to_the_last_affordable_job_exactly() -> None:
    emulator = Emulator(price_usd=0.1, credits_usd=0.32)
    async with connect(emulator) as client:
        statuses = [(await submit(client)).status_code for _ in range(5)]
        refused = await submit(client)
        left = await client.get("/v1/get-user-credits")
    assert statuses == [200, 200, 200, 406, 406]
    expected = "Insufficient credits. You have 0.02 credits, this request needs 0.10"
    assert refused.json() == {"error": expected}
    assert PAYLOADS["F39"]["body"]["error"].startswith("Insufficient credits. You have 0.02 credits")
    assert keys(left.json()) == keys(PAYLOADS["F54"]["body"])
    assert left.json()["credits"] == 0.02
    assert len(emulator.ledger) == 3


@pytest.mark.parametrize(
    ("body", "content_type", "payload"),
    [
        (b"[]", "application/json", "F32"),
        (b'{"character_image": ', "application/json", "F32"),
        (b"\xff\xfe", "application/json; charset=utf-8", "F32"),
        (b"[" * 100_000, "application/json", "F32"),
        (b"", "application/json", "F32"),
        (b"a=b", "application/x-www-form-urlencoded", "F40"),
        (b"{}", "", "F40"),
    ],
)
async def test_a_submit_without_a_json_object_is_refused(
    body: bytes, content_type: str, payload: str
) -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await client.post(WORKFLOW, content=body, headers={"content-type": content_type})
    assert (response.status_code, response.json()) == (PAYLOADS[payload]["http"], PAYLOADS[payload]["body"])
    assert not emulator.ledger


async def test_an_image_that_is_no_text_is_refused_as_a_bad_parameter() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await submit(
            client, reference_character_image="https://a.example/a.png", character_image=7
        )
    assert (response.status_code, response.json()) == (400, PAYLOADS["F48"]["body"])
    assert not emulator.ledger


async def test_an_unknown_workflow_is_not_found() -> None:
    async with connect(Emulator()) as client:
        response = await client.post("/workflows/678aa4026426baad7e5392fb-v8", json=SWAP)
    assert (response.status_code, response.json()) == (404, PAYLOADS["F37"]["body"])


async def test_other_workflows_can_be_made_known() -> None:
    async with connect(Emulator(workflows=("mine-v1",))) as client:
        assert (await client.post("/workflows/mine-v1", json=SWAP)).status_code == 200
        assert (await client.post(WORKFLOW, json=SWAP)).status_code == 404


async def test_a_misspelt_field_bills_a_swap_of_the_samples() -> None:
    emulator = Emulator(duration=1)
    async with connect(emulator) as client:
        url = await poll_url(client, reference_image="https://a.example/a.png")
        await anyio.sleep(1)
        assert (await client.get(url)).json()["status"] == "COMPLETED"
        (charge,) = emulator.ledger
        assert charge.reference_character_image.endswith("/files/sample-character.png")
        assert charge.character_image.endswith("/files/sample-scene.png")
        assert charge.reference_sha256
        assert (await client.get(charge.character_image)).headers["content-type"] == "image/png"


async def test_an_upload_answers_as_many_urls_as_pictures() -> None:
    async with connect(Emulator()) as client:
        response = await client.post(
            "/upload-asset",
            json={"data_urls": ["data:image/png;base64,AAAA", "data:image/webp;base64,AAEC"]},
        )
    assert keys(response.json()) == keys(PAYLOADS["F50"]["body"])
    assert len(response.json()["file_urls"]) == 2


@pytest.mark.parametrize(
    "data_urls",
    [
        None,
        [],
        "data:image/png;base64,AAAA",
        [7],
        ["data:image/gif;base64,AAAA"],
        ["data:image/png;base64,A"],
        ["data:image/png;base64,*AAA"],
        ["data:image/png;base64,"],
        ["https://a.example/a.png"],
    ],
)
async def test_an_upload_of_anything_else_is_refused(data_urls: Any) -> None:
    async with connect(Emulator()) as client:
        response = await client.post("/upload-asset", json={"data_urls": data_urls})
    assert response.status_code == 400
    assert keys(response.json()) == {"error"}


async def test_too_large_an_upload_is_answered_by_the_gateway() -> None:
    async with connect(Emulator(upload_limit_bytes=3000)) as client:
        assert await upload(client, bytes(3000))
        for size in (3001, 3002, 3003, 9000):
            url = f"data:image/png;base64,{base64.b64encode(bytes(size)).decode()}"
            response = await client.post("/upload-asset", json={"data_urls": [url]})
            assert (response.status_code, response.text) == (413, PAYLOADS["F53"]["text"])


async def test_the_history_lists_the_latest_first_with_what_was_sent_and_what_it_cost() -> None:
    emulator = Emulator()
    async with connect(emulator) as http:
        await poll_url(http, **NOWHERE)
        await anyio.sleep(72)
        await submit(http)
        path = "/inference-request/request-history"
        got = (await http.get(path)).json()
        one = (await http.get(path, params={"page": "2", "per_page": "1"})).json()
        by_id = (await http.get(f"{path}/{emulator.ledger[0].request_id}")).json()
        missing = await http.get(f"{path}/5b1f0c2d9e8a47463b21c0ffee001122")
        wrong = await http.get(path, params={"page": "0"})
    rows = got["data"]
    assert [row["model_status"] for row in rows] == ["PENDING", "FAILED"]
    assert [row["request_body"] for row in rows] == [SWAP, NOWHERE]
    assert {row["credits_deduction"] for row in rows} == {0.1522}
    assert one["data"] == [by_id] == [rows[1]]
    assert (one["total"], missing.status_code, wrong.status_code) == (2, 404, 400)
    assert emulator.count("history") == 5


async def test_the_history_may_leave_workflow_runs_out() -> None:
    emulator = Emulator(lists_history=False)
    async with connect(emulator) as http:
        await submit(http)
        path = "/inference-request/request-history"
        assert (await http.get(path)).json()["data"] == []
        assert (await http.get(f"{path}/{emulator.ledger[0].request_id}")).status_code == 404
        assert (await http.get(path, headers={"x-api-key": "wrong"})).status_code == 401
