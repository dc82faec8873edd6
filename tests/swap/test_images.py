"""A caller's picture to checked bytes, whatever it is given as."""

import gzip
import io
import os
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import cast

import anyio
import pytest
from PIL import Image

from segmind_swap._api.image_header import LoadedImage, checked
from segmind_swap._errors import ImageError
from segmind_swap._models import ImageInput, SwapRequest
from segmind_swap._swap.images import load

from ..support.pictures import LIMIT, PNG, png


def test_the_limit_is_inclusive_and_says_what_to_do() -> None:
    assert checked(PNG, max_bytes=len(PNG)).data == PNG
    with pytest.raises(
        ValueError, match=r"larger than 1,000 bytes: make it smaller \(or raise `max_image_bytes`\)"
    ):
        checked(png(40, 30, filler=bytes(1000)), max_bytes=1000)


class AFile(io.BytesIO):
    """Notes how much is asked of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.asked: list[int | None] = []

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked.append(size)
        return super().read(size)


class PathLike:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def _at_an_offset() -> io.BytesIO:
    file = io.BytesIO(b"a header of the caller's" + PNG)
    file.seek(24)
    return file


WAYS: dict[str, Callable[[Path], object]] = {
    "path as text": str,
    "pathlib": lambda path: path,
    "path-like": PathLike,
    "relative path": os.path.relpath,
    "bytes": lambda _: PNG,
    "bytearray": lambda _: bytearray(PNG),
    "memoryview": lambda _: memoryview(PNG),
    "BytesIO": lambda _: io.BytesIO(PNG),
    "file at an offset": lambda _: _at_an_offset(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_may_be_given_in_every_documented_way(way: str, tmp_path: Path) -> None:
    path = tmp_path / "hero picture ü.png"
    path.write_bytes(PNG)
    picture = load(cast("ImageInput", WAYS[way](path)), max_bytes=LIMIT)
    assert isinstance(picture, LoadedImage)
    assert picture.data == PNG
    assert type(picture.data) is bytes


def test_the_types_allow_what_is_taken(tmp_path: Path) -> None:
    """mypy checks the list: an image that is taken at run time is an `ImageInput`."""
    path = tmp_path / "hero.png"
    path.write_bytes(PNG)
    (tmp_path / "hero.png.gz").write_bytes(gzip.compress(PNG))
    with (
        tempfile.SpooledTemporaryFile() as spooled,
        tempfile.TemporaryFile() as temporary,
        path.open("rb") as opened,
        gzip.open(tmp_path / "hero.png.gz") as unzipped,
    ):
        for file in (spooled, temporary):
            file.write(PNG)
            file.seek(0)
        view = memoryview(PNG)
        images: list[ImageInput] = [
            bytearray(PNG),
            view,
            spooled,
            temporary,
            opened,
            unzipped,
            io.BytesIO(PNG),
        ]
        for image in images:
            picture = load(image, max_bytes=LIMIT)
            assert isinstance(picture, LoadedImage)
            assert picture.data == PNG
            SwapRequest(reference_character_image=image, character_image="street.png")
        images.append(Image.new("RGB", (4, 3)))
        assert isinstance(load(images[-1], max_bytes=LIMIT), LoadedImage)


def test_an_open_file_is_read_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "hero.bin"
    path.write_bytes(b"junk" + PNG)
    with path.open("rb") as file:
        file.seek(4)
        picture = load(file, max_bytes=LIMIT)
        assert not file.closed
    assert isinstance(picture, LoadedImage)
    assert picture.data == PNG


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
def test_a_pil_image_is_saved_as_png_without_loss(mode: str) -> None:
    image = Image.new(mode, (40, 30))
    picture = load(image, max_bytes=LIMIT)
    assert isinstance(picture, LoadedImage)
    assert (picture.media_type, picture.width_px, picture.height_px) == ("image/png", 40, 30)
    assert list(Image.open(io.BytesIO(picture.data)).convert("RGBA").tobytes()) == list(
        image.convert("RGBA").tobytes()
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/hero.png",
        "HTTPS://a.example/hero.png?sig=a%2Fb",
        "http://127.0.0.1:8000/hero.png",
    ],
)
def test_a_url_is_passed_on_exactly_as_given(url: str) -> None:
    assert load(url, max_bytes=LIMIT) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a.example/hero.png", "ftp:// cannot be used"),
        ("file:///tmp/hero.png", "file:// cannot be used"),
        ("s3://bucket/hero.png", "s3:// cannot be used"),
        ("https://user:password@a.example/hero.png", "could not fetch it: it carries a user name"),
        ("https://a.example/he\tro.png", "could not fetch it"),
        ("https://a.example/he\\ro.png", "could not fetch it"),
        ("https://he ro.example/a.png", "could not fetch it"),
        ("https://x\u2026y.example/a.png", "could not fetch it"),
        ("https://", "could not fetch it"),
        ("http\u017f://a.example/hero.png", "cannot be used"),
        ("data:image/png;base64,iVBORw0KGgo=", "decode it and give the bytes"),
        ("", "the path is empty"),
    ],
)
def test_a_url_that_the_service_cannot_fetch_is_an_image_error(url: str, words: str) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        load(url, max_bytes=LIMIT)
    assert caught.value.image == url


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://a.example/he ro.png", "https://a.example/he%20ro.png"),
        ("https://x.example/写真.jpg", "https://x.example/%E5%86%99%E7%9C%9F.jpg"),
        ("https://пример.рф/a.jpg", "https://xn--e1afmkfd.xn--p1ai/a.jpg"),
        ("https://x.example./a.jpg", "https://x.example/a.jpg"),
        (" https://x.example/a.jpg\n", "https://x.example/a.jpg"),
        ("https://x.example/a%20b.jpg?n=é", "https://x.example/a%20b.jpg?n=%C3%A9"),
    ],
)
def test_a_url_as_people_write_it_is_percent_encoded_once(url: str, sent: str) -> None:
    assert load(url, max_bytes=LIMIT) == sent
    assert load(sent, max_bytes=LIMIT) == sent


def test_a_very_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(ImageError) as caught:
        load("https://a b/" + "x" * 100_000, max_bytes=LIMIT)
    assert len(caught.value.image) == 200
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("thing", [None, 7, 1.5, object(), ["a.png"], {"path": "a.png"}, Image])
def test_anything_else_is_named_and_told_what_to_give(thing: object) -> None:
    with pytest.raises(ImageError, match="it is no picture: give a path, bytes") as caught:
        load(cast("ImageInput", thing), max_bytes=LIMIT)
    assert caught.value.image == f"the {type(thing).__name__} object"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_missing_file_is_an_image_error_with_its_path(as_text: bool, tmp_path: Path) -> None:
    path = tmp_path / "missing.png"
    with pytest.raises(ImageError, match="No such file") as caught:
        load(str(path) if as_text else path, max_bytes=LIMIT)
    assert caught.value.image == str(path)


def test_a_path_with_a_nul_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="null"):
        load("a\0b.png", max_bytes=LIMIT)


def test_an_empty_file_is_an_image_error(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match="it is empty"):
        load(tmp_path / "empty.png", max_bytes=LIMIT)
    with pytest.raises(ImageError, match="it is empty"):
        load(io.BytesIO(), max_bytes=LIMIT)


def test_a_real_picture_open_as_text_is_told_to_be_opened_as_binary(tmp_path: Path) -> None:
    path = tmp_path / "hero.png"
    path.write_bytes(PNG)
    for encoding in ("utf-8", "latin-1"):
        with (
            path.open(encoding=encoding) as file,
            pytest.raises(ImageError, match="open as text: open it in mode 'rb'"),
        ):
            load(cast("ImageInput", file), max_bytes=LIMIT)
    with pytest.raises(ImageError, match="open as text: open it in mode 'rb'"):
        load(cast("ImageInput", io.StringIO("text")), max_bytes=LIMIT)


def test_a_closed_file_is_an_image_error() -> None:
    file = io.BytesIO(PNG)
    file.close()
    with pytest.raises(ImageError, match="closed"):
        load(file, max_bytes=LIMIT)


@pytest.mark.real_time
async def test_an_async_file_is_an_image_error_without_a_warning(tmp_path: Path) -> None:
    path = anyio.Path(tmp_path / "hero.png")
    await path.write_bytes(PNG)
    async with await path.open("rb") as file:
        with pytest.raises(ImageError, match="gave coroutine, not bytes: read it first"):
            load(cast("ImageInput", file), max_bytes=LIMIT)


class _Reads:
    def __init__(self, result: object) -> None:
        self._result = result

    def read(self, _size: int) -> object:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "gave NoneType, not bytes"),
        (bytearray(PNG), "gave bytearray, not bytes"),
        (7, "gave int, not bytes"),
        (RuntimeError("gone"), "reading it raised RuntimeError: gone"),
        (KeyError("gone"), "reading it raised KeyError"),
        (OSError("the disk is gone"), "the disk is gone"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (ValueError("odd"), "odd"),
    ],
)
def test_a_file_that_misbehaves_is_an_image_error(result: object, words: str) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        load(cast("ImageInput", _Reads(result)), max_bytes=LIMIT)
    assert caught.value.image == "the _Reads object"


def _complaint_in_time(path: Path) -> str:
    """What `load` says about `path`, from a thread that may be left behind if it blocks."""
    said: list[str] = []

    def run() -> None:
        try:
            load(path, max_bytes=LIMIT)
        except ImageError as exc:
            said.append(str(exc))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(300)
    assert not thread.is_alive(), "it blocks"
    return said[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "fifo.png"
    os.mkfifo(path)
    assert "not a regular file" in _complaint_in_time(path)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/random", "/dev/null", "/dev/tty"])
def test_a_device_is_not_read(device: str) -> None:
    if not Path(device).exists():
        pytest.skip(f"needs {device}")
    complaint = _complaint_in_time(Path(device))
    assert complaint.startswith(f"{device}: ")
    assert "not a regular file" in complaint or "No such device" in complaint


def test_a_directory_is_an_image_error_and_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    for _ in range(3):
        with pytest.raises(ImageError, match=r"directory|regular file|denied"):
            load(tmp_path, max_bytes=LIMIT)
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == before


def test_of_a_huge_file_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(PNG)
    os.truncate(path, 4_000_000_000)
    tracemalloc.start()
    with pytest.raises(ImageError, match="larger than 1,000 bytes"):
        load(path, max_bytes=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_of_an_open_file_no_more_than_one_byte_beyond_the_limit_is_asked_for() -> None:
    file = AFile(png(40, 30, filler=bytes(5000)))
    with pytest.raises(ImageError, match="larger than 1,000 bytes"):
        load(file, max_bytes=1000)
    assert file.asked == [1001]
