"""The recent requests and their responses for display: bodies are shortened, and keys are masked."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from .._service.calls import Call

EXCHANGES_KEPT = 2_000
"""How many requests are kept, with excerpts of the bodies."""

EXCERPT_BYTES = 4_096
"""The largest excerpt of a body that is kept."""

LONG_BYTES = 300
"""A longer JSON string, such as a data URL, is shortened to its first bytes and its size."""

Headers = Iterable[tuple[bytes, bytes]]
Ending = Literal["waiting", "answered", "cut", "left", "broken"]

_SECRET = {b"authorization", b"proxy-authorization", b"x-api-key", b"cookie"}
_KEY_PREFIX_SHOWN = 4
_TOKENS = 64


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its response.

    ``serial`` counts all requests from 1. A request that is not a call of the API has a serial, but no
    ``call``. The headers contain the key: only `masked_headers` may be shown. ``ending`` is "left" if the
    client disconnected inside its body, and "broken" if the emulator itself failed.
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
        """Whether one of these words, such as a request id, is in the path or in the response."""
        return any(word in self.answer_body or word in self.path.encode() for word in words)


class TrafficLog:
    """The recent requests and responses, in order of arrival."""

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
    """The excerpt of a body that is kept. Long JSON strings are shortened first, to keep the other fields."""
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
    """Names and values of headers. The values of keys and cookies are masked."""
    return [
        (name.decode("latin-1"), _masked(value) if name.lower() in _SECRET else value.decode("latin-1"))
        for name, value in headers
    ]


def masked_text(body: bytes, headers: Headers = ()) -> str:
    """A body as text. A key from ``headers`` is masked wherever the body repeats it."""
    for key in _keys(headers):
        body = body.replace(key, _masked(key).encode())
    return _LONG_RUN.sub(_shortened, body.decode("utf-8", "replace"))


# A body that is shorter than an excerpt may still contain a data URL of some thousand letters.
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
