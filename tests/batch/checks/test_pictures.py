"""A check reads and decodes each file once, several at a time, and keeps no picture in memory."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from segmind_swap import ImageError, SwapClient
from segmind_swap._batch.checks import pictures
from segmind_swap._batch.checks.pictures import CheckedPictures
from segmind_swap._protocols.looks import PictureLook

from ...support.batches import client_of, emulator
from ...support.pictures import encoded

URL = "https://pictures.example/1.png"


class Looks:
    """Counts what is decoded, and how many pictures are decoded at the same time."""

    def __init__(self, look: PictureLook | None = None, *, seconds: float = 0.0) -> None:
        self.most_at_once = 0
        self.decoded: Counter[bytes] = Counter()
        self._look = look or PictureLook()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._at_once = 0

    def look(self, data: bytes) -> PictureLook:
        with self._lock:
            self.decoded[data] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(self._seconds)
        with self._lock:
            self._at_once -= 1
        return self._look

    def near_copies(self, looks: Mapping[str, PictureLook]) -> Mapping[str, str]:
        return {}


@pytest.fixture
def client() -> SwapClient:
    return client_of(emulator())


def checked(client: SwapClient, looks: Looks | None) -> CheckedPictures:
    _, uploads = client._started()
    return CheckedPictures(uploads, looks)


@pytest.mark.real_time
async def test_a_file_is_read_and_decoded_once_however_many_inputs_use_it(
    client: SwapClient, tmp_path: Path
) -> None:
    file, looks = tmp_path / "a.png", Looks()
    file.write_bytes(encoded("PNG"))
    async with client:
        found = checked(client, looks)
        for _ in range(3):
            await found.read([(str(file), True), (str(file), False), (str(file), True)])
        picture = await found.picture(str(file), is_decoded=True)
    assert picture is not None
    assert picture.name == str(file)
    assert looks.decoded == {file.read_bytes(): 1}
    assert list(found.by_identity) == [picture.identity]


@pytest.mark.real_time
async def test_a_file_that_is_only_identified_is_decoded_when_an_input_needs_it(
    client: SwapClient, tmp_path: Path
) -> None:
    file, looks = tmp_path / "a.png", Looks()
    file.write_bytes(encoded("PNG"))
    async with client:
        found = checked(client, looks)
        await found.read([(str(file), False)])
        assert not looks.decoded
        await found.read([(str(file), True)])
        assert looks.decoded.total() == 1


@pytest.mark.real_time
async def test_a_damaged_picture_is_an_error_only_for_an_input_that_is_decoded(
    client: SwapClient, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded("PNG"))
    look = PictureLook(problem="it cannot be decoded: broken", is_damaged=True)
    async with client:
        found = checked(client, Looks(look))
        await found.read([(str(file), True)])
        with pytest.raises(ImageError, match=r"a\.png: it cannot be decoded: broken") as caught:
            await found.picture(str(file), is_decoded=True)
        assert caught.value.image == str(file)
        assert await found.picture(str(file), is_decoded=False) is not None


@pytest.mark.real_time
async def test_a_picture_of_an_unknown_kind_is_no_error(client: SwapClient, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded("PNG"))
    async with client:
        found = checked(client, Looks(PictureLook(problem="it is odd")))
        await found.read([(str(file), True)])
        assert await found.picture(str(file), is_decoded=True) is not None


@pytest.mark.real_time
async def test_a_file_that_is_changed_is_read_again(client: SwapClient, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded("PNG"))
    async with client:
        found = checked(client, None)
        await found.read([(str(file), True)])
        first = await found.picture(str(file), is_decoded=True)
        file.write_bytes(encoded("PNG", (80, 60)))
        assert await found.picture(str(file), is_decoded=True) != first
        file.unlink()
        with pytest.raises(ImageError):
            await found.picture(str(file), is_decoded=True)


@pytest.mark.real_time
async def test_open_files_are_left_alone_and_urls_are_identified_without_a_request(
    client: SwapClient,
) -> None:
    async with client:
        found = checked(client, looks := Looks())
        with BytesIO(encoded("PNG")) as file:
            await found.read([(file, True), (URL, True)])
            assert await found.picture(file, is_decoded=True) is None
            assert file.tell() == 0
        picture = await found.picture(URL, is_decoded=True)
    assert picture is not None
    assert picture.identity == URL
    assert not looks.decoded


@pytest.mark.real_time
async def test_pictures_in_memory_are_forgotten_when_the_next_ones_are_read(client: SwapClient) -> None:
    async with client:
        found = checked(client, None)
        data = encoded("PNG")
        await found.read([(data, True)])
        assert await found.picture(data, is_decoded=True) is not None
        await found.read([(URL, True)])
        assert list(found._read) == [(URL, 0, 0)]


@pytest.mark.real_time
async def test_only_a_few_pictures_are_decoded_at_a_time_and_large_ones_alone(
    client: SwapClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{number}.png" for number in range(12)]
    for number, file in enumerate(files):
        file.write_bytes(encoded("PNG", (40 + number, 30)))
    wanted = [(str(file), True) for file in files]
    async with client:
        await checked(client, looks := Looks(seconds=0.02)).read(wanted)
        assert looks.decoded.total() == 12
        assert looks.most_at_once <= pictures._DECODED_AT_ONCE
        monkeypatch.setattr(pictures, "_LARGE_PX", 100)
        await checked(client, looks := Looks(seconds=0.02)).read(wanted)
        assert (looks.decoded.total(), looks.most_at_once) == (12, 1)


@pytest.mark.real_time
async def test_a_picture_with_too_many_pixels_is_not_decoded_and_is_no_error(
    client: SwapClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_MOST_PX", 1000)
    file, looks = tmp_path / "a.png", Looks()
    file.write_bytes(encoded("PNG"))
    async with client:
        found = checked(client, looks)
        await found.read([(str(file), True)])
        picture = await found.picture(str(file), is_decoded=True)
    assert picture is not None
    assert not looks.decoded
    assert "1,200 pixels" in found.by_identity[picture.identity].problem
