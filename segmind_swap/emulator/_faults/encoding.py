"""How the bytes of a response differ from its content: content codings and encodings of Unicode."""

import gzip
import zlib
from collections.abc import Callable
from typing import Literal

from starlette.responses import Response

Encoding = Literal[
    "no-coding",
    "gzip",
    "gzip-members",
    "gzip-padded",
    "deflate",
    "raw-deflate",
    "bom",
    "utf-16",
    "utf-32",
    "surrogate",
]
"""How the body of a response is written.

"no-coding": as it is, with a ``Content-Encoding`` that is no coding. "gzip", "deflate" and "raw-deflate":
compressed. "gzip-members": in two gzip members. "gzip-padded": followed by zeros. "bom", "utf-16" and
"utf-32": in another encoding of Unicode. "surrogate": with a lone surrogate in a field of its own. A body
that is empty stays empty, under the header of its coding.
"""


def _members(body: bytes) -> bytes:
    half = len(body) // 2
    return gzip.compress(body[:half], mtime=0) + gzip.compress(body[half:], mtime=0)


_CODINGS: dict[Encoding, tuple[str, Callable[[bytes], bytes]]] = {
    "no-coding": ("base64", bytes),
    "gzip": ("gzip", lambda body: gzip.compress(body, mtime=0)),
    "gzip-members": ("gzip", _members),
    "gzip-padded": ("gzip", lambda body: gzip.compress(body, mtime=0) + bytes(512)),
    "deflate": ("deflate", zlib.compress),
    "raw-deflate": ("deflate", lambda body: zlib.compress(body, wbits=-zlib.MAX_WBITS)),
}
_UNICODE: dict[Encoding, str] = {"bom": "utf-8-sig", "utf-16": "utf-16", "utf-32": "utf-32"}


def encoded(how: Encoding, response: Response) -> Response:
    """The response with the same status, content and headers, and another body."""
    body = bytes(response.body)
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in {"content-length", "content-encoding"}
    }
    if how in _CODINGS:
        headers["content-encoding"], code = _CODINGS[how]
        body = code(body) if body else body
    elif (media_type := response.media_type) is not None and not media_type.startswith("image/"):
        body = _in_unicode(how, body)
    return Response(body, response.status_code, headers)


def _in_unicode(how: Encoding, body: bytes) -> bytes:
    if how == "surrogate":
        return body.replace(b"{", rb'{"note":"smile \ud83d",', 1)
    return body.decode(errors="replace").encode(_UNICODE[how])
