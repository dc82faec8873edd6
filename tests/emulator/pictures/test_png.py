"""PNG bytes say that no swap was made."""

from PIL import Image

from segmind_swap.emulator._pictures.png import NOTICE, encode_png

from ..figures import decoded


def test_the_metadata_says_that_no_swap_was_made_and_the_pixels_stay() -> None:
    image = Image.new("RGB", (5, 4), "teal")
    found = decoded(encode_png(image))
    assert found.info["Comment"] == NOTICE == "segmind-swap emulator: no swap was made"
    assert found.info["Software"] == "segmind-swap emulator"
    assert (found.format, found.size, found.tobytes()) == ("PNG", (5, 4), image.tobytes())
