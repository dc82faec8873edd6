"""The thresholds, and how a user sets them."""

from dataclasses import fields

import pytest

from segmind_swap import ConfigurationError, ResultFlag, Thresholds
from segmind_swap._review.checks.thresholds import NAMES


def test_each_flag_of_a_number_has_a_threshold() -> None:
    assert {flag.value for flag in ResultFlag} - {"broken"} <= set(NAMES)


def test_each_threshold_is_explained() -> None:
    documented = Thresholds.__doc__ or ""
    assert [name for name in NAMES if f"        {name}: " not in documented] == []
    assert len(NAMES) == len(fields(Thresholds))


def test_a_setting_changes_its_threshold_alone() -> None:
    changed = Thresholds().with_settings(["background=0.5", " light = off ", "same_bits=8"])
    assert (changed.background, changed.light, changed.same_bits) == (0.5, None, 8)
    assert changed.with_settings(["background=0.6", "light=15", "same_bits=3"]) == Thresholds()
    assert Thresholds().with_settings([]) == Thresholds()


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("background", "write a name, = and a number, as in background=0.5"),
        (
            "backgroud=0.5",
            "no flag is called 'backgroud': did you mean background? The names: blank, unchanged,",
        ),
        ("=0.5", "no flag is called ''"),
        ("background=50", "background=50: background is a share from 0 to 1, or off"),
        ("background=", "background=: background is a share from 0 to 1, or off"),
        ("light=much", "light is a number from 0 on, or off"),
        ("light=-1", "light is a number from 0 on, or off"),
        ("light=nan", "light is a number"),
        ("light=inf", "light is a number"),
        ("same_bits=off", "same_bits is a whole number from 0 to 63"),
        ("same_bits=2.5", "same_bits is a whole number from 0 to 63"),
        ("same_bits=64", "same_bits is a whole number from 0 to 63"),
        ("same_scene=off", "same_scene is a number from 0 on"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_can(setting: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Thresholds().with_settings(["light=20", setting])
    assert problem in str(caught.value)
