"""Pictures that cannot be the input of a job."""

import io

import anyio
import pytest
from PIL import Image

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._pictures.input_check import input_problem

from ..calling import (
    PAYLOADS,
    connect,
    picture,
    poll_url,
    upload,
)

OWN_LIMIT = "for the emulator, which takes at most 80 megapixels; Segmind may take it"


def huge() -> bytes:
    out = io.BytesIO()
    Image.new("1", (10_000, 8_001)).save(out, "PNG")
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (14_000, 13_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"this is no picture", "Input image could not be identified: use JPEG, PNG or WebP"),
        (picture(size=(300, 300))[:-40], "Input image could not be decoded"),
        (picture(size=(300, 300), form="JPEG")[:700], "Input image could not be decoded"),
        (huge(), f"Input image could not be processed: 10000 x 8001 pixels are too many {OWN_LIMIT}"),
        (bomb(), f"Input image could not be processed: it has too many pixels {OWN_LIMIT}"),
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


@pytest.mark.parametrize("size", [(8064, 6048), (8165, 6124), (9248, 6936)])
def test_the_photos_of_phones_are_not_too_large(size: tuple[int, int]) -> None:
    assert input_problem(picture(size=size, form="JPEG")) == ""
