"""The values that hold what was measured."""

import json

import pytest

from segmind_swap import ResultMeasures
from segmind_swap._review.checks.measures import NUMBERS
from segmind_swap._review.checks.signatures import Signature

SIGNATURE = Signature(bits=5, colours=bytes(range(216)) * 2)


def test_measures_survive_json() -> None:
    full = ResultMeasures(
        sha256="ab", width_px=3, height_px=4, signature=SIGNATURE, scene_signature=SIGNATURE,
        **dict.fromkeys(NUMBERS, 0.25),  # type: ignore[arg-type]  # the names are those of numbers
    )  # fmt: skip
    for measures in (full, ResultMeasures(sha256="ab"), ResultMeasures(sha256="ab", problem="it is cut")):
        assert ResultMeasures.from_json(json.loads(json.dumps(measures.to_json()))) == measures


def test_the_numbers_are_those_that_were_measured() -> None:
    assert ResultMeasures(sha256="ab", change=12.345678, small=2).numbers() == {"change": 12.3457, "small": 2}
    assert ResultMeasures(sha256="ab").numbers() == {}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"sha256": "ab", "change": "much"},
        {"sha256": "ab", "change": [1]},
        {"sha256": "ab", "signature": "1"},
    ],
)
def test_other_values_are_no_measures(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no measures|could not convert|hexadecimal|invalid literal"):
        ResultMeasures.from_json(values)


def test_what_a_newer_version_measured_is_left_out() -> None:
    assert ResultMeasures.from_json({"sha256": "ab", "beauty": 0.9}) == ResultMeasures(sha256="ab")
