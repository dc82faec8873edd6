"""The flags of results: what a person should look at first. A flag decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .copies import other_result_of
from .measures import ResultMeasures
from .thresholds import Thresholds


class ResultFlag(StrEnum):
    """Why a result should be looked at, the gravest first. Each is a hint, and often wrong."""

    BROKEN = "broken"
    """The file cannot be decoded."""
    BLANK = "blank"
    """The picture is one colour."""
    UNCHANGED = "unchanged"
    """The picture is the scene: nobody was replaced."""
    REFERENCE = "reference"
    """The picture is the reference."""
    SAME = "same"
    """The picture is the result of another scene."""
    BACKGROUND = "background"
    """Much besides the character differs from the scene."""
    GAP = "gap"
    """A part of the picture is empty, and is not empty in the scene."""
    BARS = "bars"
    """The picture has bars of one colour along its sides."""
    SHAPE = "shape"
    """The picture has another aspect ratio than the scene."""
    SMALL = "small"
    """The picture has far fewer pixels than the scene."""
    LIGHT = "light"
    """The picture is much brighter, darker or of another tint than the scene. That may be no fault."""

    @property
    def number(self) -> str | None:
        """The name of the number in `ResultMeasures` that this flag looks at; None if there is none."""
        return _NUMBERS.get(self)

    @property
    def is_below(self) -> bool:
        """Whether a number below the threshold makes the flag, and not one above."""
        return self in _BELOW


R = ResultFlag
_NUMBERS = {
    R.BLANK: "spread",
    R.UNCHANGED: "change",
    R.REFERENCE: "reference",
    R.BACKGROUND: "background",
    R.GAP: "gap",
    R.BARS: "bars",
    R.SHAPE: "shape",
    R.SMALL: "small",
    R.LIGHT: "light",
}
_BELOW = {R.BLANK, R.UNCHANGED, R.REFERENCE, R.SMALL, R.SAME}
_TEXTS = {
    R.BLANK: "the picture is one colour: it varies by {number:.1f} levels (less than {threshold:g})",
    R.UNCHANGED: "the picture is the scene: it differs by {number:.0f} levels (less than {threshold:g})",
    R.REFERENCE: "the picture is the reference: it differs by {number:.1f} levels (less than {threshold:g})",
    R.BACKGROUND: "{number:.0%} of the scene's details are lost (more than {threshold:.0%})",
    R.GAP: "one colour is in the place of {number:.0%} of the scene's details (more than {threshold:.0%})",
    R.BARS: "bars of one colour cover {number:.0%} of the picture (more than {threshold:.0%})",
    R.SHAPE: "the shape differs by {number:.1%} from the scene's (more than {threshold:.1%})",
    R.SMALL: "the picture has {number:.0%} of the scene's pixels (less than {threshold:.0%})",
    R.LIGHT: "the light differs by {number:.0f} levels from the scene's (more than {threshold:g})",
}
_ALL_OR_NOTHING = {ResultFlag.SHAPE, ResultFlag.SMALL}
"""A number near to the threshold of these flags is no suspicion."""
_LEAST_CHARACTER = 0.5
"""Below this share of the reference's colours, a result without flags comes earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFlags:
    """The flags of one result, and its place in the order to look in.

    Attributes:
        flags: The flags, the gravest first; empty if nothing is suspicious.
        reasons: A sentence for each flag, with its number and its threshold.
        same_as: The other result that this one is the same as, by its key; None without that flag.
        suspicion: The higher, the earlier the result should be looked at. 1 or more if it has a flag.
    """

    flags: tuple[ResultFlag, ...]
    reasons: tuple[str, ...]
    same_as: str | None
    suspicion: float


def flag_results(
    results: Mapping[str, ResultMeasures], thresholds: Thresholds | None = None
) -> dict[str, ResultFlags]:
    """The flags of each result, by its key, the most suspicious result first.

    Args:
        results: The measures of all results of a batch, by a key of the caller's, such as the id of the swap.
        thresholds: The thresholds; None for the defaults.
    """
    thresholds = thresholds or Thresholds()
    same = other_result_of(results, thresholds)
    found = {key: _flags_of(measures, thresholds, same.get(key)) for key, measures in results.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].suspicion))


def _flags_of(measures: ResultMeasures, thresholds: Thresholds, same_as: str | None) -> ResultFlags:
    flags: dict[ResultFlag, str] = {}
    weight, nearest = 0.0, 0.0
    if measures.problem is not None:
        flags[ResultFlag.BROKEN] = measures.problem
        weight = 10.0
    for flag, name in _NUMBERS.items():
        number, threshold = getattr(measures, name), getattr(thresholds, flag.value)
        if number is None or threshold is None:
            continue
        closeness = _closeness(number, threshold, is_below=flag.is_below)
        if (number < threshold) if flag.is_below else (number > threshold):
            flags[flag] = _TEXTS[flag].format(number=number, threshold=threshold)
            weight += min(closeness, 3.0)
        elif flag not in _ALL_OR_NOTHING:
            nearest = max(nearest, closeness)
    if same_as is not None:
        flags[ResultFlag.SAME] = f"the picture is the same as that of {same_as}, of another scene"
        weight += 2.0
    ordered = [flag for flag in ResultFlag if flag in flags]
    if not ordered and measures.character is not None:
        nearest = max(nearest, 1 - measures.character / (2 * _LEAST_CHARACTER))
    return ResultFlags(
        flags=tuple(ordered),
        reasons=tuple(flags[flag] for flag in ordered),
        same_as=same_as,
        suspicion=max(1.0, weight) if ordered else min(nearest, 0.999),
    )


def _closeness(number: float, threshold: float, *, is_below: bool) -> float:
    """How near a number is to its threshold: 1 at the threshold, more beyond."""
    large, small = (threshold, number) if is_below else (number, threshold)
    return large / small if small > 0 else (3.0 if large > 0 else 1.0)
