"""Undoes a content encoding, and limits the size of the decoded content."""

from __future__ import annotations

import zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MAX_LAYERS = 4
"""A header can name thousands of encodings, and decoding each can take as long as the largest response."""


def decoded(raw: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """Decodes `raw`. A server may encode a response although the request asked for `identity`.

    Raises:
        ValueError: the encoding is not identity, gzip or deflate, the data are damaged, or the decoded
            content is larger than `limit_bytes`.
    """
    names = [part.strip().lower() for part in encoding.split(",")]
    layers = [name for name in names if name not in {"", "identity"}]
    if len(layers) > _MAX_LAYERS:
        raise ValueError(f"it is encoded {len(layers):,} times over")
    for name in reversed(layers):
        if name not in {"gzip", "x-gzip", "deflate"}:
            raise ValueError(f"its content encoding is {name[:40]!r}, which was not asked for")
        raw = _inflated(raw, limit_bytes)
    return raw


def _inflated(raw: bytes, limit_bytes: int) -> bytes:
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        data = inflate.decompress(raw, limit_bytes + 1)
    except zlib.error:
        raise ValueError("its compressed body is damaged") from None
    if len(data) > limit_bytes:
        raise ValueError(f"it is larger than {limit_bytes} bytes when decompressed")
    if inflate.unused_data:
        raise ValueError("its compressed body is followed by something else")
    if not inflate.eof:
        raise ValueError("its compressed body is cut short")
    return data
