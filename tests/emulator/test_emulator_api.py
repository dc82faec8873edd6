"""The answers of the API, against the published payloads."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator

from .calling import KEY, PAYLOADS, SWAP, WORKFLOW, connect, picture, poll_url, submit, upload


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


async def test_the_poll_url_is_built_from_the_address_that_was_called() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await client.post(f"http://segmind.test:8080{WORKFLOW}", json=SWAP)
    assert response.json()["poll_url"].startswith("http://segmind.test:8080/workflows/request/")


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


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method_is_answered_with_a_page(method: str) -> None:
    async with connect(Emulator()) as client:
        response = await client.request(method, WORKFLOW)
    assert (response.status_code, response.text) == (405, PAYLOADS["F38"]["text"])
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["allow"] == "POST"


async def test_an_unknown_path_is_answered_with_a_page_and_not_counted() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await client.get("/v1/other")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert not emulator.calls


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


# Keys.


async def status_with(emulator: Emulator, method: str, path: str, headers: dict[str, str]) -> int:
    body: dict[str, Any] = dict(SWAP) if path == WORKFLOW else {"data_urls": []}
    async with connect(emulator, accept="*/*") as client:
        response = await client.request(
            method, path, json=body if method == "POST" else None, headers=headers
        )
    return response.status_code


@pytest.mark.parametrize(
    ("auth", "bearer", "x_api_key"),
    [("both", True, True), ("bearer", True, False), ("x-api-key", False, True)],
)
async def test_workflow_calls_accept_the_scheme_that_is_set(auth: Any, bearer: bool, x_api_key: bool) -> None:
    emulator = Emulator(auth=auth)
    for headers, accepted in (({"authorization": "Bearer emulator-key"}, bearer), (KEY, x_api_key)):
        assert await status_with(emulator, "POST", WORKFLOW, headers) == (200 if accepted else 401)
        # The record is unknown, but whoever is told so has passed the key check.
        assert await status_with(emulator, "GET", "/workflows/request/0", headers) == (
            404 if accepted else 401
        )


@pytest.mark.parametrize(("auth", "bearer"), [("both", False), ("bearer", True), ("x-api-key", False)])
async def test_upload_and_credits_always_accept_x_api_key(auth: Any, bearer: bool) -> None:
    emulator = Emulator(auth=auth)
    token = {"authorization": "Bearer emulator-key"}
    assert await status_with(emulator, "GET", "/v1/get-user-credits", KEY) == 200
    assert await status_with(emulator, "POST", "/upload-asset", KEY) == 400
    assert await status_with(emulator, "GET", "/v1/get-user-credits", token) == (200 if bearer else 401)
    assert await status_with(emulator, "POST", "/upload-asset", token) == (400 if bearer else 401)


@pytest.mark.parametrize(
    ("headers", "payload"),
    [
        ({"accept": "*/*"}, "F33"),
        ({"x-api-key": " "}, "F33"),
        ({"authorization": "Basic abc"}, "F33"),
        ({"x-api-key": "wrong"}, "F34"),
        ({"authorization": "Bearer wrong"}, "F34"),
    ],
)
async def test_a_missing_and_a_wrong_key_are_told_apart(headers: dict[str, str], payload: str) -> None:
    emulator = Emulator()
    async with connect(emulator, **headers) as client:
        response = await submit(client)
    assert (response.status_code, response.json()) == (401, PAYLOADS[payload]["body"])
    assert not emulator.ledger


async def test_without_a_set_key_any_will_do_but_not_none() -> None:
    emulator = Emulator(api_key=None)
    assert await status_with(emulator, "POST", WORKFLOW, {"x-api-key": "whatever"}) == 200
    assert await status_with(emulator, "POST", WORKFLOW, {}) == 401


async def test_a_call_tells_which_headers_carried_a_key() -> None:
    emulator = Emulator()
    async with connect(emulator, authorization="Bearer emulator-key") as client:
        await submit(client)
        await client.get("/v1/get-user-credits", headers=KEY)
    async with connect(emulator, accept="*/*") as client:
        await client.get("/files/x.png")
    assert [call.schemes for call in emulator.calls] == [("bearer",), ("bearer", "x-api-key"), ()]
    assert [(call.kind, call.number, call.status) for call in emulator.calls] == [
        ("submit", 1, 200),
        ("credits", 1, 200),
        ("file", 1, 404),
    ]


# Uploads.


async def test_an_upload_is_hosted_without_a_key() -> None:
    emulator = Emulator()
    red, blue = picture("red"), picture("blue", form="JPEG")
    async with connect(emulator) as client:
        first = await upload(client, red)
        second = await upload(client, blue, media_type="image/jpeg")
    async with connect(emulator, accept="*/*") as stranger:
        got = [await stranger.get(url) for url in (*first, *second)]
    assert [response.content for response in got] == [red, blue]
    assert [response.headers["content-type"] for response in got] == ["image/png", "image/jpeg"]


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


# The rate limit.


async def test_submits_beyond_the_limit_wait_for_the_next_window() -> None:
    emulator = Emulator(rate_limit=2)
    async with connect(emulator) as client:
        assert [(await submit(client)).status_code for _ in range(3)] == [200, 200, 429]
        await anyio.sleep(59)
        assert (await submit(client)).status_code == 429
        await anyio.sleep(1)
        assert [(await submit(client)).status_code for _ in range(3)] == [200, 200, 429]
        # The windows stand still when nobody calls: this is 30 s into the fourth.
        await anyio.sleep(150)
        assert [(await submit(client)).status_code for _ in range(3)] == [200, 200, 429]
        await anyio.sleep(30)
        assert (await submit(client)).status_code == 200
    assert len(emulator.ledger) == 7


async def test_the_reset_header_is_never_too_early() -> None:
    emulator = Emulator(rate_limit=1)
    async with connect(emulator) as client:
        await submit(client)
        await anyio.sleep(12.3)
        refused = await submit(client)
        assert refused.json() == PAYLOADS["F30"]["body"]
        reset = datetime.fromisoformat(refused.headers["x-rate-limit-reset-at-utc"])
        wait = (reset - parsedate_to_datetime(refused.headers["date"])).total_seconds()
        assert wait == 48
        await anyio.sleep(wait)
        assert (await submit(client)).status_code == 200


async def test_polls_use_up_the_limit_only_if_they_count() -> None:
    for count_polls, statuses in ((False, [200] * 5), (True, [200, 429, 429, 429, 429])):
        async with connect(Emulator(rate_limit=2, count_polls=count_polls)) as client:
            url = await poll_url(client)
            assert [(await client.get(url)).status_code for _ in range(5)] == statuses
            assert (await client.get("/v1/get-user-credits")).status_code == 200


async def test_a_refused_key_takes_no_place_in_the_window() -> None:
    emulator = Emulator(rate_limit=1)
    async with connect(emulator, **{"x-api-key": "wrong"}) as client:
        assert (await submit(client)).status_code == 401
    async with connect(emulator) as client:
        assert (await submit(client)).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"duration": -1},
        {"duration": float("nan")},
        {"speed": 0},
        {"price_usd": -1},
        {"credits_usd": float("inf")},
        {"rate_limit": 0},
        {"auth": "basic"},
        {"api_key": ""},
        {"engine": "photograph"},
        {"record_lifetime": -1},
        {"workflows": "one"},
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Emulator(**settings)


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
