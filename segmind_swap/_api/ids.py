"""Which ids a swap may have: an id becomes a file name on any system, and one line on a screen."""

from __future__ import annotations

import re
import unicodedata

from .text import CONTROLS, has_hidden, without_hidden

_MAX_BYTES = 180
"""File systems allow 255 bytes. The rest is for a suffix, and for the name of a temporary file."""

_FORBIDDEN = re.compile(rf'[<>:"/\\|?*{CONTROLS}]')
# Windows keeps these names for devices, whatever suffix follows.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def id_problem(id: str) -> str | None:
    """Why an id cannot be used as a file name everywhere; None if it can."""
    if not id.strip():
        return "it is empty"
    if (match := _FORBIDDEN.search(id)) is not None:
        return f"it has the character {match[0]!r}, which no file name may have everywhere"
    if has_hidden(id):
        return "it has characters that cannot be seen"
    if id[0] in ". " or id[-1] in ". ":
        return "it begins or ends with a dot or a space"
    if _DEVICES.fullmatch(id):
        return "Windows keeps this name for a device"
    if len(id.encode()) > _MAX_BYTES:
        return f"it is longer than {_MAX_BYTES} bytes"
    return None


def canonical_id(id: str) -> str:
    """The same text for all ids that a file system, or a reader, may take for the same name.

    All hidden characters are removed, also allowed characters. Letter case and Unicode normal form are made
    equal.
    """
    composed = unicodedata.normalize("NFC", without_hidden(id))
    return unicodedata.normalize("NFC", composed.casefold())
