"""Decode a table as spreadsheets and editors save it, and split it into the lines that an editor shows."""

from __future__ import annotations

import codecs
import re

_SAVE_AS_UTF_8 = "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"

# The mark of UTF-32-LE begins with the mark of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "a spreadsheet or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
)
"""The first bytes of files that people give in place of a table."""

_SAMPLE_BYTES = 512
_LINE_END = re.compile(r"\r\n|\r|\n")
# What DOS programs write at the end of a text, and the line ends and blanks around it.
_END_OF_FILE = "\x1a\0 \t\r\n"


def decoded(data: bytes) -> str:
    """The text of a table: UTF-8, or UTF-16 or UTF-32 with a mark, or UTF-16 that is evident without one.

    Marks at the beginning, and a Ctrl-Z at the end, are removed.

    Raises:
        ValueError: the bytes are no text. The message has the line and the column.
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            raise ValueError(f"it is {kind}, and no table: save the table as CSV UTF-8")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _without_mark(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        start = exc.start
    else:
        return _without_end(text.lstrip("\ufeff"))
    raise ValueError(_problem(data, start, encoding))


def lines_of(text: str) -> list[str]:
    """The lines, without their ends, which may be LF, CR LF or CR. No other character ends a line."""
    return _LINE_END.split(text)


def _without_mark(data: bytes) -> str:
    """UTF-16 if every second byte of the first letters is zero: tables begin with ASCII. Else UTF-8."""
    sample = data[:_SAMPLE_BYTES]
    even, odd = sample[::2], sample[1::2]
    if len(odd) > 1 and odd.count(0) * 2 > len(odd) and 0 not in even:
        return "utf-16-le"
    if len(even) > 1 and even.count(0) * 2 > len(even) and 0 not in odd:
        return "utf-16-be"
    return "utf-8"


def _without_end(text: str) -> str:
    shorter = text.rstrip(_END_OF_FILE)
    return shorter if "\x1a" in text[len(shorter) :] else text


def _problem(data: bytes, start: int, encoding: str) -> str:
    before = lines_of(data[:start].decode(encoding).lstrip("\ufeff"))
    place = f"line {len(before):,}, column {len(before[-1]) + 1:,}"
    if encoding != "utf-8":
        return f"{place}: the file begins as {encoding[:6].upper()}, and is damaged here; {_SAVE_AS_UTF_8}"
    byte = data[start]
    letter = bytes([byte]).decode("latin-1")
    # The codes below are letters in DOS, and controls in Latin-1.
    guess = f", which is {letter!r} in Latin-1 and Windows-1252" if byte > 0xA0 else ""
    return f"{place}: the file is not UTF-8: it has the byte 0x{byte:02X}{guess}; {_SAVE_AS_UTF_8}"
