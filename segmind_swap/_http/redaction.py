"""Removes the API key from everything a server says, before the text reaches errors, logs and events."""

from __future__ import annotations

import re

from pydantic import SecretStr

# A shorter key is not redacted: its replacement could garble ordinary text, or a poll_url.
_SHORTEST_REDACTED = 16


class Redactor:
    """Replaces the key by `***`: a server may echo the key in a header, a body or an error."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key
        self._key_in_json = _json_pattern(key.get_secret_value())

    def __call__(self, text: bytes) -> bytes:
        """The text without the key, in plain form or with JSON escapes."""
        key = self._key.get_secret_value().encode()
        if len(key) < _SHORTEST_REDACTED:
            return text
        text = text.replace(key, b"***")
        return self._key_in_json.sub(b"***", text) if b"\\" in text else text


def _json_pattern(key: str) -> re.Pattern[bytes]:
    """Finds the key with any of its characters escaped, also where a JSON string contains JSON."""
    spellings = (
        # Each branch begins with a literal byte, so that the search skips other bytes at once.
        rb"(?:%s|\\\\{0,3}+(?:u00(?i:%02x)|%s))" % (literal, ord(character), literal)
        for character in key
        for literal in (re.escape(character.encode()),)
    )
    return re.compile(b"".join(spellings))
