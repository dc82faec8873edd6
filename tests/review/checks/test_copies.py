"""Copies of inputs, and results that are the same as others."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import (
    Measurer,
    PictureMeasures,
    ResultFlag,
    ResultMeasures,
    Thresholds,
    find_copies,
    flag_results,
)
from segmind_swap._review.checks.copies import SignatureIndex, other_result_of
from segmind_swap._review.checks.signatures import Signature

from .made import data_of, good, place, scene


def signature(seed: int, *, flips: int = 0, by: int = 0) -> Signature:
    """A signature of its own for each seed; with `flips` other bits, and colours `by` levels away."""
    rng = Random(seed)
    bits, colours = rng.getrandbits(64), rng.randbytes(432)
    for bit in Random(flips).sample(range(64), flips):
        bits ^= 1 << bit
    return Signature(bits=bits, colours=bytes(min(255, level + by) for level in colours))


def result(own: Signature | None, scene: Signature | None, spread: float = 90.0) -> ResultMeasures:
    return ResultMeasures(sha256="ab", spread=spread, signature=own, scene_signature=scene)


def test_identical_and_saved_again_inputs_are_found() -> None:
    inputs = {
        "a": data_of(scene()),
        "b": data_of(place(5)),
        "a again": data_of(scene()),
        "a as jpeg": data_of(scene(), "JPEG", quality=70),
        "a smaller": data_of(scene().resize((240, 180))),
        "another": data_of(good(9)),
        "no picture": b"no picture",
        "no picture either": b"no picture",
    }
    with Measurer() as measurer:
        found = find_copies({key: measurer.measure_picture(data) for key, data in inputs.items()})
    assert {key: (copy.original, copy.is_identical) for key, copy in found.items()} == {
        "a again": ("a", True),
        "a as jpeg": ("a", False),
        "a smaller": ("a", False),
        "no picture either": ("no picture", True),
    }


def test_pictures_of_one_colour_are_copies_only_if_they_are_identical() -> None:
    flat = Signature(bits=0, colours=bytes(432))
    found = find_copies(
        {
            "a": PictureMeasures(sha256="1", spread=0.5, signature=flat),
            "b": PictureMeasures(sha256="2", spread=0.5, signature=flat),
            "c": PictureMeasures(sha256="1", spread=0.5, signature=flat),
        }
    )
    assert {key: copy.original for key, copy in found.items()} == {"c": "a"}


def test_results_of_other_scenes_that_are_the_same_are_flagged_and_name_each_other() -> None:
    same = signature(1)
    found = flag_results(
        {
            "a": result(same, signature(10)),
            "b": result(signature(1, flips=3, by=4), signature(11)),
            "c": result(signature(2), signature(12)),
        }
    )
    assert {key: one.same_as for key, one in found.items()} == {"a": "b", "b": "a", "c": None}
    assert found["a"].flags == (ResultFlag.SAME,)
    assert found["a"].reasons == ("the picture is the same as that of b, of another scene",)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(result(signature(1), signature(10, by=3)), id="its scene is the same"),
        pytest.param(result(signature(1, flips=4), signature(11)), id="four bits differ"),
        pytest.param(result(signature(1, by=40), signature(11)), id="the colours differ"),
        pytest.param(result(signature(1), signature(11), spread=2.0), id="it is one colour"),
        pytest.param(result(signature(1), None), id="its scene is not known"),
        pytest.param(result(None, signature(11)), id="it has no signature"),
    ],
)
def test_other_results_are_not_the_same(second: ResultMeasures) -> None:
    assert other_result_of({"a": result(signature(1), signature(10)), "b": second}, Thresholds()) == {}


def test_the_thresholds_of_sameness_matter() -> None:
    results = {
        "a": result(signature(1), signature(10)),
        "b": result(signature(1, flips=5, by=9), signature(11)),
    }
    assert other_result_of(results, Thresholds()) == {}
    assert other_result_of(results, Thresholds(same=12.0, same_bits=5)) == {"a": "b", "b": "a"}
    assert other_result_of(results, Thresholds(same=12.0, same_bits=4)) == {}
    assert other_result_of(results, Thresholds(same=4.0, same_bits=5)) == {}
    assert other_result_of(results, Thresholds(same=12.0, same_bits=5, same_scene=200.0)) == {}
    assert other_result_of(results, Thresholds(same=None, same_bits=5)) == {}


def test_of_several_results_of_one_scene_each_names_a_result_of_another() -> None:
    results = {key: result(signature(1), signature(10)) for key in ("a", "b", "c")}
    assert other_result_of(results, Thresholds()) == {}
    found = other_result_of({**results, "d": result(signature(1), signature(11))}, Thresholds())
    assert found == {"a": "d", "b": "d", "c": "d", "d": "a"}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12)), max_size=25),
    st.integers(0, 63),
)
def test_the_index_finds_the_same_as_comparing_each_with_each(
    made: list[tuple[int, int, int]], bits: int
) -> None:
    signatures = [signature(seed, flips=flips, by=by) for seed, flips, by in made]
    index = SignatureIndex(bits=bits, colours=7.0)
    for number, one in enumerate(signatures):
        near = [
            str(other) for other in range(number) if one.is_near(signatures[other], bits=bits, colours=7.0)
        ]
        assert index.find(one) == (near[0] if near else None)
        index.add(str(number), one)
