"""`PictureLooks`: decodes the inputs of a batch, to find what no header says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLook:
    """What is seen of a picture when it is decoded.

    Attributes:
        problem: Why the picture could not be decoded, to stand behind its name; empty if it was decoded.
        is_damaged: Whether the data is damaged. False for a picture that may be sound, but is of a kind that
            the decoder does not know.
        is_flat: Whether the picture has one colour: a black frame, or an empty page.
        signature: What remains of the picture when it is saved again; None if it was not decoded.
    """

    problem: str = ""
    is_damaged: bool = False
    is_flat: bool = False
    signature: object = None


class PictureLooks(Protocol):
    """Decodes pictures. Needs a decoder, which the client itself does not have."""

    def look(self, data: bytes) -> PictureLook:
        """Decodes a picture. Blocks; may be called in several threads at once.

        Args:
            data: The file, which is a JPEG, PNG or WebP by its header.
        """
        ...

    def near_copies(self, looks: Mapping[str, PictureLook]) -> Mapping[str, str]:
        """The pictures that are probably others, saved again: the key of each, and the first picture's key.

        Args:
            looks: Different pictures, by a key of the caller's.
        """
        ...
