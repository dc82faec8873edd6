"""A job's life: its states, its end and its picture."""

import io
import json
import threading
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image

from segmind_swap.emulator import Emulator, Picture, SwapImpossible, _emulator
from segmind_swap.emulator._service import calls

from .calling import PAYLOADS, connect, picture, poll_url, submit, upload


async def finished(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    url = await poll_url(client, **fields)
    await anyio.sleep(71.89)
    return dict((await client.get(url)).json())


def output_url(body: dict[str, Any]) -> str:
    (item,) = json.loads(body["output"])
    return str(item["value"]["data"])


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


async def test_speed_is_a_factor() -> None:
    async with connect(Emulator(duration=100, speed=50)) as client:
        url = await poll_url(client)
        await anyio.sleep(1.9)
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        await anyio.sleep(0.1)
        assert (await client.get(url)).json()["status"] == "COMPLETED"


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


async def test_the_sheet_shows_both_pictures_and_says_that_it_is_none() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        reference, scene = await upload(client, picture("#ff0000"), picture("#0000ff"))
        body = await finished(client, reference_character_image=reference, character_image=scene)
        response = await client.get(output_url(body))
        again = await client.get(output_url(body))
    assert response.headers["content-type"] == "image/png"
    assert again.content == response.content
    with Image.open(io.BytesIO(response.content)) as sheet:
        assert sheet.width == 1280
        assert "no swap was made" in str(sheet.info["Comment"])
        middle = 136 + 100
        assert sheet.getpixel((300, middle)) == (0, 0, 255), "the scene is on the left"
        assert sheet.getpixel((980, middle)) == (255, 0, 0), "the new character is on the right"
    charge = emulator.ledger[0]
    assert charge.reference_sha256
    assert charge.scene_sha256
    assert charge.reference_sha256 != charge.scene_sha256


async def test_a_foreign_picture_is_not_fetched_but_named() -> None:
    async with connect(Emulator()) as client:
        body = await finished(client)
        with Image.open(io.BytesIO((await client.get(output_url(body))).content)) as sheet:
            assert sheet.size == (1280, 696)


@pytest.mark.parametrize("size", [(1, 1), (4000, 10), (10, 4000), (1600, 1200)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_of_any_shape_fits_on_a_sheet(size: tuple[int, int], form: str) -> None:
    async with connect(Emulator()) as client:
        (url,) = await upload(client, picture(size=size, form=form), media_type=f"image/{form.lower()}")
        body = await finished(client, reference_character_image=url, character_image=url)
        with Image.open(io.BytesIO((await client.get(output_url(body))).content)) as sheet:
            assert sheet.width == 1280
            assert sheet.height < 1300


def huge() -> bytes:
    out = io.BytesIO()
    Image.new("1", (8000, 6000)).save(out, "PNG")
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (12000, 9000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"this is no picture", "Input image could not be identified: use JPEG, PNG or WebP"),
        (picture(size=(300, 300))[:-40], "Input image could not be decoded"),
        (picture(size=(300, 300), form="JPEG")[:700], "Input image could not be decoded"),
        (huge(), "Input image could not be processed: 8000 x 6000 pixels are too many"),
        (bomb(), "Input image could not be processed: it has too many pixels"),
    ],
)
async def test_a_picture_that_cannot_be_read_fails_the_job_when_its_time_is_up(
    data: bytes, reason: str
) -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        (bad,) = await upload(client, data)
        url = await poll_url(client, reference_character_image="https://a.example/a.png", character_image=bad)
        await anyio.sleep(71)
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        await anyio.sleep(1)
        for _ in range(2):
            response = await client.get(url)
            assert (response.status_code, response.json()) == (200, {"status": "FAILED", "error": reason})
            assert set(response.json()) == set(PAYLOADS["F24"]["body"])
        assert (await client.get(f"/files/{emulator.ledger[0].request_id}.png")).status_code == 404
    (charge,) = emulator.ledger
    assert (charge.outcome, charge.reason) == ("FAILED", reason)
    assert emulator.credits_usd == pytest.approx(100 - 0.1522), "a failed job stays charged"


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


async def test_the_oldest_uploads_are_dropped_when_they_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [picture(color) for color in ("red", "green", "blue")]
    monkeypatch.setattr(_emulator, "UPLOADS_KEPT_BYTES", sum(map(len, pictures[1:])))
    async with connect(Emulator()) as client:
        urls = await upload(client, *pictures)
        assert [(await client.get(url)).status_code for url in urls] == [404, 200, 200]
        # To send one again makes it the youngest.
        await upload(client, pictures[1])
        await upload(client, pictures[0])
        assert [(await client.get(url)).status_code for url in urls] == [200, 200, 404]


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


async def test_the_engine_none_returns_one_fixed_small_picture() -> None:
    async with connect(Emulator(engine="none")) as client:
        contents = {(await client.get(output_url(await finished(client)))).content for _ in range(2)}
    (content,) = contents
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (8, 8)


async def test_an_engine_is_given_both_pictures() -> None:
    seen = []

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        seen.append((reference, scene))
        return b"the picture"

    red = picture("red")
    async with connect(Emulator(engine=engine)) as client:
        (url,) = await upload(client, red)
        body = await finished(
            client, reference_character_image=url, character_image="https://a.example/a.png"
        )
        assert (await client.get(output_url(body))).content == b"the picture"
    assert seen == [(Picture(url=url, data=red), Picture(url="https://a.example/a.png", data=None))]


async def test_an_engine_may_find_a_swap_impossible() -> None:
    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        raise SwapImpossible("No character found in character_image")

    async with connect(Emulator(engine=engine)) as client:
        assert await finished(client) == PAYLOADS["F24"]["body"]


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


async def test_an_application_without_a_server_uses_no_threads() -> None:
    before = threading.active_count()
    async with connect(Emulator()) as client:
        (url,) = await upload(client, picture())
        body = await finished(client, reference_character_image=url, character_image=url)
        await client.get(output_url(body))
    assert threading.active_count() == before


async def test_what_was_paid_twice_is_told_by_content_where_it_is_known() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        red, blue = await upload(client, picture("red"), picture("blue"))
        await submit(client, reference_character_image=red, character_image=blue)
        await submit(client, reference_character_image=blue, character_image=red)
        await submit(client, reference_character_image="https://a.example/1", character_image=red)
        assert emulator.paid_twice() == []
        again = red.replace("127.0.0.1", "localhost")
        await submit(client, reference_character_image=again, character_image=blue)
        await submit(client, reference_character_image="https://a.example/1", character_image=again)
    first, _, third, *_ = emulator.ledger
    assert emulator.paid_twice() == [first.identity, third.identity]
    assert third.identity == ("https://a.example/1", first.reference_sha256)


async def test_calls_are_counted_beyond_those_that_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALLS_KEPT", 3)
    emulator = Emulator()
    async with connect(emulator) as client:
        for _ in range(5):
            await client.get("/files/x")
    assert emulator.count("file") == 5
    assert [call.number for call in emulator.calls] == [3, 4, 5]
