"""What strangers send as JSON, with an end to what it may become in memory."""

from __future__ import annotations

from pydantic_core import from_json

_MAX_VALUES = 100_000
"""Each may take a hundred bytes, and come of three: 16 MiB of `{},{},…` would be 400 MiB and some seconds."""


def parsed(text: bytes | str) -> object:
    """The value that a JSON text holds.

    Raises:
        ValueError: it is not JSON, is nested absurdly deep, may hold more than 100,000 values, or is not
            UTF-8.
    """
    raw = text if isinstance(text, bytes) else text.encode()
    # Each value but the first follows one of these; where they stand in texts, they only count too many.
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > _MAX_VALUES:
        raise ValueError("it holds too many values")
    value: object = from_json(raw)
    return value
