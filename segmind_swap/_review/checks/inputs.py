"""Looks at the inputs of a batch, before anything is paid. Needs Pillow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import cast

from ..._protocols.looks import PictureLook
from .copies import find_copies
from .measures import PictureMeasures
from .pixels.decoding import UndecodableError
from .pixels.looks import look_at, measures_of_picture
from .thresholds import Thresholds

_MISSING_DECODERS = ("not available", "not supported", "unsupported", "unknown", "not implemented")
"""Words in Pillow's messages about a picture that may be sound, and that Pillow cannot read."""


class InputLooks:
    """Decodes inputs with Pillow. It is a `PictureLooks`."""

    def look(self, data: bytes) -> PictureLook:
        """As in the protocol `PictureLooks`."""
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            measures = measures_of_picture(look_at(data, sha256), sha256)
        except UndecodableError as exc:
            return PictureLook(problem=str(exc), is_damaged=_is_damaged(exc))
        flat = Thresholds().blank or 0.0
        return PictureLook(is_flat=(measures.spread or 0.0) < flat, signature=measures)

    def near_copies(self, looks: Mapping[str, PictureLook]) -> Mapping[str, str]:
        """As in the protocol `PictureLooks`."""
        measures = {
            key: cast("PictureMeasures", look.signature)
            for key, look in looks.items()
            if look.signature is not None
        }
        return {key: copy.original for key, copy in find_copies(measures).items()}


def _is_damaged(error: UndecodableError) -> bool:
    cause = error.__cause__
    if error.is_too_large or error.is_unknown or isinstance(cause, MemoryError):
        return False
    return not any(word in str(cause).lower() for word in _MISSING_DECODERS)
