"""Flags are hints of one number each, and an order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import ResultFlag, ResultFlags, ResultMeasures, Thresholds, flag_results
from segmind_swap._review.checks.measures import NUMBERS

GOOD: dict[str, float] = {
    "spread": 95.0,
    "change": 150.0,
    "background": 0.1,
    "gap": 0.0,
    "bars": 0.0,
    "light": 2.0,
    "shape": 0.0,
    "small": 1.0,
    "reference": 60.0,
    "character": 1.0,
}
BAD: dict[ResultFlag, float] = {
    ResultFlag.BLANK: 2.0,
    ResultFlag.UNCHANGED: 8.0,
    ResultFlag.REFERENCE: 1.5,
    ResultFlag.BACKGROUND: 0.9,
    ResultFlag.GAP: 0.4,
    ResultFlag.BARS: 0.1,
    ResultFlag.SHAPE: 0.2,
    ResultFlag.SMALL: 0.2,
    ResultFlag.LIGHT: 40.0,
}


def measures(**changes: Any) -> ResultMeasures:
    return ResultMeasures(sha256="ab", **{**GOOD, **changes})


def flags_of(found: ResultMeasures, thresholds: Thresholds | None = None) -> ResultFlags:
    return flag_results({"a": found}, thresholds)["a"]


def test_the_numbers_of_each_flag_are_tried_here() -> None:
    assert {flag for flag in ResultFlag if flag.number} == set(BAD)
    assert {flag.number for flag in BAD} <= set(NUMBERS)


def test_a_good_result_has_no_flag_and_a_low_suspicion() -> None:
    found = flags_of(measures())
    assert (found.flags, found.reasons, found.same_as) == ((), (), None)
    assert found.suspicion < 0.5


@pytest.mark.parametrize("flag", BAD)
def test_each_flag_comes_from_its_number_and_its_threshold_alone(flag: ResultFlag) -> None:
    name, threshold = flag.number, getattr(Thresholds(), flag.value)
    assert name is not None
    found = flags_of(measures(**{name: BAD[flag]}))
    assert found.flags == (flag,)
    assert found.suspicion >= 1
    assert len(found.reasons) == 1
    # At the threshold there is no flag, just beyond it there is one.
    assert flags_of(measures(**{name: threshold})).flags == ()
    beyond = threshold - 1e-6 if flag.is_below else threshold + 1e-6
    assert flags_of(measures(**{name: beyond})).flags == (flag,)
    # Another threshold, or none, decides otherwise.
    moved = BAD[flag] / 2 if flag.is_below else min(1.0, BAD[flag] * 1.05)
    moved = moved if flag is not ResultFlag.LIGHT else 50.0
    assert (
        flags_of(measures(**{name: BAD[flag]}), Thresholds().with_settings([f"{flag.value}={moved}"])).flags
        == ()
    )
    assert (
        flags_of(measures(**{name: BAD[flag]}), Thresholds().with_settings([f"{flag.value}=off"])).flags == ()
    )
    # A number that could not be measured is no flag.
    assert flags_of(measures(**{name: None})).flags == ()


def test_a_result_that_cannot_be_decoded_comes_first() -> None:
    worst = {flag.number: number for flag, number in BAD.items() if flag.number}
    found = flag_results(
        {
            "good": measures(),
            "broken": ResultMeasures(sha256="ab", problem="it cannot be decoded: image file is truncated"),
            "bars": measures(bars=0.2),
            "strange": measures(character=0.1),
            "worst": measures(**worst),
        }
    )
    assert sorted([*found][:2]) == ["broken", "worst"]
    assert [*found][2:] == ["bars", "strange", "good"]
    assert found["broken"].flags == (ResultFlag.BROKEN,)
    assert found["broken"].reasons == ("it cannot be decoded: image file is truncated",)
    assert found["worst"].flags == tuple(flag for flag in ResultFlag if flag in BAD)


def test_a_reason_says_the_number_and_the_threshold() -> None:
    reasons = flags_of(measures(background=0.83, small=0.25, light=31.6)).reasons
    assert reasons == (
        "83% of the scene's details are lost (more than 60%)",
        "the picture has 25% of the scene's pixels (less than 50%)",
        "the light differs by 32 levels from the scene's (more than 15)",
    )


def test_the_colours_of_the_reference_are_an_order_and_no_flag() -> None:
    found = flag_results({"a": measures(), "b": measures(character=0.0), "c": measures(character=0.4)})
    assert [*found] == ["b", "c", "a"]
    assert all(one.flags == () and one.suspicion < 1 for one in found.values())


@given(
    st.dictionaries(
        st.sampled_from(NUMBERS), st.none() | st.floats(0, 300, allow_nan=False), max_size=len(NUMBERS)
    )
)
def test_any_numbers_have_flags_and_a_place_in_the_order(numbers: dict[str, float | None]) -> None:
    found = flags_of(ResultMeasures(sha256="ab", **numbers))  # type: ignore[arg-type]  # names of numbers
    assert (found.suspicion >= 1) == bool(found.flags)
    assert 0 <= found.suspicion < 100
    assert len(found.reasons) == len(found.flags)
