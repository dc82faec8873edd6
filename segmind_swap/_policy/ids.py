"""Which names a swap may have: an id becomes a file name on any system, and stays one line on a screen."""

from __future__ import annotations

import re
import unicodedata

_MAX_BYTES = 180
"""File systems end at 255 bytes; a suffix, and the name of a half-written file, have room beside it."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')
# Marks that turn a line of text around, or hide in it.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
# Names that Windows keeps for devices, whatever suffix follows.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def id_problem(id: str) -> str | None:
    """Why an id cannot be used as a file name everywhere; None if it can."""
    if not id.strip():
        return "it is empty"
    if (match := _FORBIDDEN.search(id)) is not None:
        return f"it has the character {match[0]!r}, which no file name may have everywhere"
    if _INVISIBLE.search(id):
        return "it has characters that cannot be seen"
    if id[0] in ". " or id[-1] in ". ":
        return "it begins or ends with a dot or a space"
    if _DEVICES.fullmatch(id):
        return "Windows keeps this name for a device"
    if len(id.encode()) > _MAX_BYTES:
        return f"it is longer than {_MAX_BYTES} bytes"
    return None


def canonical_id(id: str) -> str:
    """What two ids share that some file systems take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", id).casefold())
