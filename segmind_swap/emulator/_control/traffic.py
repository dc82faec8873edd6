"""Requests and their answers, as they are shown to people: the recent ones, shortened, and no key in full."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from .._service.calls import Call

EXCHANGES_KEPT = 2_000
"""How many are remembered, with what is shown of their bodies."""

EXCERPT_BYTES = 4_096
"""What is kept of a body."""

LONG_BYTES = 300
"""A text of JSON beyond this, such as a data URL, is shown by its beginning and its size."""

Headers = Iterable[tuple[bytes, bytes]]
Ending = Literal["waiting", "answered", "cut", "left", "broken"]

_SECRET = {b"authorization", b"proxy-authorization", b"x-api-key", b"cookie"}
_KEY_PREFIX_SHOWN = 4
_TOKENS = 64


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and what became of it.

    ``serial`` counts all requests from 1, those included that are no call of the API, which have no ``call``.
    The headers are as they came, with the key: `masked_headers` is what may be shown of them. ``ending`` is
    "left" where the client left inside its body, "broken" where the emulator itself failed.
    """

    serial: int
    method: str
    path: str
    at: float
    headers: Headers = field(repr=False)
    call: Call | None = None
    body: bytes = field(default=b"", repr=False)
    size_bytes: int = 0
    fault: str | None = None
    ending: Ending = "waiting"
    status: int | None = None
    answered_at: float | None = None
    answer_headers: Headers = field(default=(), repr=False)
    answer_body: bytes = field(default=b"", repr=False)
    answer_size_bytes: int = 0

    def mentions(self, words: Iterable[bytes]) -> bool:
        """Whether one of these, such as a request id, is in its path or in its answer."""
        return any(word in self.answer_body or word in self.path.encode() for word in words)


class TrafficLog:
    """The recent exchanges, in order of arrival."""

    def __init__(self) -> None:
        self._recent: deque[Exchange] = deque(maxlen=EXCHANGES_KEPT)
        self._count = 0

    def record(self, *, method: str, path: str, at: float, headers: Headers) -> Exchange:
        self._count += 1
        exchange = Exchange(serial=self._count, method=method, path=path, at=at, headers=headers)
        self._recent.append(exchange)
        return exchange

    @property
    def count(self) -> int:
        return self._count

    def newest_first(self) -> Iterator[Exchange]:
        return reversed(self._recent.copy())


def excerpt(body: bytes) -> bytes:
    """What is kept of a body: long texts inside JSON are cut first, so that what is around them is seen."""
    if len(body) <= EXCERPT_BYTES:
        return body
    pieces, start = [], 0
    for _ in range(_TOKENS):
        end = body.find(b'"', start)
        piece = body[start : end if end >= 0 else None]
        if len(piece) > LONG_BYTES:
            piece = piece[:48] + f"… ({len(piece):,} bytes)".encode()
        pieces.append(piece)
        if end < 0:
            break
        start = end + 1
    return b'"'.join(pieces)[:EXCERPT_BYTES]


def masked_headers(headers: Headers) -> list[tuple[str, str]]:
    """Names and values, the values of keys and cookies masked."""
    return [
        (name.decode("latin-1"), _masked(value) if name.lower() in _SECRET else value.decode("latin-1"))
        for name, value in headers
    ]


def masked_text(body: bytes, headers: Headers = ()) -> str:
    """The text of a body; a key that came in ``headers`` is masked wherever the body repeats it."""
    for key in _keys(headers):
        body = body.replace(key, _masked(key).encode())
    return _LONG_RUN.sub(_shortened, body.decode("utf-8", "replace"))


# What a body of less than an excerpt may still hold: a data URL of some thousand letters.
_LONG_RUN = re.compile(rf"[A-Za-z0-9+/=_-]{{{LONG_BYTES},}}")


def _shortened(run: re.Match[str]) -> str:
    return f"{run[0][:24]}… ({len(run[0]):,} letters)"


def _keys(headers: Headers) -> Iterator[bytes]:
    for name, value in headers:
        key = value.rpartition(b" ")[2]
        if name.lower() in _SECRET and len(key) >= _KEY_PREFIX_SHOWN:
            yield key


def _masked(value: bytes) -> str:
    scheme, space, key = value.decode("latin-1").rpartition(" ")
    shown = key[:_KEY_PREFIX_SHOWN] if len(key) >= 3 * _KEY_PREFIX_SHOWN else ""
    return f"{scheme}{space}{shown}… ({len(key)} characters)"
