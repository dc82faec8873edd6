"""The key check: which header each kind of call accepts."""

from typing import Any

import pytest

from segmind_swap.emulator import Emulator

from ..calling import KEY, PAYLOADS, SWAP, WORKFLOW, connect, submit


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
