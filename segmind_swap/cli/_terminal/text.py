"""Format texts, durations and amounts of money for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Shows control and hidden characters except the line feed, so that a terminal interprets nothing."""
    # Imported lazily: `--help` imports this module without calling this function. `_api.text` loads
    # pydantic_core.
    from segmind_swap._api.text import visible  # noqa: PLC0415

    return visible(text, keep="\n")


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
