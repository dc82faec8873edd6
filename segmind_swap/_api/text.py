"""Text of strangers, made harmless: what a server says ends in messages, logs and terminals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .bounded_json import parsed

_MAX_TEXT = 300
_MAX_SCANNED = 16 * 1024
_MAX_DEPTH = 6
_KEYS = ("error_message", "error", "detail", "message", "error_description")
_PARTS = ("message", "msg", "details", "detail", "error_message", "error", "error_description", "reason")

_INVISIBLE_MARKUP = re.compile(r"<(head|script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[!/?a-zA-Z][^<>]{0,2000}>")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\uffff\U00010000-\U0010ffff]+")
# Besides controls: the marks that turn a line of text around or hide in it.
_TRICKS = re.compile("[\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]+")


def shorten(text: str) -> str:
    """At most 300 characters on one line, free of control characters and terminal escapes."""
    text = _TRICKS.sub("", _UNPRINTABLE.sub(" ", text[:_MAX_SCANNED]))
    text = " ".join(text.split())
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def failure_text(body: bytes | Mapping[str, Any]) -> str:
    """What a body gives as the reason of a failure, in at most 300 characters; empty if nothing."""
    if not isinstance(body, bytes):
        return _told(body)
    try:
        told = _told(parsed(body))
    except ValueError:
        told = ""
    return told or _plain(body[:_MAX_SCANNED].decode(errors="replace"))


def readable(body: bytes) -> str:
    """The beginning of a body as `shorten` leaves it."""
    return shorten(body[:_MAX_SCANNED].decode(errors="replace"))


def _told(value: object) -> str:
    if not isinstance(value, dict):
        return _joined(value)
    fields = cast("dict[str, object]", value)
    return next((text for key in _KEYS if (text := _joined(fields.get(key)))), "")


def _plain(text: str) -> str:
    text = text[:_MAX_SCANNED]
    if "<" not in text:
        return shorten(text)
    visible = _TAG.sub(" ", _INVISIBLE_MARKUP.sub(" ", text))
    return shorten(visible) or shorten(_TAG.sub(" ", text))


def _joined(value: object) -> str:
    return shorten("; ".join(dict.fromkeys(_texts(value, 0))))


def _texts(value: object, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    match value:
        case str() if text := _plain(value):
            yield text
        case list():
            for element in cast("list[object]", value)[:20]:
                yield from _texts(element, depth + 1)
        case dict():
            fields = cast("dict[str, object]", value)
            parts = [part for key in _PARTS for part in _texts(fields.get(key), depth + 1)]
            model = fields.get("model")
            if parts and isinstance(model, str):
                parts[0] = f"{shorten(model)}: {parts[0]}"
            yield from parts
        case bool() | None:
            pass
        case int() | float():
            yield str(value)
        case _:
            pass


def request_id(value: object) -> str | None:
    """What a server gives as an id, if it can be one: it goes into messages and logs as it is."""
    return value if isinstance(value, str) and 0 < len(value) <= 256 and value.isprintable() else None
