"""Texts and figures as a terminal may show them."""

from __future__ import annotations

import re

# Controls but for the end of a line, lone surrogates, and the marks that turn a line around or hide in it.
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def plain(text: str) -> str:
    """A text in which nothing is left for a terminal to interpret; all of it can be seen."""
    return _UNSEEN.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: str) -> str:
    """As `plain`, without ends of lines."""
    return plain(" ".join(text.split()))


def lasting(seconds: float) -> str:
    """`45 s`, `2 min 05 s`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"


def dollars(usd: float) -> str:
    """`$1,234.50`."""
    return f"${usd:,.2f}"
