"""Reads the outputs of a finished job, in every shape that servers and documents have shown.

The field `output` may be a list of `{keyname, value: {data, type}}`, an object `{keyname: url}`, a URL, or a
list of URLs; each of them parsed, or as a string of JSON. The field `outputs` may be the same. Else, each
output has a key of its own at the top level, beside the status. The fields are tried in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .._models import SwapOutput
from .bounded_json import parsed
from .origins import origin_of
from .urls import picture_url

_MAX_ITEMS = 256
_SECOND_URL = re.compile(r"\shttps?://", re.IGNORECASE)
_MAX_DEPTH = 6
# URLs that are no outputs, although they are at the top level: an input must never be taken for the result.
_NOT_OUTPUTS = frozenset(
    {
        "character_image",
        "poll_url",
        "reference_character_image",
        "request_url",
        "response_url",
        "status_url",
        "webhook",
        "webhook_url",
    }
)


def outputs_of(fields: Mapping[str, Any]) -> tuple[SwapOutput, ...]:
    """All outputs in the body of a finished job, in the server's order."""
    beside = (
        SwapOutput(name=name, data=value)
        for name, value in fields.items()
        if name not in _NOT_OUTPUTS and isinstance(value, str) and _url_in(value)
    )
    candidates = [_first(_items(fields.get(key), "", 0)) for key in ("output", "outputs")]
    candidates.append(_first(beside))
    # The first candidate with a picture. Without a picture: the first candidate with any output.
    return next((items for items in candidates if picture_in(items)), next(filter(None, candidates), ()))


def claimed_outputs(fields: Mapping[str, Any]) -> tuple[SwapOutput, ...]:
    """The outputs in the fields `output` and `outputs` of a job whose state is not known."""
    items = (item for key in ("output", "outputs") for item in _items(fields.get(key), "", 0))
    return _first(item for item in items if item.name not in _NOT_OUTPUTS)


def picture_in(outputs: tuple[SwapOutput, ...]) -> str | None:
    """The URL of the picture, as it is requested: the first image that is a URL, else the first URL."""
    urls = [(item, url) for item in outputs if (url := _url_in(item.data))]
    images = [url for item, url in urls if item.type.strip().lower() == "image"]
    return next(iter(images or [url for _, url in urls]), None)


def _first(items: Iterator[SwapOutput]) -> tuple[SwapOutput, ...]:
    return tuple(item for item, _ in zip(items, range(_MAX_ITEMS), strict=False))


def _items(value: object, name: str, depth: int) -> Iterator[SwapOutput]:
    if depth > _MAX_DEPTH:
        return
    match value:
        case str() if text := value.strip():
            content = _content(text)
            if content is None:
                yield SwapOutput(name=name, data=text)
            else:
                yield from _items(content, name, depth + 1)
        case list():
            for element in cast("list[object]", value):
                yield from _items(element, name, depth + 1)
        case dict():
            yield from _items_of_object(cast("dict[str, object]", value), name, depth)
        case _:
            pass


def _items_of_object(fields: dict[str, object], name: str, depth: int) -> Iterator[SwapOutput]:
    keyname = fields.get("keyname")
    name = keyname if isinstance(keyname, str) else name
    if "data" in fields:
        kind = fields.get("type")
        for item in _items(fields["data"], name, depth + 1):
            yield item.model_copy(update={"type": kind}) if isinstance(kind, str) else item
    elif "keyname" in fields:
        yield from _items(fields.get("value", fields.get("output")), name, depth + 1)
    else:
        for key, content in fields.items():
            yield from _items(content, key, depth + 1)


def _content(text: str) -> object:
    """The value of a string that is the JSON of an object, a list or a string; None otherwise."""
    if text[0] not in '[{"':
        return None
    try:
        return parsed(text)
    except ValueError:
        return None


def _url_in(text: str) -> str | None:
    """The URL that a text is, percent-encoded; None if the text is no single URL."""
    if _SECOND_URL.search(text):
        return None
    url = picture_url(text)
    try:
        origin_of(url)
    except ValueError:
        return None
    return url
