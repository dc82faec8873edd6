"""Content encodings undone, never to more than was allowed."""

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._http.content_encoding import decoded

TEXT = b'{"status": "QUEUED"}'
ZIPPED = gzip.compress(TEXT, mtime=0)
DEFLATED = zlib.compress(TEXT)
RAW_DEFLATED = zlib.compress(TEXT, wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, " Identity , "),
        (ZIPPED, "gzip"),
        (ZIPPED, "x-gzip"),
        (ZIPPED, " GZip "),
        (DEFLATED, "deflate"),
        (DEFLATED, "gzip"),
        (ZIPPED, "identity, gzip"),
        (gzip.compress(DEFLATED, mtime=0), "deflate, gzip"),
        (zlib.compress(ZIPPED), "gzip,deflate"),
        (ZIPPED, "gzip;q=1"),
        (RAW_DEFLATED, "deflate"),
        (ZIPPED + b"\0" * 512, "gzip"),
        (ZIPPED + b"\r\n", "gzip"),
        (DEFLATED + b"\0", "deflate"),
        (
            gzip.compress(TEXT[:9], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(TEXT[9:], mtime=0),
            "gzip",
        ),
        (gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0) + b"\0" * 99, "gzip"),
        (ZIPPED, "gzip, gzip"),
        (ZIPPED, "aws-chunked,gzip"),
    ],
)
def test_what_was_encoded_comes_out_again(raw: bytes, encoding: str) -> None:
    assert decoded(raw, encoding, limit_bytes=1000) == TEXT


@pytest.mark.parametrize(
    "encoding",
    [
        "base64",
        "UTF-8",
        "aws-chunked",
        "none",
        "binary",
        "null",
        "*",
        "utf-8, base64",
        "x" * 10_000,
        "a," * 99,
    ],
)
def test_a_word_that_is_no_coding_changes_nothing(encoding: str) -> None:
    assert decoded(TEXT, encoding, limit_bytes=1000) == TEXT
    assert decoded(ZIPPED, f"{encoding}, gzip", limit_bytes=1000) == TEXT


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "br, gzip", "BR;q=1"])
def test_an_encoding_that_was_not_asked_for_is_refused_by_name(encoding: str) -> None:
    with pytest.raises(ValueError, match="not asked for") as caught:
        decoded(ZIPPED, encoding, limit_bytes=1000)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("keep", [0, 1, 5, -9, -1])
def test_a_body_that_is_cut_short_is_refused(encoding: str, keep: int) -> None:
    whole = gzip.compress(TEXT * 9) if encoding == "gzip" else zlib.compress(TEXT * 9)
    with pytest.raises(ValueError, match="cut short"):
        decoded(whole[:keep], encoding, limit_bytes=1000)


@pytest.mark.parametrize(
    "raw", [TEXT, b"\x1f\x8b\x08" + b"\xff" * 50, ZIPPED[:-8] + bytes(8), DEFLATED[:-4] + bytes(4)]
)
def test_a_damaged_body_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        decoded(raw, "gzip", limit_bytes=1000)


@pytest.mark.parametrize("keep", [1, 5, 12, -9, -1])
@pytest.mark.parametrize("second", [gzip.compress(b"second" * 9, mtime=0), RAW_DEFLATED])
def test_a_second_member_that_is_cut_short_or_something_else_is_refused(second: bytes, keep: int) -> None:
    with pytest.raises(ValueError, match=r"cut short|followed by something else|damaged"):
        decoded(ZIPPED + second[:keep], "gzip", limit_bytes=1000)


@pytest.mark.parametrize("size", [1, 9, 100])
def test_members_that_are_together_more_than_the_limit_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        decoded(gzip.compress(bytes(size)) * (100 // size + 1), "gzip", limit_bytes=100)


def test_a_body_of_very_many_empty_members_is_refused_in_no_time() -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="members"):
        decoded(gzip.compress(b"") * 400_000, "gzip", limit_bytes=1000)
    assert time.process_time() - started < 2


def test_an_answer_in_several_members_is_never_silently_cut() -> None:
    # RFC 1952, 2.2: members simply follow one another.
    try:
        data = decoded(gzip.compress(b"first ") + gzip.compress(b"second"), "gzip", limit_bytes=1000)
    except ValueError:
        return
    assert data == b"first second"


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_up_to_the_limit_everything_comes_out(size: int) -> None:
    assert decoded(gzip.compress(bytes(size)), "gzip", limit_bytes=100) == bytes(size)


@pytest.mark.parametrize("size", [101, 102, 10_000])
def test_more_than_the_limit_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        decoded(gzip.compress(bytes(size)), "gzip", limit_bytes=100)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_does_not_go_off(layers: int) -> None:
    bomb = bytes(50_000_000)
    for _ in range(layers):
        bomb = zlib.compress(bomb, 9)
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ValueError, match="larger"):
        decoded(bomb, ", ".join(["deflate"] * layers), limit_bytes=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert time.process_time() - started < 2


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data)


def _deflated(data: bytes) -> bytes:
    return zlib.compress(data)


_arbitrary = settings(max_examples=150, deadline=None, database=None)


@_arbitrary
@given(
    st.binary(max_size=300),
    st.sampled_from(["gzip", "deflate", "gzip, deflate", "identity", "br"]) | st.text(),
)
def test_whatever_comes_is_decoded_or_refused(raw: bytes, encoding: str) -> None:
    try:
        data = decoded(raw, encoding, limit_bytes=200)
    except ValueError:
        return
    assert data == raw or len(data) <= 200


@_arbitrary
@given(st.binary(max_size=300), st.sampled_from([_gzipped, _deflated]), st.integers(0, 400))
def test_whatever_is_encoded_comes_out_whole_or_not_at_all(
    data: bytes, compress: Callable[[bytes], bytes], limit_bytes: int
) -> None:
    raw = compress(data)

    if len(data) > limit_bytes:
        with pytest.raises(ValueError, match="larger"):
            decoded(raw, "gzip", limit_bytes=limit_bytes)
    else:
        assert decoded(raw, "gzip", limit_bytes=limit_bytes) == data
