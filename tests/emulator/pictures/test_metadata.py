"""Metadata is taken out of a file, and its pixels stay."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap.emulator._pictures.metadata import separate_exif

from ..figures import decoded, encoded
from ..odd_pictures import SIDEWAYS, chunk, in_mode, others, srgb, with_chunk

PNG, JPEG = encoded(in_mode("RGB")), encoded(in_mode("RGB"), "JPEG")


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_exif_structure_is_returned_beside_a_file_without_it(form: str) -> None:
    data = encoded(in_mode("RGB"), form, exif=b"Exif\0\0" + SIDEWAYS)
    pixels, exif = separate_exif(data)
    assert exif == SIDEWAYS
    assert decoded(pixels).tobytes() == decoded(data).tobytes()
    assert "exif" not in decoded(pixels).info


def test_a_long_exif_structure_in_several_segments_is_put_together() -> None:
    parts = SIDEWAYS[:20], SIDEWAYS[20:]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", 8 + len(part)) + b"Exif\0\0" + part for part in parts)
    assert separate_exif(JPEG[:2] + segments + JPEG[2:]) == (JPEG, SIDEWAYS)


def test_a_file_without_metadata_is_the_same_file_afterwards() -> None:
    webp = encoded(in_mode("RGB"), "WEBP")
    for data in (PNG, JPEG, webp, b"", b"no picture"):
        assert separate_exif(data) == (data, b"")


def test_a_profile_stays_unless_it_is_too_long_for_pillow() -> None:
    short = encoded(in_mode("RGB"), icc_profile=srgb())
    assert separate_exif(short) == (short, b"")
    long = encoded(in_mode("RGB"), icc_profile=srgb() + bytes(2_000_000))
    assert "icc_profile" not in decoded(separate_exif(long)[0]).info


def test_an_animation_becomes_its_first_picture() -> None:
    found = {name: separate_exif(data)[0] for name, data in others()}
    assert getattr(decoded(found["two pictures PNG"]), "n_frames", 1) == 1
    assert decoded(found["two pictures MPO"]).format == "JPEG"


@given(st.sampled_from([PNG, JPEG]), st.data())
def test_no_damage_makes_it_fail(data: bytes, drawn: st.DataObject) -> None:
    at = drawn.draw(st.integers(0, len(data)))
    junk = drawn.draw(st.binary(max_size=12))
    for damaged in (data[:at], data[:at] + junk + data[at:], data[:at] + junk):
        pixels, exif = separate_exif(damaged)
        assert len(pixels) + len(exif) <= len(damaged)


def test_a_chunk_that_claims_more_than_there_is_ends_the_search() -> None:
    cut = with_chunk(PNG, b"tEXt", b"Comment\0text")[:50]
    assert separate_exif(cut)[1] == b""
    endless = PNG[:33] + b"\xff\xff\xff\xfftEXt" + chunk(b"eXIf", SIDEWAYS)
    assert separate_exif(endless)[1] == b""
