"""What identifies a swap: which picture is swapped into which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from .._api.image_header import LoadedImage


def identity_of(image: LoadedImage | str) -> str:
    """Identifies a picture: by its URL, or by the hash of its content. The file name does not count."""
    return image if isinstance(image, str) else f"sha256:{image.sha256}"


def fingerprint_of(identities: Sequence[str]) -> str:
    """Identifies which pictures are swapped, by their identities: the reference first, then the scene."""
    return hashlib.sha256(json.dumps(identities).encode()).hexdigest()
