"""The server's words: the reason is found, made harmless, and kept short."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.messages import Response
from segmind_swap._api.responses import refusal
from segmind_swap._api.text import failure_text, shorten
from segmind_swap._models import Call


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": "a"}, "a"),
        ({"error_description": "e", "message": "d", "detail": "c", "error": "b", "error_message": "a"}, "a"),
        ({"error_description": "e", "message": "d", "detail": "c", "error": "b"}, "b"),
        ({"error_description": "e", "message": "d", "detail": "c"}, "c"),
        ({"error_description": "e", "message": "d"}, "d"),
        ({"error_description": "e"}, "e"),
        ({"error_message": "", "error": "b"}, "b"),
        ({"error_message": None, "error": {}, "detail": [], "message": "d"}, "d"),
        ({"error": {"message": "m", "details": "d", "error_message": "e", "code": "x"}}, "m; d; e"),
        ({"error": {"message": "m", "details": "m"}}, "m"),
        ({"error": {"message": {"message": {"message": "deep"}}}}, "deep"),
        ({"error": {"details": ["a", {"message": "b"}]}}, "a; b"),
        (
            {"error_message": [{"model": "segmenter", "error": "No mask"}, {"error": "x"}]},
            "segmenter: No mask; x",
        ),
        ({"error_message": [{"model": "segmenter"}]}, ""),
        ({"error_message": ["a", "a", "b"]}, "a; b"),
        ({"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, "field required"),
        ({"error": 42}, "42"),
        ({"error": True, "message": "m"}, "m"),
        ({"error": "  two\n\twords "}, "two words"),
        ({"error": "<b>No</b> <i>mask</i>"}, "No mask"),
        ({"status": "FAILED"}, ""),
        ({}, ""),
    ],
)
def test_the_reason_is_found_in_the_documented_order(body: dict[str, Any], expected: str) -> None:
    assert failure_text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        (b"plain text", "plain text"),
        (b'"quoted"', "quoted"),
        (b'["a", {"error": "b"}]', "a; b"),
        (b'{"error": "cut sho', '{"error": "cut sho'),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
        (
            b"<html><head><title>T</title></head><body><h1>502 Bad Gateway</h1></body></html>",
            "502 Bad Gateway",
        ),
        (b"<style>p { color: red }</style><p>Hello</p><script>alert(1)</script>", "Hello"),
        (b"<STYLE>p</STYLE ><P>Hello</P>", "Hello"),
        (b"<html><head><title>Only a title</title></head></html>", "Only a title"),
        (b"<h1>a</h1><p>b", "a b"),
        (b"a < b", "a < b"),
        (b'<p title="' + b"x" * 5000, '<p title="' + "x" * 289 + "…"),
    ],
)
def test_a_body_that_is_no_json_object_gives_a_snippet_of_its_text(body: bytes, expected: str) -> None:
    assert failure_text(body) == expected


@pytest.mark.parametrize(
    "body", [b'{"errors": ["No mask was found"]}', b'{"code": 7, "info": "No mask was found"}']
)
def test_an_answer_whose_text_is_under_an_unknown_key_gives_a_snippet_of_it(body: bytes) -> None:
    assert "No mask was found" in failure_text(body)
    assert "No mask was found" in str(refusal(Response(status_code=400, headers={}, body=body), Call.SUBMIT))


@pytest.mark.parametrize("text", ["the size must be <100 and >10", "width < 3 and height > 5", "a <- b -> c"])
def test_comparison_signs_are_not_taken_for_markup(text: str) -> None:
    assert failure_text({"error": text}) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\x1b]0;title\x07text", "]0;title text"),
        ("\x9b31mred", "31mred"),
        ("a\x00b\x08c\x7fd\x85e", "a b c d e"),
        ("line\r\nfeed\x0b\x0c", "line feed"),
        ("\ud800lone\udfff", "lone"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("größe 画像 🎨", "größe 画像 🎨"),
        ("non\u00a0breaking", "non breaking"),
        ("", ""),
    ],
)
def test_controls_and_terminal_escapes_are_taken_out(text: str, expected: str) -> None:
    assert shorten(text) == expected


# Unicode Standard Annex 9, table 4: every mark that changes the direction of what follows.
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("mark", _BIDI, ids=[f"U+{ord(mark):04X}" for mark in _BIDI])
def test_no_mark_can_turn_the_text_around(mark: str) -> None:
    assert shorten(f"picture{mark}gnp.exe") == "picturegnp.exe"


def test_text_cannot_hide_in_invisible_tag_characters() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "pay again")
    assert shorten(f"try{hidden} later") == "try later"


@pytest.mark.parametrize(
    ("length", "expected"), [(299, 299), (300, 300), (301, 300), (16 * 1024 + 1, 300), (10_000_000, 300)]
)
def test_at_most_300_characters_are_kept(length: int, expected: int) -> None:
    text = shorten("x" * length)
    assert len(text) == expected
    assert text.endswith("…") == (length > 300)
    assert len(failure_text(b"x" * length)) == expected
    assert len(failure_text({"error": ["y" * length, "z"]})) <= 300


@pytest.mark.parametrize(
    "piece", ["<head>", "<style ", "<script><", "<", "<a", "</", "\x1b[", "<!--", "\u202e "]
)
def test_a_long_hostile_text_is_read_in_no_time(piece: str) -> None:
    text = piece * (50_000 // len(piece))
    started = time.process_time()
    assert len(failure_text({"error": text})) <= 300
    assert len(failure_text(text.encode())) <= 300
    assert time.process_time() - started < 1


def test_deep_and_wide_bodies_are_bounded() -> None:
    deep: Any = "bottom"
    for _ in range(50):
        deep = {"message": [deep]}
    assert failure_text({"error": deep}) == ""
    assert failure_text({"error": [str(n) for n in range(100_000)]}).endswith("19")


_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "error_message", "model", "details"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
_FORBIDDEN = set(_BIDI) | {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}


def _assert_harmless(text: str) -> None:
    assert len(text) <= 300
    assert not _FORBIDDEN & set(text)
    text.encode()


@settings(max_examples=100, deadline=None, database=None)
@given(st.binary(max_size=400) | _documents.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_body_the_text_is_short_and_harmless(body: bytes) -> None:
    _assert_harmless(failure_text(body))


@settings(max_examples=100, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(["error", "message", "detail"]), _documents, max_size=3))
def test_whatever_the_fields_the_text_is_short_and_harmless(fields: dict[str, Any]) -> None:
    _assert_harmless(failure_text(fields))


@settings(max_examples=100, deadline=None, database=None)
@given(st.text(alphabet=st.characters(), max_size=400))
def test_whatever_the_text_it_is_short_and_harmless(text: str) -> None:
    _assert_harmless(shorten(text))
    assert shorten(shorten(text)) == shorten(text)
