"""JSON of strangers: parsed within bounds, or refused with a ValueError."""

import json
import re
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._api.bounded_json import as_utf8, parsed

MOST = 100_000
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES)
def test_what_was_written_as_json_is_read_back(value: object) -> None:
    text = json.dumps(value)
    assert parsed(text) == json.loads(text)
    assert parsed(text.encode()) == json.loads(text)


@given(raw=st.binary(max_size=200))
def test_whatever_the_bytes_they_are_a_value_or_a_value_error(raw: bytes) -> None:
    with suppress(ValueError):
        parsed(raw)


@pytest.mark.parametrize("text", ["", " ", "{", '{"a"', "[1,]", "{'a': 1}", "1 2", "<html>", '"\\ud800'])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
        parsed(text)


BODY = {"poll_url": "https://api.segmind.com/1", "say": "größer 😀"}


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_what_json_loads_reads_is_read_in_any_encoding_of_unicode(encoding: str) -> None:
    raw = json.dumps(BODY, ensure_ascii=False).encode(encoding)
    assert parsed(raw) == json.loads(raw) == BODY
    assert json.loads(as_utf8(raw)) == BODY


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb'"smile \ud83d"', "smile \ufffd"),
        (rb'"\ude00 smile"', "\ufffd smile"),
        (rb'"\uD83D\uDE00 \ud83d\ud83d\ude00"', "😀 \ufffd😀"),
        (rb'"\ud83d\n\u00e9"', "\ufffd\né"),
        (rb'"\\ud83d \\\ud83d \" \ud83d"', '\\ud83d \\\ufffd " \ufffd'),
        (rb'"\ud83d\\ude00"', "\ufffd\\ude00"),
        (b'"cut \xed\xa0\xbd"', "cut \ufffd"),
        ('"cut \ud83d"'.encode("utf-16-le", "surrogatepass"), "cut \ufffd"),
        ('"cut \ud83d"'.encode("utf-32-be", "surrogatepass"), "cut \ufffd"),
    ],
)
def test_a_lone_surrogate_in_a_body_is_replaced_and_nothing_else_is(raw: bytes, text: str) -> None:
    assert parsed(raw) == text
    if b"\0" not in raw:
        assert parsed(b'{"a": [%s], %s: 1}' % (raw, raw)) == {"a": [text], text: 1}
    found = json.loads(raw)
    assert isinstance(found, str)
    assert found.encode("utf-16", "surrogatepass").decode("utf-16", "replace").count("\ufffd") >= 1


@given(raw=st.text(st.sampled_from('\\ud83eE0"n \ud83d')).map(lambda text: f'"{text}"'))
def test_whatever_json_loads_reads_is_read_alike_but_for_its_lone_surrogates(raw: str) -> None:
    body = raw.encode("utf-8", "surrogatepass")
    try:
        expected = json.loads(body)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
            parsed(body)
        return
    assert parsed(body) == re.sub("[\ud800-\udfff]", "\ufffd", expected)


def test_the_bounds_hold_in_any_encoding_and_for_a_text_full_of_escapes() -> None:
    many = "[" + "0," * MOST + "0]"
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        with pytest.raises(ValueError, match="too many values"):
            parsed(many.encode(encoding))
        with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
            parsed(("[" * 50_000).encode(encoding))
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
        parsed(b"[" * 50_000 + rb'"\ud83d"')
    started = time.process_time()
    assert len(str(parsed(b'"' + rb"\n" * 4_000_000 + rb'\ud83d"'))) == 4_000_001
    assert time.process_time() - started < 5


@pytest.mark.parametrize("raw", [b'"\xff"', b'{"a": "\xc3"}', '"ä"'.encode("latin-1"), b'{"a": 1}\0'])
def test_what_is_no_utf_8_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
        parsed(raw)


def test_a_text_with_a_lone_surrogate_is_a_value_error() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
        parsed('"\ud800"')


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_absurd_nesting_is_a_value_error_and_no_recursion_error(opening: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the interface
        parsed(opening * 50_000)


def test_as_many_values_as_the_limit_are_parsed_and_one_more_is_refused() -> None:
    # A list of n values holds one bracket and n - 1 commas.
    assert parsed("[" + ",".join(["0"] * MOST) + "]") == [0] * MOST
    with pytest.raises(ValueError, match="too many values"):
        parsed("[" + ",".join(["0"] * (MOST + 1)) + "]")


@pytest.mark.parametrize("piece", ["[],", "{},", "0,"])
def test_a_small_text_that_becomes_hundreds_of_mebibytes_is_refused_before_it_is_parsed(piece: str) -> None:
    text = "[" + piece * (4 * 1024 * 1024 // len(piece)) + "0]"
    with pytest.raises(ValueError, match="too many values"):
        parsed(text)


def test_a_long_text_in_json_is_no_reason_to_refuse() -> None:
    assert parsed(json.dumps({"picture": "A" * 1024 * 1024})) == {"picture": "A" * 1024 * 1024}


def test_a_number_of_very_many_digits_is_a_number_or_a_value_error() -> None:
    digits = "9" * (sys.get_int_max_str_digits() + 1)
    with suppress(ValueError):
        parsed(digits)
