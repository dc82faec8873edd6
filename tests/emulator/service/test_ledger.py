"""Jobs and charges: states by time, request ids, and how long a record lives."""

import json

import anyio
import pytest

from segmind_swap.emulator import Emulator

from ..calling import PAYLOADS, connect, output_url, poll_url, submit


async def test_a_job_is_queued_then_processing_then_completed() -> None:
    emulator = Emulator(duration=100)
    async with connect(emulator) as client:
        url = await poll_url(client)
        assert (await client.get(url)).json() == PAYLOADS["F09"]["body"]
        await anyio.sleep(4.5)
        assert (await client.get(url)).json() == PAYLOADS["F09"]["body"]
        await anyio.sleep(1)
        assert (await client.get(url)).json() == PAYLOADS["F10"]["body"]
        await anyio.sleep(94)
        assert (await client.get(url)).json() == PAYLOADS["F10"]["body"]
        await anyio.sleep(0.5)
        response = await client.get(url)
    body = response.json()
    assert set(body) == set(PAYLOADS["F12"]["body"])
    (item,) = json.loads(body["output"])
    (example,) = json.loads(PAYLOADS["F12"]["body"]["output"])
    assert (item["keyname"], item["value"]["type"]) == (example["keyname"], example["value"]["type"])
    assert set(item["value"]) == set(example["value"])
    assert response.headers["x-remaining-credits"] == "99.8478"
    assert emulator.ledger[0].outcome == "COMPLETED"


async def test_a_record_is_gone_after_its_lifetime_but_its_picture_stays_for_seven_days() -> None:
    async with connect(Emulator(record_lifetime=600, duration=60)) as client:
        url = await poll_url(client)
        await anyio.sleep(599)
        picture_url = output_url((await client.get(url)).json())
        await anyio.sleep(1)
        response = await client.get(url)
        request_id = url.rsplit("/", 1)[-1]
        assert response.status_code == 404
        assert response.json() == {"error": f"Request {request_id} not found"}
        assert PAYLOADS["F29"]["body"]["error"].endswith(" not found")
        assert (await client.get(picture_url)).status_code == 200
        await anyio.sleep(7 * 24 * 3600)
        assert (await client.get(picture_url)).status_code == 404


@pytest.mark.parametrize(
    "request_id", ["0", "f" * 32, "00000001", "é", "{prefix}00000000", "{prefix}00000002"]
)
async def test_an_unknown_id_is_not_found(request_id: str) -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        await submit(client)
        prefix = emulator.ledger[0].request_id[:24]
        response = await client.get(f"/workflows/request/{request_id.format(prefix=prefix)}")
    assert response.status_code == 404


async def test_an_id_of_another_emulator_is_not_found() -> None:
    async with connect(Emulator()) as first, connect(Emulator()) as second:
        url = await poll_url(first)
        await submit(second)
        assert (await second.get(url)).status_code == 404


async def test_the_picture_of_a_job_that_is_not_done_is_not_there() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        await submit(client)
        assert (await client.get(f"/files/{emulator.ledger[0].request_id}.png")).status_code == 404
