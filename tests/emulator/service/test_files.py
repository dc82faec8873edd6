"""Hosted pictures: uploads by name, and the oldest dropped beyond the limit."""

import pytest

from segmind_swap.emulator import Emulator, _emulator

from ..calling import connect, picture, upload


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
