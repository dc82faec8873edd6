"""Pictures that cannot be the input of a job."""

import io

import anyio
import pytest
from PIL import Image

from segmind_swap.emulator import Emulator

from ..calling import (
    PAYLOADS,
    connect,
    picture,
    poll_url,
    upload,
)


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
