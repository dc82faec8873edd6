"""The sheet: both inputs side by side, and labelled."""

import io

import pytest
from PIL import Image

from segmind_swap.emulator import Emulator

from ..calling import (
    connect,
    finished,
    output_url,
    picture,
    upload,
)


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
