"""The bytes of a table become the text that an editor shows, or the line and column of what is no text."""

import codecs
import random

import pytest

from segmind_swap.cli._tables.decoding import decoded, lines_of

TEXT = "id,reference,scene\na,größe.png,街.png\n"
ENCODINGS = {
    "utf-8": b"",
    "utf-8 with a mark": codecs.BOM_UTF8,
    "utf-16-le with a mark": codecs.BOM_UTF16_LE,
    "utf-16-be with a mark": codecs.BOM_UTF16_BE,
    "utf-16-le": b"",
    "utf-16-be": b"",
    "utf-32-le with a mark": codecs.BOM_UTF32_LE,
    "utf-32-be with a mark": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_text_is_the_same_in_every_encoding(name: str) -> None:
    encoding = name.partition(" ")[0]
    assert decoded(ENCODINGS[name] + TEXT.encode(encoding)) == TEXT
    assert decoded(ENCODINGS[name] + TEXT.encode(encoding) + "\x1a".encode(encoding)) == TEXT.rstrip()


@pytest.mark.parametrize("end", ["\x1a", "\n\x1a\x1a\x1a", "\x1a\r\n", "\x1a\0\0"])
def test_what_dos_writes_at_the_end_is_removed(end: str) -> None:
    assert decoded(b"a,b\r\nc,d" + end.encode()) == "a,b\r\nc,d"
    assert decoded(b"a,b\x1ac,d") == "a,b\x1ac,d"


def test_a_byte_that_is_not_utf_8_is_told_with_its_true_place_and_its_meaning() -> None:
    generator = random.Random(13)
    for end in ("\n", "\r\n", "\r"):
        for _ in range(40):
            number, column = generator.randrange(2, 4000), generator.randrange(1, 30)
            lines = ["id,reference,scene"] + ["ü" * generator.randrange(40) for _ in range(number)]
            before = end.join([*lines[: number - 1], "ß" * (column - 1)]).encode()
            with pytest.raises(ValueError, match="is not UTF-8") as caught:
                decoded(before + b"\xe9" + end.join(lines).encode())
            assert str(caught.value) == (
                f"line {number:,}, column {column}: the file is not UTF-8: it has the byte 0xE9, which is 'é'"
                " in Latin-1 and Windows-1252; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
            )
    with pytest.raises(ValueError, match=r"byte 0x82; save"):
        decoded(b"caf\x82")


def test_utf_16_that_is_cut_or_damaged_is_told_with_its_place() -> None:
    data = codecs.BOM_UTF16_LE + "a\nbc".encode("utf-16-le")
    with pytest.raises(ValueError, match=r"line 2, column 3: the file begins as UTF-16, and is damaged"):
        decoded(data + b"\x00\xd8")
    with pytest.raises(ValueError, match=r"line 2, column 3: .*save it as UTF-8"):
        decoded(data + b"x")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04", "a spreadsheet"),
        (b"\xd0\xcf\x11\xe0", "old Excel"),
        (b"\x1f\x8b", "gzip"),
        (b"%PDF", "PDF"),
    ],
)
def test_a_file_that_is_no_text_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(ValueError, match=rf"it is .*{kind}.*, and no table: save the table as CSV UTF-8"):
        decoded(data + b"\xff" * 9)


def test_only_line_feeds_and_carriage_returns_end_a_line() -> None:
    assert lines_of("a\rb\r\nc\nd\n\u2028e\x0b\x0c\x1c\x85f") == [
        "a",
        "b",
        "c",
        "d",
        "\u2028e\x0b\x0c\x1c\x85f",
    ]
