"""Parses JSON from a server, with a limit on the memory that the values may take."""

from __future__ import annotations

from pydantic_core import from_json

_MAX_VALUES = 100_000
"""Three bytes of text may become a value of a hundred bytes: 16 MiB of `{},{},…` would become 400 MiB."""


def parsed(text: bytes | str) -> object:
    """Parses a JSON text of a server.

    Raises:
        ValueError: the text is not JSON, is nested absurdly deep, may hold more than 100,000 values, or is
            not UTF-8.
    """
    raw = text if isinstance(text, bytes) else text.encode()
    # Each value but the first follows one of these characters. Characters inside strings are counted, too, so
    # the estimate is never too low.
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > _MAX_VALUES:
        raise ValueError("it holds too many values")
    value: object = from_json(raw)
    return value
