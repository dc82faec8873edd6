"""The numbers that are measured: of one picture, and of a result beside its scene and its reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .signatures import Signature

VERSION = 1
"""Raised when a number is computed in another way: numbers in a file with another version are not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMeasures:
    """What was measured of one picture.

    Attributes:
        problem: Why the picture could not be decoded, and has no numbers; None if it was decoded.
        sha256: Identifies the content of the file, in hexadecimal.
        width_px: The width of the upright picture.
        height_px: The height of the upright picture.
        spread: How far the colours lie apart, in levels of 255. In the channel that varies most, the larger
            of two numbers counts: the standard deviation, and the distance from the median within which 90 %
            of the picture lies. Low in a picture of one colour.
        signature: What remains when the picture is saved again.
    """

    problem: str | None = None
    sha256: str
    width_px: int | None = None
    height_px: int | None = None
    spread: float | None = None
    signature: Signature | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMeasures:
    """What was measured of a result. A number is None if a picture that it needs is missing or a URL.

    Attributes:
        problem: Why the result could not be decoded; None if it was decoded, or is too large to be.
        sha256: Identifies the content of the result, in hexadecimal.
        width_px: The width of the upright result.
        height_px: The height of the upright result.
        spread: As of `PictureMeasures`. Low if the result is one colour.
        change: The largest difference from the scene, in levels of 255: the mean of the 0.2 % of the picture
            that differ most. Another light, and a move of the whole picture, do not count. Low if nobody was
            replaced.
        background: The share of the scene's texture that is not in the result, from 0 to 1. High if the
            background was replaced.
        gap: The share of the scene's texture in whose place the result has one colour, from 0 to 1.
        bars: The share of the picture in bars of one colour along its sides, which the scene does not have.
        light: By how many levels of 255 the light moves the median of a channel, in the channel that it moves
            most. None also if too little of the scene is left to compare.
        shape: The natural logarithm of the ratio of the two aspect ratios, without sign. 0 for one shape.
        small: The pixels of the result for each pixel of the scene.
        reference: The mean difference of the colours from the reference, in levels of 255. Low if the result
            is the reference itself.
        character: The share of the reference's colours that is found where the result differs from the scene.
            A key to sort by: too often wrong for a flag.
        signature: The signature of the result.
        scene_signature: The signature of the scene.
    """

    problem: str | None = None
    sha256: str
    width_px: int | None = None
    height_px: int | None = None
    spread: float | None = None
    change: float | None = None
    background: float | None = None
    gap: float | None = None
    bars: float | None = None
    light: float | None = None
    shape: float | None = None
    small: float | None = None
    reference: float | None = None
    character: float | None = None
    signature: Signature | None = None
    scene_signature: Signature | None = None

    def numbers(self) -> dict[str, float]:
        """The numbers by their names, as in `results.jsonl`, without those that were not measured."""
        found = ((name, getattr(self, name)) for name in NUMBERS)
        return {name: round(number, 4) for name, number in found if number is not None}

    def to_json(self) -> dict[str, Any]:
        """All attributes as JSON values, from which `from_json` makes an equal value."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.to_text() if isinstance(value, Signature) else value
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ResultMeasures:
        """The value of `to_json`.

        Raises:
            ValueError: the values are not those of measures.
        """
        try:
            known = {name: _TYPES[name](value) for name, value in values.items() if name in _TYPES}
            return cls(**known)
        except TypeError as exc:
            raise ValueError(f"no measures of a result: {exc}") from None


NUMBERS = (
    *("spread", "change", "background", "gap", "bars", "light"),
    *("shape", "small", "reference", "character"),
)
"""The names of the numbers of a result, which are also the keys in `results.jsonl`."""

_TYPES: dict[str, Any] = {
    "problem": str,
    "sha256": str,
    "width_px": int,
    "height_px": int,
    "signature": Signature.from_text,
    "scene_signature": Signature.from_text,
    **dict.fromkeys(NUMBERS, float),
}
