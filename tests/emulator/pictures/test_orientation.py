"""The orientation in an EXIF structure."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap.emulator._pictures.orientation import orientation_of

from ..odd_pictures import EXIF, ODD_RATIONAL, SIDEWAYS, entry, orientation, tiff


@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_is_read_in_both_byte_orders(value: int) -> None:
    assert orientation_of(tiff(orientation(value))) == value
    big = struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, 0x0112, 3, 1, value, 0, 0)
    assert orientation_of(big) == orientation_of(b"Exif\0\0" + big) == value


def test_other_odd_values_do_not_hide_the_orientation() -> None:
    assert orientation_of(ODD_RATIONAL) == 6
    assert {name: orientation_of(exif) for name, (exif, _) in EXIF.items()} == {
        name: 6 if turns else 1 for name, (_, turns) in EXIF.items()
    }


@pytest.mark.parametrize("kind", [1, 3, 4])
def test_an_orientation_may_stand_in_any_whole_number(kind: int) -> None:
    assert orientation_of(tiff(entry(0x0112, kind, struct.pack("<I", 8)))) == 8


def test_two_values_are_no_orientation() -> None:
    assert orientation_of(tiff(entry(0x0112, 3, struct.pack("<HH", 6, 6), count=2))) == 1


@given(st.binary(max_size=60), st.integers(0, len(SIDEWAYS) - 1), st.binary(min_size=1, max_size=4))
def test_no_bytes_make_it_fail(junk: bytes, at: int, put: bytes) -> None:
    for exif in (junk, b"II*\0" + junk, SIDEWAYS[:at] + put + SIDEWAYS[at + len(put) :]):
        assert 1 <= orientation_of(exif) <= 8
