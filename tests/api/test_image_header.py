"""A picture's header: its kind, its size, and what is no picture."""

import hashlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.image_header import checked
from segmind_swap._errors import ImageError
from segmind_swap._swap.images import load

from ..support.pictures import LIMIT, PNG, encoded, png


def jpeg(width: int, height: int, *, before: bytes = b"", frame: int = 0xC0) -> bytes:
    start = struct.pack(">BBHBHHB", 0xFF, frame, 8, 8, height, width, 1)
    return b"\xff\xd8" + before + start + b"\xff\xda\x00\x02\xff\xd9"


def webp(chunk: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def webp_lossy(width: int, height: int) -> bytes:
    return webp(
        b"VP8 " + struct.pack("<I", 10) + b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    )


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L" + struct.pack("<IBI", 5, 0x2F, (width - 1) | (height - 1) << 14) + b"\0")


def webp_extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X" + struct.pack("<II", 10, 0) + size + webp_lossless(width, height)[12:])


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
    "JPEG with progressive frame": (jpeg(40, 30, frame=0xC2), "image/jpeg"),
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
    "GIF": (encoded("GIF"), "it is a GIF: the service takes JPEG, PNG and WebP; save it as one of them"),
    "text": (b"hello", "it is no picture but text"),
    "one byte": (b"\x89", "it is no picture"),
    "PNG without width": (png(0, 30), "0 x 30 pixels"),
    "PNG of 30000 x 30000": (png(30_000, 30_000), "30000 x 30000 pixels are more than 100,000,000"),
    "PNG of the largest size": (png(2**32 - 1, 2**32 - 1), "4294967295 x 4294967295 pixels"),
    "JPEG of 30000 x 30000": (jpeg(30_000, 30_000), "30000 x 30000 pixels"),
    "WebP of 16384 x 16384": (webp_lossless(16_384, 16_384), "16384 x 16384 pixels are more than"),
    "JPEG without height": (jpeg(40, 0), "40 x 0 pixels"),
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


_beginnings = st.sampled_from(
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        PNG[:33],
        PNG[:-16],
        b"\xff\xd8\xff",
        encoded("JPEG", size=(8, 8))[:-100],
        b"RIFF",
        webp_extended(8, 8)[:30],
        b"GIF8",
        b"\0\0\0\x18ftyp",
        b"<?xml ",
        b"PK\3\4",
    ]
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
