"""The thresholds of the flags, each with its source."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches

from ..._errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From which number on a result gets a flag. None turns a flag off.

    The defaults were chosen on made pictures; the documentation's page on the flags has the precision and the
    recall of each. No real result was among them.

    Attributes:
        blank: `spread` below this number of levels.
        unchanged: `change` below this number of levels.
        background: `background` above this share.
        gap: `gap` above this share.
        bars: `bars` above this share.
        light: `light` above this number of levels.
        shape: `shape` above this logarithm.
        small: `small` below this ratio.
        same: The colours of two results differ by less than this number of levels.
        same_bits: And at most so many of the 64 bits of their signatures differ.
        same_scene: And the colours of their scenes differ by more than this number of levels.
        reference: `reference` below this number of levels.
    """

    blank: float | None = 8.0
    unchanged: float | None = 36.0
    background: float | None = 0.60
    gap: float | None = 0.15
    bars: float | None = 0.05
    light: float | None = 15.0
    shape: float | None = 0.03
    small: float | None = 0.5
    same: float | None = 6.0
    same_bits: int = 3
    same_scene: float = 8.0
    reference: float | None = 8.0

    def with_settings(self, settings: Iterable[str]) -> Thresholds:
        """These thresholds with others in their place, each as in `"background=0.5"` or `"light=off"`.

        Raises:
            ConfigurationError: a setting has no such form, names no threshold, or has no possible number.
        """
        found: dict[str, float | int | None] = {}
        for setting in settings:
            name, equals, text = (part.strip() for part in setting.partition("="))
            if not equals:
                raise ConfigurationError(f"{setting!r}: write a name, = and a number, as in background=0.5")
            if name not in NAMES:
                similar = get_close_matches(name, NAMES, n=1)
                meant = f"did you mean {similar[0]}? " if similar else ""
                raise ConfigurationError(f"no flag is called {name!r}: {meant}The names: {', '.join(NAMES)}")
            found[name] = _number(name, text)
        return replace(self, **found)  # type: ignore[arg-type]  # the numbers fit their names


NAMES = tuple(field.name for field in fields(Thresholds))
"""The names of the thresholds."""
_ALWAYS_ON = {"same_bits", "same_scene"}
"""Parts of the flag `same`, which is turned off by its own name."""
_SHARES = {"background", "gap", "bars"}


def _number(name: str, text: str) -> float | int | None:
    if text.lower() == "off" and name not in _ALWAYS_ON:
        return None
    kind = "a share from 0 to 1" if name in _SHARES else "a number from 0 on"
    kind = "a whole number from 0 to 63" if name == "same_bits" else kind
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    most = {"same_bits": 63.0}.get(name, 1.0 if name in _SHARES else math.inf)
    if not (0 <= number <= most and number < math.inf) or (name == "same_bits" and number % 1):
        off = "" if name in _ALWAYS_ON else ", or off"
        raise ConfigurationError(f"{name}={text}: {name} is {kind}{off}")
    return int(number) if name == "same_bits" else number
