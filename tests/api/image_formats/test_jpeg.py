"""JPEGs are read as libjpeg reads them."""

import struct
import time

import pytest

from segmind_swap._api.image_formats.jpeg import size_of
from segmind_swap._api.image_formats.problems import UnusableImageError

from ...support.image_sample import drawing, exif, saved

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SCAN = b"\xff\xda\x00\x02\x12\x34"


def frame(
    kind: int = 0xC0, *, bits: int = 8, width: int = 40, height: int = 30, components: int = 1
) -> bytes:
    return struct.pack(">BBHBHHB", 0xFF, kind, 8, bits, height, width, components)


WHOLE = {
    "plain": SOI + frame() + SCAN + EOI,
    "bytes between two segments": SOI + b"\xff\xe0\x00\x02\n\n\0" + frame() + SCAN + EOI,
    "a stuffed zero between two segments": SOI + b"\xff\xe0\x00\x02\xff\x00" + frame() + SCAN + EOI,
    "a segment whose length is too short": SOI + b"\xff\xe0\x00\x03JFIF" + frame() + SCAN + EOI,
    "a segment of length zero": SOI + b"\xff\xe0\x00\x00" + frame() + SCAN + EOI,
    "fill bytes": SOI + b"\xff\xff\xff\xfe\x00\x04hi\xff\xff" + frame() + SCAN + EOI,
    "markers without content": SOI + b"\xff\x01\xff\xd0\xff\xd7" + frame() + SCAN + EOI,
    "progressive": SOI + frame(0xC2) + SCAN + b"\xff\xc4\x00\x02" + SCAN + EOI,
    "extended": SOI + frame(0xC1) + SCAN + EOI,
    "restarts in the scan": SOI + frame() + SCAN + b"\xff\xd0\x12\xff\x00\xff\xd1" + EOI,
    "bytes before the end": SOI + frame() + SCAN + b"\0\n" + EOI,
    "bytes after the end": SOI + frame() + SCAN + EOI + b"\0\0trailer",
    "another picture after the end": SOI + frame() + SCAN + EOI + SOI + frame(width=9) + SCAN,
    "a thumbnail": saved(
        drawing(size=(40, 30)), "JPEG", exif=exif(6, thumbnail=SOI + frame(width=8) + SCAN + EOI)
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_jpeg_that_decoders_read_is_measured(name: str) -> None:
    assert size_of(WHOLE[name]) == (40, 30)


_THUMBNAIL = b"\xff\xe1\x00\x0cExif\0\0" + SOI + EOI
CUT_SHORT = {
    "the signature alone": SOI + b"\xff",
    "before a frame": SOI + b"\xff\xe0\x00\x02",
    "in a marker": SOI + b"\xff\xe0\x00\x02\xff",
    "in a length": SOI + b"\xff\xe0\x00",
    "in a segment": SOI + b"\xff\xe0\xff\xff" + frame(),
    "in its frame": SOI + frame()[:8],
    "before its scan": SOI + frame() + EOI,
    "in its scan": SOI + frame() + SCAN,
    "in its scan, with a thumbnail that has an end": SOI + _THUMBNAIL + frame() + SCAN,
    "in its end": SOI + frame() + SCAN + b"\xff",
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_a_jpeg_without_its_end_is_cut_short(name: str) -> None:
    with pytest.raises(UnusableImageError, match="a JPEG that is cut short") as caught:
        size_of(CUT_SHORT[name])
    assert caught.value.is_cut_short


UNREADABLE = {
    "12 bits": (frame(0xC1, bits=12), "a JPEG with 12 bits a sample"),
    "16 bits": (frame(bits=16), "a JPEG with 16 bits a sample"),
    "lossless": (frame(0xC3), "a lossless JPEG"),
    "lossless arithmetic": (frame(0xCB), "a lossless JPEG"),
    "arithmetic": (frame(0xC9), "arithmetic coding"),
    "arithmetic progressive": (frame(0xCA), "arithmetic coding"),
    **{
        f"hierarchical {kind:x}": (frame(kind), "hierarchy of frames")
        for kind in (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE)
    },
    "JPEG-LS": (frame(0xF7), "JPEG-LS"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_jpeg_that_few_programs_read_is_named_for_what_it_is(name: str) -> None:
    part, words = UNREADABLE[name]
    with pytest.raises(UnusableImageError, match=words) as caught:
        size_of(SOI + part + SCAN + EOI)
    assert "few programs can read: save it as an ordinary JPEG, PNG or WebP" in str(caught.value)
    assert not caught.value.is_cut_short


DAMAGED = {
    "no frame": (SCAN + EOI, "it has no frame"),
    "an end at once": (EOI, "it has no frame"),
    "two frames": (frame() + frame() + SCAN + EOI, "two frames"),
    "a second start": (SOI + frame() + SCAN + EOI, "a second picture begins"),
    "an unknown marker": (b"\xff\x30\x00\x02" + frame() + SCAN + EOI, "unknown marker"),
    "a frame without components": (frame(components=0) + SCAN + EOI, "no component"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_jpeg_at_which_libjpeg_gives_up_is_damaged(name: str) -> None:
    part, words = DAMAGED[name]
    with pytest.raises(UnusableImageError, match=f"a damaged JPEG: .*{words}") as caught:
        size_of(SOI + part)
    assert not caught.value.is_cut_short


@pytest.mark.parametrize(
    "part", [b"\xff", b"\0", b"\xff\0", b"\xff\xd0", b"\xff\xe0\0\2", b"\xff\xe0", b"\xff\xda\0\2"], ids=repr
)
def test_the_time_grows_only_with_the_length(part: bytes) -> None:
    data = SOI + part * (4_000_000 // len(part))
    started = time.process_time()
    with pytest.raises(UnusableImageError):
        size_of(data)
    assert time.process_time() - started < 5
