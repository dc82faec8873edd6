"""The signature of a picture, by which a copy is found that was saved again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import sub
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

HASH_BITS = 64
SIDE = 12
"""Cells along each side of the small picture in a signature."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What remains of a picture when it is saved again, or in another size.

    Attributes:
        bits: 64 bits: whether the light grows from one cell to its right neighbour, in 8 rows of 9 cells
            (the difference hash of Neal Krawetz, 2013).
        colours: 12 x 12 cells in RGB, 432 bytes. The bits alone would pair pictures that are flat.
    """

    bits: int
    colours: bytes

    @classmethod
    def of(cls, image: Image.Image) -> Signature:
        """The signature of a picture in RGB, of any size. Needs Pillow, which has made the picture."""
        from PIL import Image as images  # noqa: N813, PLC0415 - a signature can be read without Pillow

        box = images.Resampling.BOX
        grey = image.convert("L").resize((9, 8), box).tobytes()
        bits = 0
        for row in range(8):
            for left in range(row * 9, row * 9 + 8):
                bits = bits << 1 | (grey[left] < grey[left + 1])
        return cls(bits=bits, colours=image.resize((SIDE, SIDE), box).tobytes())

    @cached_property
    def mean(self) -> float:
        """The mean of the colours. It differs by no more than `colour_distance` from another signature's."""
        return sum(self.colours) / len(self.colours)

    def bit_distance(self, other: Signature) -> int:
        """How many of the 64 bits differ."""
        return (self.bits ^ other.bits).bit_count()

    def colour_distance(self, other: Signature) -> float:
        """The mean difference of the colours, from 0 to 255."""
        total: int = sum(map(abs, map(sub, self.colours, other.colours)))
        return total / len(self.colours)

    def is_near(self, other: Signature, *, bits: int, colours: float) -> bool:
        """Whether at most so many bits differ, and the colours differ by less than so much."""
        return self.bit_distance(other) <= bits and self.colour_distance(other) < colours

    def to_text(self) -> str:
        """The signature as 880 hexadecimal digits, for a file."""
        return f"{self.bits:016x}{self.colours.hex()}"

    @classmethod
    def from_text(cls, text: str) -> Signature:
        """The signature of `to_text`.

        Raises:
            ValueError: the text is no signature.
        """
        colours = bytes.fromhex(text[16:])
        if len(colours) != 3 * SIDE * SIDE:
            raise ValueError("a signature has 880 hexadecimal digits")
        return cls(bits=int(text[:16], 16), colours=colours)
