"""Hosted pictures: uploads by name, and the oldest dropped beyond the limit."""

import pytest

from segmind_swap.emulator import Emulator, _emulator
from segmind_swap.emulator._service.files import (
    FileStore,
    TooLargeError,
    decode_data_url,
    new_file,
    upload_name,
)

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


def test_the_least_recently_used_pictures_are_dropped_beyond_the_limit() -> None:
    store = FileStore(10)
    for name in ("a", "b", "a", "c"):
        store.put(name, new_file(bytes(5), "image/png"))
    assert [store.get(name) is not None for name in "abc"] == [True, False, True]
    store.get("a")
    store.put("d", new_file(bytes(5), "image/png"))
    assert [store.has_dropped(name) for name in "abcd"] == [False, True, True, False]
    store.put("c", new_file(bytes(5), "image/png"))
    assert [store.has_dropped(name) for name in "abcd"] == [True, True, False, False]


def test_a_picture_that_is_larger_than_the_limit_is_kept_alone() -> None:
    store = FileStore(10)
    store.put("a", new_file(bytes(5), "image/png"))
    store.put("b", new_file(bytes(50), "image/png"))
    assert (store.get("a"), store.get("b") is not None) == (None, True)


def test_a_data_url_becomes_a_picture_whose_name_follows_from_its_bytes() -> None:
    found = decode_data_url("data:image/webp;base64,AAEC", limit_bytes=3)
    assert (found.data, found.media_type, found.problem) == (b"\0\1\2", "image/webp", None)
    assert upload_name(found) == f"{found.sha256[:32]}.webp"
    with pytest.raises(TooLargeError):
        decode_data_url("data:image/webp;base64,AAEC", limit_bytes=2)
