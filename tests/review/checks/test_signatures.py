"""Signatures survive saving again, and tell other pictures apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segmind_swap._review.checks.signatures import Signature

from .made import good, look, place, scene

SIGNATURES = st.builds(
    Signature, bits=st.integers(0, 2**64 - 1), colours=st.binary(min_size=432, max_size=432)
)


@given(SIGNATURES)
def test_a_signature_survives_its_text(signature: Signature) -> None:
    text = signature.to_text()
    assert len(text) == 880
    assert Signature.from_text(text) == signature


@given(SIGNATURES, SIGNATURES)
def test_the_means_are_never_further_apart_than_the_colours(first: Signature, second: Signature) -> None:
    assert abs(first.mean - second.mean) <= first.colour_distance(second) + 1e-9
    assert first.bit_distance(second) == second.bit_distance(first)
    assert first.is_near(first, bits=0, colours=0.1)


@pytest.mark.parametrize("text", ["", "12", "g" * 880, "0" * 878, "0" * 882])
def test_another_text_is_no_signature(text: str) -> None:
    with pytest.raises(ValueError, match=r"hexadecimal|invalid literal"):
        Signature.from_text(text)


@pytest.mark.parametrize(
    "options",
    [{"form": "JPEG", "quality": 60}, {"form": "WEBP", "quality": 50}, {"form": "PNG"}],
    ids=lambda options: str(options["form"]),
)
def test_a_picture_that_was_saved_again_or_made_smaller_is_near(options: dict[str, object]) -> None:
    own = look(scene()).signature
    for again in (scene(), scene().resize((240, 180), Image.Resampling.LANCZOS)):
        assert own.is_near(look(again, **options).signature, bits=6, colours=6.0)  # type: ignore[arg-type]
    for other in (place(2), good(3), Image.new("RGB", (480, 360), "grey")):
        assert not own.is_near(look(other).signature, bits=6, colours=6.0)


def test_pictures_of_one_colour_differ_by_their_colours_alone() -> None:
    black, white = (look(Image.new("RGB", (90, 80), colour)).signature for colour in ("black", "white"))
    assert black.bit_distance(white) == 0
    assert black.colour_distance(white) == 255
