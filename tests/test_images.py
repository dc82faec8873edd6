"""A caller's picture to checked bytes, whatever it is given as; and what is no picture, named."""

import hashlib
import io
import os
import struct
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segmind_swap._errors import ImageError
from segmind_swap._images import Picture, checked, load
from segmind_swap._models import ImageInput

LIMIT = 1_000_000


def encoded(form: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, form, **options)
    return out.getvalue()


PNG = encoded("PNG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + b"crc!"


def png(width: int, height: int, *, filler: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", filler) + _chunk(b"IEND", b"")


def jpeg(width: int, height: int, *, before: bytes = b"", frame: int = 0xC0) -> bytes:
    start = struct.pack(">BBHBHHB", 0xFF, frame, 8, 8, height, width, 1)
    return b"\xff\xd8" + before + start + b"\xff\xda\x00\x02\xff\xd9"


def webp(chunk: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def webp_lossy(width: int, height: int) -> bytes:
    return webp(
        b"VP8 " + struct.pack("<I", 10) + b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    )


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L" + struct.pack("<IBI", 5, 0x2F, (width - 1) | (height - 1) << 14) + b"\0")


def webp_extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X" + struct.pack("<II", 10, 0) + size)


_EXIF = b"\xff\xe1\x00\x0cExif\0\0" + b"\xff\xc0\xff\xd9"
REAL: dict[str, tuple[bytes, str]] = {
    "PNG": (PNG, "image/png"),
    "PNG grey": (encoded("PNG", mode="L"), "image/png"),
    "PNG with alpha": (encoded("PNG", mode="RGBA"), "image/png"),
    "PNG of one bit": (encoded("PNG", mode="1"), "image/png"),
    "JPEG": (encoded("JPEG"), "image/jpeg"),
    "JPEG progressive": (encoded("JPEG", progressive=True), "image/jpeg"),
    "JPEG CMYK": (encoded("JPEG", mode="CMYK"), "image/jpeg"),
    "JPEG grey with a comment": (encoded("JPEG", mode="L", comment=b"\xff\xc0 no frame"), "image/jpeg"),
    "WebP lossy": (encoded("WEBP"), "image/webp"),
    "WebP lossless": (encoded("WEBP", lossless=True), "image/webp"),
    "WebP extended": (
        encoded("WEBP", mode="RGBA", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
        "image/webp",
    ),
    "PNG by hand": (png(40, 30), "image/png"),
    "JPEG by hand": (jpeg(40, 30), "image/jpeg"),
    "JPEG with Exif": (jpeg(40, 30, before=_EXIF), "image/jpeg"),
    "JPEG with fill bytes": (jpeg(40, 30, before=b"\xff\xff\xff\xfe\x00\x04hi\xff\xff"), "image/jpeg"),
    "JPEG with tables first": (jpeg(40, 30, before=b"\xff\xc4\x00\x04hi\xff\x01\xff\xd0"), "image/jpeg"),
    "JPEG of the last kind of frame": (jpeg(40, 30, frame=0xCF), "image/jpeg"),
    "WebP lossy by hand": (webp_lossy(40, 30), "image/webp"),
    "WebP lossless by hand": (webp_lossless(40, 30), "image/webp"),
    "WebP extended by hand": (webp_extended(40, 30), "image/webp"),
}


@pytest.mark.parametrize("name", REAL)
def test_every_kind_of_picture_is_measured_by_its_header(name: str) -> None:
    data, media_type = REAL[name]
    picture = checked(data, max_bytes=LIMIT)
    assert (picture.data, picture.sha256) == (data, hashlib.sha256(data).hexdigest())
    assert (picture.media_type, picture.width_px, picture.height_px) == (media_type, 40, 30)


def test_pillow_wrote_all_three_kinds_of_webp() -> None:
    kinds = {
        data[12:16] for name, (data, _) in REAL.items() if name.startswith("WebP") and "hand" not in name
    }
    assert kinds == {b"VP8 ", b"VP8L", b"VP8X"}


@pytest.mark.parametrize("make", [png, jpeg, webp_lossy, webp_lossless, webp_extended])
@pytest.mark.parametrize("size", [(1, 1), (1, 16_000), (16_000, 1), (9_999, 10_000), (257, 513)])
def test_every_size_is_read_exactly(make: Callable[[int, int], bytes], size: tuple[int, int]) -> None:
    picture = checked(make(*size), max_bytes=LIMIT)
    assert (picture.width_px, picture.height_px) == size


def test_a_picture_knows_its_suffix_and_keeps_its_bytes_out_of_its_repr() -> None:
    suffixes = {media_type: checked(data, max_bytes=LIMIT).suffix for data, media_type in REAL.values()}
    assert suffixes == {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
    picture = checked(PNG, max_bytes=LIMIT)
    assert "IHDR" not in repr(picture)


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "GIF": (encoded("GIF"), "it is a GIF: the service takes JPEG, PNG and WebP"),
    "BMP": (encoded("BMP"), "it is a BMP"),
    "TIFF": (encoded("TIFF"), "it is a TIFF"),
    "TIFF of the other order": (b"MM\0*\0\0\0\x08", "it is a TIFF"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is an HEIC or AVIF picture"),
    "AVIF": (b"\0\0\0\x1cftypavif\0\0\0\0mif1avif", "it is an HEIC or AVIF picture"),
    "PDF": (b"%PDF-1.7\n", "it is a PDF"),
    "text": (b"hello", "it is no picture"),
    "HTML": (b"<html>", "it is no picture"),
    "one byte": (b"\x89", "it is no picture"),
    "sound in RIFF": (b"RIFF\x24\0\0\0WAVEfmt ", "it is no picture"),
    "PNG signature alone": (PNG[:8], "PNG without a header"),
    "PNG with another first chunk": (PNG.replace(b"IHDR", b"CgBI"), "PNG without a header"),
    "PNG cut short": (PNG[:-13], "PNG that is cut short"),
    "PNG header cut short": (PNG[:18], "cut short"),
    "PNG header cut short before its end": (PNG[:16] + b"IEND", "header is cut short"),
    "PNG without width": (png(0, 30), "0 x 30 pixels"),
    "PNG of 30000 x 30000": (png(30_000, 30_000), "30000 x 30000 pixels are more than 100,000,000"),
    "PNG of the largest size": (png(2**32 - 1, 2**32 - 1), "4294967295 x 4294967295 pixels"),
    "JPEG of 30000 x 30000": (jpeg(30_000, 30_000), "30000 x 30000 pixels"),
    "WebP of 30000 x 30000": (webp_extended(30_000, 30_000), "30000 x 30000 pixels"),
    "JPEG start alone": (b"\xff\xd8\xff", "header is cut short"),
    "JPEG frame cut short": (jpeg(40, 30)[:8], "header is cut short"),
    "JPEG segment beyond the end": (b"\xff\xd8\xff\xe0\xff\xff", "header is cut short"),
    "JPEG segment of length zero": (b"\xff\xd8\xff\xe0\x00\x00" * 9, "damaged JPEG"),
    "JPEG with junk between segments": (b"\xff\xd8\xff\xe0\x00\x02junk", "damaged JPEG"),
    "JPEG without a frame": (b"\xff\xd8\xff\xda\x00\x02", "JPEG without a frame"),
    "JPEG that ends at once": (b"\xff\xd8\xff\xd9", "JPEG without a frame"),
    "JPEG without height": (jpeg(40, 0), "40 x 0 pixels"),
    "WebP without a chunk": (b"RIFF\x04\0\0\0WEBP", "WebP of an unknown kind"),
    "WebP of an unknown kind": (webp(b"ALPH\0\0\0\0"), "WebP of an unknown kind"),
    "WebP cut short": (REAL["WebP lossy"][0][:-1], "WebP that is cut short"),
    "WebP lossy header cut short": (webp(b"VP8 " + bytes(8)), "header is cut short"),
    "WebP lossless header cut short": (webp(b"VP8L" + bytes(5)), "header is cut short"),
    "WebP extended header cut short": (webp(b"VP8X" + bytes(8)), "header is cut short"),
    "WebP without width": (webp_lossy(0, 30), "0 x 30 pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_usable_picture_is_refused_by_name(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        checked(data, max_bytes=LIMIT)
    with pytest.raises(ImageError, match=words) as caught:
        load(data, max_bytes=LIMIT)
    assert caught.value.image == f"the picture of {len(data):,} bytes"
    assert str(caught.value).startswith(f"{caught.value.image}: ")


@pytest.mark.parametrize(
    "name", ["PNG", "JPEG", "WebP lossy", "WebP lossless", "WebP extended", "JPEG with Exif"]
)
def test_every_shorter_beginning_is_a_picture_or_refused(name: str) -> None:
    data, media_type = REAL[name]
    for length in range(min(len(data), 400)):
        try:
            picture = checked(data[:length], max_bytes=LIMIT)
        except ValueError:
            continue
        assert (picture.media_type, picture.width_px, picture.height_px) == (media_type, 40, 30)


def test_the_limit_is_inclusive_and_says_what_to_do() -> None:
    assert checked(PNG, max_bytes=len(PNG)).data == PNG
    with pytest.raises(
        ValueError, match=r"larger than 1,000 bytes: make it smaller, or raise max_image_bytes"
    ):
        checked(png(40, 30, filler=bytes(1000)), max_bytes=1000)


# Every way to give a picture


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
    assert isinstance(picture, Picture)
    assert picture.data == PNG
    assert type(picture.data) is bytes


def test_an_open_file_is_read_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "hero.bin"
    path.write_bytes(b"junk" + PNG)
    with path.open("rb") as file:
        file.seek(4)
        picture = load(file, max_bytes=LIMIT)
        assert not file.closed
    assert isinstance(picture, Picture)
    assert picture.data == PNG


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
def test_a_pil_image_is_saved_as_png_without_loss(mode: str) -> None:
    image = Image.new(mode, (40, 30))
    picture = load(image, max_bytes=LIMIT)
    assert isinstance(picture, Picture)
    assert (picture.media_type, picture.width_px, picture.height_px) == ("image/png", 40, 30)
    assert list(Image.open(io.BytesIO(picture.data)).convert("RGBA").tobytes()) == list(
        image.convert("RGBA").tobytes()
    )


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "F"])
def test_a_pil_image_that_png_cannot_hold_is_an_image_error(mode: str) -> None:
    with pytest.raises(ImageError, match=f"the Image object: it could not be saved as PNG: .*{mode}"):
        load(Image.new(mode, (4, 3)), max_bytes=LIMIT)


def test_a_pil_image_that_becomes_too_large_is_refused() -> None:
    noise = Image.frombytes("RGB", (40, 30), os.urandom(40 * 30 * 3))
    with pytest.raises(ImageError, match="larger than 1,000 bytes"):
        load(noise, max_bytes=1000)


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
        ("https://a.example/he ro.png", "could not fetch it"),
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


def test_a_very_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(ImageError) as caught:
        load("https://a b/" + "x" * 100_000, max_bytes=LIMIT)
    assert len(caught.value.image) == 200
    assert len(str(caught.value)) < 400


# What is not a picture


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


# Nothing blocks, nothing is read without end


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


_beginnings = st.sampled_from(
    [b"", b"\x89PNG\r\n\x1a\n", PNG[:24], b"\xff\xd8\xff", b"RIFF", webp(b"VP8X")[:16], b"GIF8"]
)


@settings(max_examples=200, deadline=None, database=None)
@given(_beginnings, st.binary(max_size=200), st.sampled_from([b"", b"IEND\xaeB`\x82"]))
def test_whatever_the_bytes_they_are_a_bounded_picture_or_refused(
    start: bytes, rest: bytes, end: bytes
) -> None:
    data = start + rest + end
    try:
        picture = checked(data, max_bytes=200)
    except ValueError as exc:
        complaint = str(exc)
    else:
        assert picture.data == data
        assert len(data) <= 200
        assert 1 <= picture.width_px * picture.height_px <= 100_000_000
        return
    assert 0 < len(complaint) < 200


@settings(max_examples=100, deadline=None, database=None)
@given(
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.sampled_from([png, jpeg, webp_lossy, webp_lossless, webp_extended]),
)
def test_whatever_the_size_it_is_read_back(
    width: int, height: int, make: Callable[[int, int], bytes]
) -> None:
    picture = checked(make(width, height), max_bytes=LIMIT)
    assert (picture.width_px, picture.height_px) == (width, height)
