"""Writes a URL as it goes over the wire: percent-encoded once, before its origin is judged."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urljoin

from .text import CONTROLS

MAX_URL_LENGTH = 4096
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>(?:\?[^#]*)?)(?P<fragment>(?:#.*)?)",
    re.IGNORECASE | re.ASCII,
)
_REFUSED = re.compile(rf"[{CONTROLS}\\]")
# What httpx and browsers encode (https://url.spec.whatwg.org/#percent-encoded-bytes). They leave a `%` that
# begins no escape.
_UNSAFE_IN_PATH = re.compile(r'[ "<>`{}]|[^\x00-\x7f]')
_UNSAFE_IN_QUERY = re.compile(r'[ "<>]|[^\x00-\x7f]')
_UNSAFE_IN_FRAGMENT = re.compile(r'[ "<>`]|[^\x00-\x7f]')


def percent_encoded(url: str) -> str:
    """The URL with path, query and fragment percent-encoded where httpx would do so. Escapes stay.

    The authority is not changed. A text that is no http(s) URL, or has a backslash or a control character, is
    returned as it is: `origin_of` refuses these texts.
    """
    return _rewritten(url, is_picture=False)


def picture_url(url: str) -> str:
    """A URL that is used without the key: as `percent_encoded`, and with the host in ASCII.

    The host is written with A-labels (RFC 5890), and without a dot at its end. A text that cannot be written
    so is returned as it is: `origin_of` refuses it.
    """
    return _rewritten(url, is_picture=True)


def redirect_target(url: str, location: str) -> str:
    """The URL that the `Location` of a redirected picture names, as `picture_url` writes it."""
    if _REFUSED.search(location):
        # `urljoin` removes some control characters, and the rest would pass for another URL.
        return location
    try:
        return picture_url(urljoin(url, location.strip(" ")))
    except ValueError:
        return location


def _rewritten(url: str, *, is_picture: bool) -> str:
    if len(url) > MAX_URL_LENGTH:
        return url
    match = _URL.fullmatch(url.strip(" \t\r\n"))
    if match is None or _REFUSED.search(match[0]):
        return url
    authority = _ascii_authority(match["authority"]) if is_picture else match["authority"]
    path = _UNSAFE_IN_PATH.sub(_escaped, match["path"])
    query = _UNSAFE_IN_QUERY.sub(_escaped, match["query"])
    fragment = _UNSAFE_IN_FRAGMENT.sub(_escaped, match["fragment"])
    return f"{match['scheme']}://{authority}{path}{query}{fragment}"


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def _ascii_authority(authority: str) -> str:
    host, colon, port = authority.partition(":")
    if "@" in authority or host.startswith("["):
        return authority
    labels = host.removesuffix(".").split(".")
    try:
        return f"{'.'.join(map(_a_label, labels))}{colon}{port}"
    except ValueError:
        return authority


def _a_label(label: str) -> str:
    """The A-label of one label of a host, as browsers and httpx make it (RFC 5891, UTS #46).

    Letters that stand for other letters, such as full-width letters, are refused as httpx refuses them. So no
    reader can take the host for another one.

    Raises:
        ValueError: the label has a character that no host has.
    """
    if label.isascii():
        return label
    label = unicodedata.normalize("NFC", label.lower())
    if unicodedata.normalize("NFKC", label) != label:
        raise ValueError("a letter that stands for another")
    if any(unicodedata.category(letter)[0] not in "LMN" and letter != "-" for letter in label):
        raise ValueError("no letter, mark or digit")
    return f"xn--{label.encode('punycode').decode()}"
