"""JSON of strangers: parsed within bounds, or refused with a ValueError."""

import json
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._api.bounded_json import parsed

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


@pytest.mark.parametrize(
    "raw", [b'"\xff"', b'{"a": "\xc3"}', '"ä"'.encode("latin-1"), '"a"'.encode("utf-16")]
)
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
