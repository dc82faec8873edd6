"""Texts and durations for a terminal."""

from segmind_swap.cli._terminal.text import format_duration, one_line, printable


def test_what_a_terminal_would_interpret_is_shown() -> None:
    assert printable("a\x1b[1m\x07\x9b\u202eb\nc\t\r\ud800") == "a␛[1m␇[U+009B][U+202E]b\nc␉␍[U+D800]"
    assert printable("a\u3164\u200d\U000e0041b") == "a[U+3164][U+200D][U+E0041]b"
    assert one_line("a\n  b\tc\x00") == "a b c␀"
    assert printable("café 👩‍👩‍👧 日本") == "café 👩‍👩‍👧 日本"


def test_a_duration_has_the_units_that_fit() -> None:
    assert [format_duration(seconds) for seconds in (0.4, 59, 61, 3599.7, 7260)] == [
        "0 s",
        "59 s",
        "1 min 01 s",
        "1 h 00 min",
        "2 h 01 min",
    ]
