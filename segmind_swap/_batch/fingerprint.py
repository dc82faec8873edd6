"""What identifies a swap: which pictures are swapped into which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from .._api.image_header import LoadedImage


def identity_of(picture: LoadedImage | str) -> str:
    """A picture's URL, or what its content is known by, wherever it is."""
    return picture if isinstance(picture, str) else f"sha256:{picture.sha256}"


def fingerprint_of(identities: Sequence[str]) -> str:
    """Identifies what is swapped into what."""
    return hashlib.sha256(json.dumps(identities).encode()).hexdigest()
