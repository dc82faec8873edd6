"""WebPs: their size, and whether the first frame is there."""

import io
import struct

import pytest
from PIL import Image

from segmind_swap._api.image_formats.problems import UnusableImageError
from segmind_swap._api.image_formats.webp import is_webp, size_of


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossy(
    width: int = 40, height: int = 30, *, tag: bytes = b"\x50\x00\x00", more: bytes = bytes(10)
) -> bytes:
    return chunk(b"VP8 ", tag + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + more)


def lossless(width: int = 40, height: int = 30, *, version: int = 0) -> bytes:
    return chunk(b"VP8L", struct.pack("<BI", 0x2F, (width - 1) | (height - 1) << 14 | version << 29) + b"\0")


def extended(flags: int = 0, width: int = 40, height: int = 30) -> bytes:
    return chunk(
        b"VP8X",
        bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    )


FRAME = chunk(b"ANMF", bytes(16) + chunk(b"ALPH", b"a") + lossy(8, 8))
TAKEN = {
    "lossy": webp(lossy()),
    "lossy, scaled": webp(lossy(40 | 1 << 14, 30 | 2 << 14)),
    "lossless": webp(lossless()),
    "extended lossy": webp(extended(0x10), chunk(b"ICCP", b"odd"), chunk(b"ALPH", b"a"), lossy()),
    "extended lossless": webp(extended(), lossless(), chunk(b"EXIF", b"junk")),
    "animated": webp(extended(2), chunk(b"ANIM", bytes(6)), FRAME),
    "bytes after the end": webp(lossy()) + b"trailer",
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_webp_is_measured_by_its_first_chunk(name: str) -> None:
    assert is_webp(TAKEN[name])
    assert size_of(TAKEN[name]) == (40, 30)


@pytest.mark.parametrize("name", [name for name in TAKEN if name != "bytes after the end"])
def test_a_webp_that_is_shorter_than_it_says_is_cut_short(name: str) -> None:
    for kept in (12, 19, 25, len(TAKEN[name]) - 1):
        with pytest.raises(UnusableImageError, match="WebP that is cut short") as caught:
            size_of(TAKEN[name][:kept])
        assert caught.value.is_cut_short


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_whose_end_is_zeros_is_cut_short_and_one_of_one_colour_is_whole(lossless: bool) -> None:
    def made(image: Image.Image) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", lossless=lossless)
        return buffer.getvalue()

    noise = made(Image.effect_noise((200, 150), 60).convert("RGB"))
    for share in (0.1, 0.5, 0.7):
        with pytest.raises(UnusableImageError, match="WebP that is cut short") as caught:
            size_of(noise[: int(len(noise) * share)].ljust(len(noise), b"\0"))
        assert caught.value.is_cut_short
    for colour in ("black", "white", "red"):
        assert size_of(made(Image.new("RGB", (3000, 2000), colour))) == (3000, 2000)


DAMAGED = {
    "no chunk": (webp(chunk(b"VP8 ", b"")), "does not begin as one"),
    "an unknown chunk": (webp(chunk(b"ALPH", bytes(8))), "unknown kind"),
    "a short header": (webp(chunk(b"VP8X", bytes(8))), "header is cut short"),
    "no frame": (webp(extended(), chunk(b"ICCP", b"odd!")), "it has no frame"),
    "an animation without a frame": (webp(extended(2), lossy()), "it has no frame"),
    "a frame without a picture": (webp(extended(2), chunk(b"ANMF", bytes(16))), "no picture"),
    "two sizes": (webp(extended(0, 41, 30), lossy()), "different sizes"),
    "no key frame": (webp(lossy(tag=b"\x51\x00\x00")), "does not begin as one"),
    "a lossless frame of a later version": (webp(lossless(version=1)), "does not begin as one"),
    "a partition beyond the frame": (webp(lossy(tag=b"\xf0\xff\xff")), "frame is cut short"),
    "a chunk beyond the end": (webp(b"VP8 \xff\xff\0\0" + bytes(20)), "longer than the file"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_webp_that_decoders_refuse_is_damaged(name: str) -> None:
    data, words = DAMAGED[name]
    with pytest.raises(UnusableImageError, match=f"a damaged WebP: .*{words}") as caught:
        size_of(data)
    assert not caught.value.is_cut_short
