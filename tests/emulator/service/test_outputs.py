"""How a job ends: the check of its inputs, and the engine that makes its picture."""

import threading
from typing import cast

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Picture, SwapImpossible, _emulator
from segmind_swap.emulator._service import outputs

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


@pytest.mark.parametrize("made", [RuntimeError("broken"), MemoryError(), None, "text"])
async def test_an_engine_that_fails_ends_the_job_failed_and_says_whose_fault_it_is(
    made: object, caplog: pytest.LogCaptureFixture
) -> None:
    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        if isinstance(made, Exception):
            raise made
        return cast("bytes", made)

    emulator = Emulator(engine=engine)
    async with connect(emulator) as client:
        body = await finished(client)
    assert body["status"] == "FAILED"
    assert body["error"].startswith("The emulator itself could not draw the picture (")
    assert emulator.ledger[0].outcome == "FAILED"
    (record,) = caplog.records
    assert record.exc_info


async def test_an_engine_that_fails_only_the_second_time_is_answered_500_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outputs, "_KEPT_BYTES", 1)
    broken, impossible = RuntimeError("broken"), SwapImpossible("nobody")
    results: list[bytes | Exception] = [b"one", b"two", broken, impossible, broken, impossible, b"three"]

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    async with connect(Emulator(engine=engine)) as client:
        # The second picture pushes the first one out of the cache.
        first, _ = [output_url(await finished(client)) for _ in range(2)]
        thumbnail = f"/_emulator/pictures/{first.rpartition('/')[2]}"
        for url in (first, thumbnail):
            for words in ("RuntimeError: broken", "a second time: nobody"):
                response = await client.get(url)
                assert response.status_code == 500
                assert words in response.text
        assert (await client.get(first)).content == b"three"
    assert "broken" in caplog.text


async def test_a_job_whose_upload_the_emulator_dropped_says_that_it_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = [picture(color) for color in ("red", "green", "blue")]
    monkeypatch.setattr(_emulator, "UPLOADS_KEPT_BYTES", sum(map(len, pictures[:2])))
    async with connect(Emulator()) as client:
        urls = [(await upload(client, data))[0] for data in pictures]
        body = await finished(client, reference_character_image=urls[0], character_image=urls[2])
        assert body["status"] == "FAILED"
        assert "the emulator keeps the latest uploads only, and has dropped it" in body["error"]


async def test_the_reference_of_a_batch_is_kept_however_many_scenes_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference = picture("white")
    scenes = [picture(f"#{number:02x}0000") for number in range(8)]
    monkeypatch.setattr(_emulator, "UPLOADS_KEPT_BYTES", 3 * max(map(len, [reference, *scenes])))
    async with connect(Emulator()) as client:
        (hero,) = await upload(client, reference)
        for scene in scenes:
            (url,) = await upload(client, scene)
            body = await finished(client, reference_character_image=hero, character_image=url)
            assert body["status"] == "COMPLETED"


def test_what_becomes_of_an_impossible_swap_is_one_of_two_words() -> None:
    with pytest.raises(ValueError, match="`impossible` must be one of"):
        Emulator(impossible="ignore")  # type: ignore[arg-type]
