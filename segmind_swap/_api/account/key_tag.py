"""A tag that stands for an API key: it tells whether two keys are the same, without the key itself."""

from __future__ import annotations

import hashlib
import hmac

_PURPOSE = b"segmind-swap key tag\0"
_TAG_BYTES = 16


def key_tag(key: str, salt: bytes) -> str:
    """The tag of a key: 32 hexadecimal digits, the first 16 bytes of an HMAC-SHA256.

    Equal keys have equal tags under the same salt. Under another salt, the tag of a key differs, so that the
    tags of two places cannot be joined. The salt is the key of the HMAC, and need not be secret: a key of the
    API is random and long, so trying keys against a tag does not find it.

    Args:
        key: The key, as the client uses it: without the white space around it.
        salt: Random bytes of the place that keeps the tag, at least 16.

    Raises:
        ValueError: the salt is too short.
    """
    if len(salt) < _TAG_BYTES:
        raise ValueError(f"the salt of a key tag has {len(salt)} bytes; at least {_TAG_BYTES} are needed")
    return hmac.new(salt, _PURPOSE + key.encode(), hashlib.sha256).digest()[:_TAG_BYTES].hex()
