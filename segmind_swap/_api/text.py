"""Makes text from outside harmless: ids and server messages reach logs, file names and terminals."""

from __future__ import annotations

import re
import unicodedata
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

CONTROLS = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
"""Control characters and lone surrogates, for use in a character class of a regular expression."""

# The one table of characters that cannot be seen, or that reorder the text around them: what Unicode ignores
# by default, line separators, and annotation marks. No text needs them, except in the cases of `_is_needed`.
_HIDDEN_CLASS = (
    "\u00ad"  # soft hyphen
    "\u034f"  # combining grapheme joiner
    "\u061c"  # direction
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers
    "\u17b4\u17b5"  # Khmer inherent vowels
    "\u180b-\u180f"  # Mongolian variation selectors and vowel separator
    "\u200b-\u200f"  # zero width space, joiners, direction
    "\u2028-\u202e"  # line and paragraph separators, direction
    "\u2060-\u206f"  # word joiner, invisible operators, direction
    "\ufe00-\ufe0f"  # variation selectors
    "\ufeff"  # byte order mark
    "\ufff0-\ufffb"  # interlinear annotation
    "\U0001bca0-\U0001bca3"  # shorthand format controls
    "\U0001d173-\U0001d17a"  # musical format controls
    "\U000e0000-\U000e0fff"  # tags, more variation selectors
)
_CONTROL = re.compile(f"[{CONTROLS}]")
_HIDDEN = re.compile(f"[{_HIDDEN_CLASS}]")
_HIDDEN_RUN = re.compile(f"[{_HIDDEN_CLASS}]+")
_UNSEEN = re.compile(f"[{CONTROLS}{_HIDDEN_CLASS}]")

_EMOJI_STYLE, _KEYCAP = "\ufe0f", "\u20e3"
_VIRAMA = 9
"""The canonical combining class of the sign that suppresses a vowel, in the scripts of India and around."""

# Unicode's joining types of Arabic letters (blocks Arabic and Arabic Supplement). A letter of the first class
# joins on both sides; a letter of the second class joins only to the letter before it. Other joining scripts
# (Syriac, N'Ko, Mongolian, Adlam and so on) are not in the table: their ids work without the non-joiner.
_DUAL_JOINING = (
    "\u0620\u0626\u0628\u062a-\u062e\u0633-\u063f\u0641-\u0647\u0649\u064a\u066e\u066f\u0678-\u0687\u069a-\u06bf"
    "\u06c1\u06c2\u06cc\u06ce\u06d0\u06d1\u06fa-\u06fc\u06ff\u0750-\u0758\u075c-\u076a\u076d-\u0770\u0772"
    "\u0775-\u0777\u077a-\u077f"
)
_RIGHT_JOINING = (
    "\u0622-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb"
    "\u06cd\u06cf\u06d2\u06d3\u06d5\u06ee\u06ef\u0759-\u075b\u076b\u076c\u0771\u0773\u0774\u0778\u0779"
)
_JOINS_THE_NEXT = re.compile(f"[{_DUAL_JOINING}]")
_JOINS_THE_LAST = re.compile(f"[{_DUAL_JOINING}{_RIGHT_JOINING}]")
# Emoji by blocks, skin tones included: a block has other symbols, too, which do no harm beside a joiner.
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
# The letters of the scripts that may put a joiner before a virama, for another form (Unicode, chapter 12).
_LETTER_OF_INDIA = re.compile("[\u0904-\u0d7f]")
_MONGOLIAN = re.compile("[\u1820-\u1878\u1880-\u18aa]")
_BLACK_FLAG, _END_OF_TAGS = "\U0001f3f4", "\U000e007f"
_MAX_TAGS = 8
"""Tags after the flag of a region, the end included: a country and a subdivision, as in `gbeng`."""
_TAGS_OF_FLAG = re.compile(f"{_BLACK_FLAG}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{{3,6}}{_END_OF_TAGS}")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def has_hidden(text: str) -> bool:
    """Whether a text has a character that cannot be seen, where no script needs that character.

    These characters are needed: the zero width (non-)joiner where RFC 5892 allows it (after a virama; the
    non-joiner also between Arabic letters that would join), the joiner before a virama and inside an emoji
    sequence, the tags of a flag, and variation selectors after an emoji, an ideograph or a Mongolian letter.
    """
    return any(not _is_needed(text, match.start()) for match in _HIDDEN.finditer(text))


def without_hidden(text: str) -> str:
    """The text without any hidden character, needed or not."""
    return _HIDDEN_RUN.sub("", text)


