"""Inputs in rarer modes."""

import pytest
from PIL import Image

from ..figures import encoded


@pytest.mark.parametrize("mode", ["P", "1", "I;16", "LA", "CMYK"])
def test_a_rarer_kind_of_picture_is_read(mode: str) -> None:
    from segmind_swap.emulator.preview._input import load, opaque

    if mode == "I;16":
        picture = Image.new("I;16", (40, 30), 0x9900)
    else:
        picture = Image.new("RGB", (40, 30), (153, 153, 153)).convert(mode)
    loaded = load(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert loaded.mode in {"L", "LA", "RGB", "RGBA"}
    assert loaded.size == (40, 30)
    if mode != "1":
        assert all(abs(value - 153) <= 3 for value in opaque(loaded).getpixel((20, 15)))  # type: ignore[union-attr]
