"""Format texts, durations and amounts of money for a terminal."""

from __future__ import annotations

import re

# Control characters except the line feed, lone surrogates, and characters that are invisible or change the
# direction of a text.
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def printable(text: str) -> str:
    """Replaces control and invisible characters by escapes, so that a terminal interprets nothing."""
    return _UNSEEN.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: str) -> str:
    """Like `printable`, with each run of white space, line feeds included, replaced by one space."""
    return printable(" ".join(text.split()))


def format_duration(seconds: float) -> str:
    """`45 s`, `2 min 05 s`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"


def format_usd(usd: float) -> str:
    """`$1,234.50`."""
    return f"${usd:,.2f}"
