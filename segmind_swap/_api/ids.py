"""Which ids a swap may have: an id becomes a file name on any system, and one line on a screen."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import PurePath

from .text import CONTROLS, has_hidden, without_hidden

_MAX_BYTES = 180
"""File systems allow 255 bytes. The rest is for a suffix, and for the name of a temporary file."""

_FORBIDDEN = re.compile(rf'[<>:"/\\|?*{CONTROLS}]')
_HASH = 8
"""Hexadecimal digits: two files of a folder of 10,000 with the same beginning differ, but for 1 in 100."""

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


def id_of_file(name: str, *, distinct: bool = False) -> str:
    """The id of a scene in a folder: the file's name without its suffix, or an id that is made of that name.

    The id depends on this name alone. So a file keeps its id, and is not paid again, when other files come to
    the folder. A name that cannot be an id is changed as little as possible, and gets a hash of the name. The
    names of the folders between are joined with two underscores.

    Args:
        name: The file's name, with its suffix, relative to the folder, with slashes on every system.
        distinct: Make the id with the hash in any case, because another file has the id without it.
    """
    *folders, file = name.split("/")
    stem = "__".join((*folders, PurePath(file).stem))
    if not distinct and id_problem(stem) is None:
        return stem
    # A file keeps its id when another system stores its name in another normal form.
    digest = hashlib.sha256(os.fsencode(unicodedata.normalize("NFC", name))).hexdigest()[:_HASH]
    legal = _trimmed(_FORBIDDEN.sub("_", unicodedata.normalize("NFC", stem)))
    legal = _trimmed(legal.encode()[: _MAX_BYTES - _HASH - 2].decode(errors="ignore"))
    id = f"{legal or 'scene'}-{digest}"
    return f"_{id}" if _DEVICES.fullmatch(id) else id


def _trimmed(text: str) -> str:
    """The text without dots and spaces at its ends, and without hidden characters that no script needs.

    A cut may have separated a hidden character from the letter that needs it.
    """
    return (without_hidden(text) if has_hidden(text) else text).strip(". ")


def canonical_id(id: str) -> str:
    """The same text for all ids that a file system, or a reader, may take for the same name.

    All hidden characters are removed, also allowed characters. Letter case and Unicode normal form are made
    equal.
    """
    composed = unicodedata.normalize("NFC", without_hidden(id))
    return unicodedata.normalize("NFC", composed.casefold())