def harmless(text: str) -> str:
    """The text without hidden characters, needed or not, and with a space for each control character."""
    return without_hidden(_CONTROL.sub(" ", text))


def visible(text: str, *, keep: str = "\n") -> str:
    """The text with every control character and every hidden character shown: `␛`, `[U+202E]`.

    Hidden characters that a script needs stay as they are (see `has_hidden`).

    Args:
        text: Any text.
        keep: Control characters that stay as they are.
    """

    def shown(match: re.Match[str]) -> str:
        character = match[0]
        if character in keep or _is_needed(text, match.start()):
            return character
        code = ord(character)
        # Unicode has pictures of the first 32.
        return chr(0x2400 + code) if code < 0x20 else f"[U+{code:04X}]"

    return _UNSEEN.sub(shown, text)


def _is_needed(text: str, at: int) -> bool:
    """Whether a script or an emoji needs the hidden character at this index."""
    character = text[at]
    last, following = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    match character:
        case "\u200c" | "\u200d" if last and unicodedata.combining(last) == _VIRAMA:
            return True
        case "\u200d" if _LETTER_OF_INDIA.match(last) and unicodedata.combining(following or " ") == _VIRAMA:
            return True
        case "\u180b" | "\u180c" | "\u180d" | "\u180e" | "\u180f":
            return _MONGOLIAN.match(last) is not None
        case "\u200c":
            before, after = _neighbours(text, at)
            return bool(_JOINS_THE_NEXT.match(before) and _JOINS_THE_LAST.match(after))
        case "\u200d":
            emoji = text[max(0, at - 2) : at - 1] if last == _EMOJI_STYLE else last
            return bool(_EMOJI.match(emoji) and _EMOJI.match(following))
        case "\ufe0e" | "\ufe0f":
            is_keycap = last != "" and last in "0123456789#*" and following == _KEYCAP
            return is_keycap or _EMOJI.match(last) is not None
        case _ if "\U000e0020" <= character <= _END_OF_TAGS:
            return _is_tag_of_flag(text, at)
        case _ if "\ufe00" <= character <= "\ufe02" or "\U000e0100" <= character <= "\U000e01ef":
            return _IDEOGRAPH.match(last) is not None
        case _:
            return False


def _is_tag_of_flag(text: str, at: int) -> bool:
    """Whether the tag at this index is part of the flag of a region: a black flag, its code, and the end."""
    start = text.rfind(_BLACK_FLAG, max(0, at - _MAX_TAGS), at)
    flag = None if start < 0 else _TAGS_OF_FLAG.match(text, start)
    return flag is not None and at < flag.end()


def _neighbours(text: str, at: int) -> tuple[str, str]:
    """The letters before and after an index, vowel signs and other marks skipped; empty at an end."""
    before, after = at - 1, at + 1
    while before >= 0 and unicodedata.category(text[before]) == "Mn":
        before -= 1
    while after < len(text) and unicodedata.category(text[after]) == "Mn":
        after += 1
    return text[before] if before >= 0 else "", text[after : after + 1]


def shorten(text: str) -> str:
    """At most 300 characters on one line, without control, escape and hidden characters."""
    text = " ".join(harmless(text[:_MAX_SCANNED]).split())
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def failure_text(body: bytes | Mapping[str, Any]) -> str:
    """The reason of a failure in a body, in at most 300 harmless characters; empty if there is no text."""
    if not isinstance(body, bytes):
        return _reason_in(body)
    try:
        reason = _reason_in(parsed(body))
    except ValueError:
        reason = ""
    return reason or _plain(body[:_MAX_SCANNED].decode(errors="replace"))


def readable(body: bytes) -> str:
    """The beginning of a body, as text that `shorten` has made harmless."""
    return shorten(body[:_MAX_SCANNED].decode(errors="replace"))


def _reason_in(value: object) -> str:
    if not isinstance(value, dict):
        return _joined(value)
    fields = cast("dict[str, object]", value)
    return next((text for key in _KEYS if (text := _joined(fields.get(key)))), "")


def _plain(text: str) -> str:
    text = text[:_MAX_SCANNED]
    if "<" not in text:
        return shorten(text)
    displayed = _TAG.sub(" ", _INVISIBLE_MARKUP.sub(" ", text))
    return shorten(displayed) or shorten(_TAG.sub(" ", text))


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
    """A server's id, checked because messages and logs contain it unchanged; None if the id is unusable."""
    return value if isinstance(value, str) and 0 < len(value) <= 256 and value.isprintable() else None
