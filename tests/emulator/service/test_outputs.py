"""How a job ends: the check of its inputs, and the engine that makes its picture."""

import threading

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Picture

from ..calling import (
    KEY,
    PAYLOADS,
    WORKFLOW,
    connect,
    finished,
    output_url,
    picture,
    poll_to_end,
    poll_url,
    submit,
    upload,
)


@pytest.mark.parametrize("url", ["", "hero.png", "ftp://a.example/a.png", "https://", "http://[", "data:,x"])
async def test_an_input_that_is_no_url_fails_the_job(url: str) -> None:
    async with connect(Emulator()) as client:
        body = await finished(
            client, reference_character_image=url, character_image="https://a.example/a.png"
        )
    assert body == {"status": "FAILED", "error": PAYLOADS["F28"]["body"]["error"]}


async def test_a_picture_missing_from_the_emulator_itself_fails_the_job() -> None:
    async with connect(Emulator()) as client:
        url = "http://127.0.0.1/files/gone.png"
        body = await finished(client, reference_character_image=url, character_image=url)
    assert body == {"status": "FAILED", "error": "Input image could not be downloaded"}


async def test_a_hosted_picture_is_known_by_whatever_host_it_is_called() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        (url,) = await upload(client, picture())
        other = url.replace("127.0.0.1", "localhost:8765")
        await submit(client, reference_character_image=url, character_image=other)
    (charge,) = emulator.ledger
    assert charge.reference_sha256 == charge.scene_sha256
    assert charge.scene_sha256 is not None


async def test_the_output_of_one_job_can_be_the_scene_of_the_next() -> None:
    async with connect(Emulator()) as client:
        first = output_url(await finished(client))
        body = await finished(
            client, reference_character_image="https://a.example/a.png", character_image=first
        )
        assert body["status"] == "COMPLETED"
        assert (await client.get(output_url(body))).status_code == 200


async def test_an_engine_runs_for_one_job_at_a_time_while_the_others_are_processing() -> None:
    running = 0

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        nonlocal running
        running += 1
        assert running == 1
        await anyio.sleep(5)
        running -= 1
        return b"picture"

    async with connect(Emulator(engine=engine)) as client:
        urls = [await poll_url(client) for _ in range(3)]
        await anyio.sleep(72)
        states = []

        async def poll(url: str) -> None:
            states.append((await client.get(url)).json()["status"])

        async with anyio.create_task_group() as group:
            for url in urls:
                group.start_soon(poll, url)
        assert sorted(states) == ["COMPLETED", "PROCESSING", "PROCESSING"]
        assert [(await client.get(url)).json()["status"] for url in urls] == ["COMPLETED"] * 3


@pytest.mark.real_time
async def test_a_server_answers_while_an_engine_is_at_work(loop: str) -> None:
    working, done = threading.Event(), threading.Event()

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        working.set()
        await anyio.to_thread.run_sync(done.wait)
        return b"a picture"

    with Emulator(engine=engine, duration=0).serve() as base:
        async with httpx.AsyncClient(base_url=base, headers=KEY) as client:
            body = {
                "reference_character_image": "https://a.test/1.png",
                "character_image": "https://a.test/2",
            }
            urls = [(await client.post(WORKFLOW, json=body)).json()["poll_url"] for _ in range(2)]
            try:
                assert (await client.get(urls[0])).json()["status"] == "PROCESSING"
                assert working.is_set()
                assert (await client.get(urls[0])).json()["status"] == "PROCESSING"
                # Another job has to wait for the engine.
                assert (await client.get(urls[1])).json()["status"] == "PROCESSING"
                assert (await client.get("/v1/get-user-credits")).status_code == 200
            finally:
                done.set()
            for url in urls:
                body = await poll_to_end(client, url, every=0.02)
                assert body["status"] == "COMPLETED"
