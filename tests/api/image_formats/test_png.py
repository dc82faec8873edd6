"""PNGs: their chunks, and what can be known of their pixels."""

import random
import struct
import time
import zlib

import pytest

from segmind_swap._api.image_formats.png import SIGNATURE, size_of
from segmind_swap._api.image_formats.problems import UnusableImageError

from ...support.image_sample import png_of

LIMIT = 100_000_000


def chunk(kind: bytes, content: bytes = b"", *, crc: bytes | None = None) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content)) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + checksum


def header(
    width: int = 40, height: int = 30, depth: int = 8, colour: int = 2, rest: bytes = bytes(3)
) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, depth, colour) + rest)


LINES = b"\0" * 30 * 121
PIXELS, END = chunk(b"IDAT", zlib.compress(LINES)), chunk(b"IEND")
NOISE = random.Random(1).randbytes(4000)

TAKEN = {
    "plain": header() + PIXELS + END,
    "other chunks": header() + chunk(b"tEXt", b"a" * 2_000_000) + PIXELS + chunk(b"eXIf", b"junk") + END,
    "pixels in many chunks": header()
    + b"".join(chunk(b"IDAT", zlib.compress(LINES)[i : i + 1]) for i in range(40))
    + END,
    "an empty chunk of pixels": header() + chunk(b"IDAT") + PIXELS + END,
    "bytes after the end": header() + PIXELS + END + b"trailer",
    "a wrong checksum of the pixels": header() + chunk(b"IDAT", zlib.compress(LINES), crc=b"crc!") + END,
    "a wrong checksum of the end": header() + PIXELS + chunk(b"IEND", crc=b"crc!"),
    "missing lines, but an end": header() + chunk(b"IDAT", zlib.compress(LINES[:1000])) + END,
    "more lines than needed": header() + chunk(b"IDAT", zlib.compress(LINES * 3)) + END,
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_png_that_decoders_read_is_measured(name: str) -> None:
    assert size_of(SIGNATURE + TAKEN[name], max_pixels=LIMIT) == (40, 30)


@pytest.mark.parametrize(
    ("colour", "samples", "depth"),
    [
        (0, 1, 1),
        (0, 1, 2),
        (0, 1, 4),
        (0, 1, 8),
        (0, 1, 16),
        (2, 3, 8),
        (2, 3, 16),
        (3, 1, 1),
        (3, 1, 8),
        (4, 2, 8),
        (6, 4, 16),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (64, 33)])
def test_the_pixels_of_every_kind_are_counted_exactly(
    colour: int, samples: int, depth: int, size: tuple[int, int]
) -> None:
    for interlaced in (False, True):
        whole = png_of(colour, depth, samples, size, interlaced=interlaced)
        assert size_of(whole, max_pixels=LIMIT) == size
        # Without the end of the compressed data, exactly the bytes of the lines are enough.
        start = whole.index(b"IDAT") + 4
        lines = zlib.decompress(whole[start : start + int.from_bytes(whole[start - 8 : start - 4], "big")])
        for missing in (0, 1):
            stored = zlib.compressobj(level=0)
            content = stored.compress(lines[: len(lines) - missing]) + stored.flush(zlib.Z_SYNC_FLUSH)
            data = whole[: start - 8] + chunk(b"IDAT", content) + END
            if missing:
                with pytest.raises(UnusableImageError, match="some of its pixels are missing"):
                    size_of(data, max_pixels=LIMIT)
            else:
                assert size_of(data, max_pixels=LIMIT) == size


@pytest.mark.parametrize("kept", [0, 4, 8, 20, 24, 25, 40, 60, 70, -13, -12, -5, -1])
def test_a_png_without_its_end_is_cut_short(kept: int) -> None:
    data = SIGNATURE + header() + PIXELS + END
    with pytest.raises(UnusableImageError, match="PNG that is cut short") as caught:
        size_of(data[: kept + len(SIGNATURE)] if kept >= 0 else data[:kept], max_pixels=LIMIT)
    assert caught.value.is_cut_short


def test_the_word_iend_in_a_text_is_no_end() -> None:
    data = SIGNATURE + header() + chunk(b"tEXt", b"IEND\xaeB`\x82") + PIXELS
    with pytest.raises(UnusableImageError, match="cut short"):
        size_of(data, max_pixels=LIMIT)


DAMAGED = {
    "another first chunk": (chunk(b"tEXt", b"a") + header() + PIXELS + END, "does not begin with a header"),
    "a picture of an iPhone app": (
        chunk(b"CgBI", bytes(4)) + header() + PIXELS + END,
        "only Apple's programs",
    ),
    "a short header": (chunk(b"IHDR", bytes(12)) + PIXELS + END, "does not begin with a header"),
    "a damaged header": (header()[:-1] + b"!" + PIXELS + END, "wrong checksum"),
    "a kind that does not exist": (header(depth=3) + PIXELS + END, "names no kind of PNG"),
    "a colour type that does not exist": (header(colour=5) + PIXELS + END, "names no kind of PNG"),
    "a compression that does not exist": (header(rest=b"\1\0\0") + PIXELS + END, "names no kind of PNG"),
    "no pixels": (header() + END, "has no pixels"),
    "a chunk without a type": (header() + chunk(b"\0\0\0\0") + PIXELS + END, "no type"),
    "zeros as pixels": (header() + chunk(b"IDAT", bytes(500)) + END, "cannot be decompressed"),
    "a wrong checksum inside the pixels": (
        header() + chunk(b"IDAT", zlib.compress(LINES)[:-4] + b"adlr") + END,
        "cannot be decompressed",
    ),
    "noise as pixels": (header() + chunk(b"IDAT", NOISE) + END, "cannot be decompressed"),
    "half the compressed pixels": (
        header() + chunk(b"IDAT", zlib.compress(NOISE)[:200]) + END,
        "are missing",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_png_that_decoders_refuse_is_damaged(name: str) -> None:
    part, words = DAMAGED[name]
    with pytest.raises(UnusableImageError, match=f"a damaged PNG: .*{words}") as caught:
        size_of(SIGNATURE + part, max_pixels=LIMIT)
    assert not caught.value.is_cut_short


def test_all_pixels_are_decompressed_only_if_a_checksum_is_wrong() -> None:
    compressed = zlib.compress(random.Random(1).randbytes(1500 * 4000), 1)[:-600_000]
    for crc in (None, b"crc!"):
        data = SIGNATURE + header(1333, 1500) + chunk(b"IDAT", compressed, crc=crc) + END
        if crc is None:
            assert size_of(data, max_pixels=LIMIT) == (1333, 1500)
        else:
            with pytest.raises(UnusableImageError, match="some of its pixels are missing"):
                size_of(data, max_pixels=LIMIT)


def test_of_a_picture_that_is_too_large_no_pixel_is_looked_at() -> None:
    data = SIGNATURE + header(60_000, 60_000) + chunk(b"IDAT", b"junk") + END
    assert size_of(data, max_pixels=LIMIT) == (60_000, 60_000)


@pytest.mark.parametrize("kind", [b"IDAT", b"teXt"])
def test_the_time_is_bounded_for_many_small_chunks(kind: bytes) -> None:
    data = SIGNATURE + header() + chunk(kind) * 400_000 + END
    started = time.process_time()
    with pytest.raises(UnusableImageError, match="too many chunks"):
        size_of(data, max_pixels=LIMIT)
    assert time.process_time() - started < 5
