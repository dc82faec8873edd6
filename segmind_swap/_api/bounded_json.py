"""Parses JSON from a server, with a limit on the memory that the values may take."""

from __future__ import annotations

import json
import re

from pydantic_core import from_json

_MAX_VALUES = 100_000
"""Three bytes of text may become a value of a hundred bytes: 16 MiB of `{},{},…` would become 400 MiB."""
_HIGH, _LOW = rb"\\u[dD][89aAbB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# A pair of surrogates is one character, and an escaped backslash begins no escape. Possessive, so that a
# large text needs no memory for backtracking.
_KEPT = rb"(?:[^\\\xed]++|\xed[\x80-\x9f]|\\[^u]|\\u(?![dD][89a-fA-F])|%s%s)++" % (_HIGH, _LOW)
_KEPT_OR_LONE = re.compile(rb"(?P<kept>%s)|%s|%s|\xed[\xa0-\xbf][\x80-\xbf]" % (_KEPT, _HIGH, _LOW))
_REPLACEMENT = "\ufffd".encode()


def parsed(text: bytes | str) -> object:
    """Parses a JSON text of a server, as `json.loads` reads it: bytes in UTF-8, UTF-16 or UTF-32.

    A lone surrogate, such as the first half of an emoji where a text was cut, becomes U+FFFD: neither a file
    nor a database takes a lone surrogate.

    Raises:
        ValueError: the text is not JSON, is nested absurdly deep, may hold more than 100,000 values, or is in
            another encoding.
    """
    raw = as_utf8(text, errors="surrogatepass") if isinstance(text, bytes) else text.encode()
    # Each value but the first follows one of these characters. Characters inside strings are counted, too, so
    # the estimate is never too low.
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > _MAX_VALUES:
        raise ValueError("it holds too many values")
    try:
        value: object = from_json(raw)
    except ValueError:
        mended = _KEPT_OR_LONE.sub(_without_lone_surrogate, raw)
        if mended == raw:
            raise
        value = from_json(mended)
    return value


def as_utf8(raw: bytes, *, errors: str = "replace") -> bytes:
    """A text in UTF-8, without a byte order mark. The encoding is detected as `json.loads` detects it.

    Args:
        raw: The bytes. Bytes in UTF-8 stay as they are, whether they are valid or not.
        errors: What happens to bytes that are not valid in UTF-16 or UTF-32, as in `bytes.decode`.

    Raises:
        ValueError: with `errors="surrogatepass"`, the bytes are not valid UTF-16 or UTF-32.
    """
    encoding = json.detect_encoding(raw)
    if encoding.startswith("utf-8"):
        return raw.removeprefix(b"\xef\xbb\xbf")
    return raw.decode(encoding, errors).encode("utf-8", "surrogatepass")


def _without_lone_surrogate(match: re.Match[bytes]) -> bytes:
    return match["kept"] or _REPLACEMENT
