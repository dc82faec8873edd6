"""Undoes a content encoding, and limits the size of the decoded content."""

from __future__ import annotations

import zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_PADDING = b"\0\r\n "
"""What some servers append to compressed content: GNU tar pads with zeros, a template ends with a newline."""
_PLAIN = (b"{", b"[", b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
"""How JSON and pictures begin. No compressed content of a service begins so."""
_DECODABLE = {"gzip", "x-gzip", "deflate"}
_UNDECODABLE = {
    "aes128gcm",
    "br",
    "compress",
    "dcb",
    "dcz",
    "exi",
    "pack200-gzip",
    "x-compress",
    "zstd",
}
"""The other codings that IANA has registered, except `identity`."""
_MAX_LAYERS = 4
"""A header can name thousands of encodings, and decoding each can take as long as the largest response."""
_MAX_MEMBERS = 1024
"""An empty member takes 20 bytes, and as much time as a large one."""
_CHUNK_BYTES = 64 * 1024
"""zlib copies what follows a member. Small chunks keep the copies short."""


class TooLargeError(ValueError):
    """The content is larger than allowed. A repetition of the request would not change that."""


def decoded(raw: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """Decodes `raw`. A server may encode a response although the request asked for `identity`.

    Object stores return any word as `Content-Encoding` that was stored with a file. A word that is no coding
    (`base64`, `UTF-8`, `aws-chunked`) changes nothing. Gzip members may follow one another (RFC 1952, 2.2).
    `deflate` may be raw.

    Raises:
        TooLargeError: the decoded content is larger than `limit_bytes`.
        ValueError: the encoding is another one than gzip and deflate, or the data are damaged.
    """
    names = [part.partition(";")[0].strip().lower() for part in encoding.split(",")]
    layers = [name for name in names if name in _DECODABLE | _UNDECODABLE]
    if len(layers) > _MAX_LAYERS:
        raise ValueError(f"it is encoded {len(layers):,} times over")
    previous = None
    for name in reversed(layers):
        if name == previous and is_plain(raw):
            # Two proxies may each have named the one coding.
            continue
        previous = name
        if name not in _DECODABLE:
            raise ValueError(f"its content encoding is {name!r}, which was not asked for")
        raw = _inflated(raw, limit_bytes, may_be_raw=name == "deflate")
    return raw


def is_plain(raw: bytes) -> bool:
    """Whether the content begins as JSON or a picture, and so is not encoded, whatever its header says."""
    return raw[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_PLAIN)


def _inflated(raw: bytes, limit_bytes: int, *, may_be_raw: bool) -> bytes:
    try:
        return _members(raw, limit_bytes, _GZIP_OR_ZLIB)
    except zlib.error:
        pass
    if may_be_raw:
        try:
            return _members(raw, limit_bytes, _RAW_DEFLATE)
        except zlib.error:
            pass
    raise ValueError("its compressed body is damaged")


def _members(raw: bytes, limit_bytes: int, wbits: int) -> bytes:
    parts: list[bytes] = []
    at, left_bytes = 0, limit_bytes
    for _ in range(_MAX_MEMBERS):
        inflate = zlib.decompressobj(wbits)
        while not inflate.eof:
            # The first piece is all: nearly always, there is one member, and its content is not copied.
            chunk = raw[at : at + _CHUNK_BYTES] if at else raw
            if not chunk:
                raise ValueError("its compressed body is cut short")
            part = inflate.decompress(chunk, left_bytes + 1)
            left_bytes -= len(part)
            if left_bytes < 0:
                raise TooLargeError(f"it is larger than {limit_bytes} bytes when decompressed")
            parts.append(part)
            at += len(chunk) - len(inflate.unused_data)
        if not raw.startswith(_GZIP_MAGIC, at):
            if raw[at:].strip(_PADDING):
                raise ValueError("its compressed body is followed by something else")
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise ValueError(f"its compressed body has more than {_MAX_MEMBERS:,} members")
