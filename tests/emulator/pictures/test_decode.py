"""Inputs are decoded whatever metadata, mode or profile they have."""

import warnings

import pytest
from PIL import Image, ImageChops, ImageStat

from segmind_swap.emulator._pictures import decode as decode_module
from segmind_swap.emulator._pictures.decode import UnusablePictureError, decode

from .. import odd_pictures
from ..figures import encoded
from ..odd_pictures import SIZE, in_mode, srgb

UPRIGHT, TURNED = SIZE, SIZE[::-1]


def average(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image.convert("RGB")).mean


@pytest.mark.parametrize(
    ("name", "data"),
    [*odd_pictures.every_mode_and_form(), *odd_pictures.others(), *odd_pictures.sizes()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sound_picture_is_decoded_in_one_of_four_modes(name: str, data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = decode(data)
    assert image.mode in {"L", "LA", "RGB", "RGBA"}
    assert set(image.info) <= {"icc_profile", "gamma", "chromaticity", "srgb"}
    # 32-bit pictures are clipped where Pillow writes them in 8 bits, and the patterns show no scene.
    is_scene = not name.startswith(
        ("16 bits", "interlaced", "2 bits", "clear", "palette", "I WEBP", "I;", "F")
    )
    if is_scene and image.size == SIZE:
        assert abs(average(image.convert("L"))[0] - average(in_mode("L"))[0]) < 5


def test_each_exif_structure_turns_the_picture_as_a_viewer_does() -> None:
    for name, data, turns in odd_pictures.every_exif():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decode(data).size == (TURNED if turns else UPRIGHT), name


@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_makes_the_picture_upright(value: int) -> None:
    upright = in_mode("RGB")
    back = {6: 8, 8: 6}.get(value, value)
    turn = decode_module._TURNS.get(back)
    stored = upright if turn is None else upright.transpose(turn)
    data = encoded(stored, exif=odd_pictures.tiff(odd_pictures.orientation(value)))
    assert decode(data).tobytes() == upright.tobytes()


def test_a_profile_is_kept_where_the_pixels_are_still_in_its_space() -> None:
    for name, data, keeps in odd_pictures.every_profile():
        assert decode(data).info.get("icc_profile") == (srgb() if keeps else None), name
    grey = encoded(in_mode("L"), icc_profile=srgb())
    assert "icc_profile" not in decode(grey).info, "a profile of RGB says nothing about grey pixels"


def test_sixteen_bits_of_grey_are_scaled_and_not_clipped() -> None:
    image = decode(encoded(in_mode("I;16")))
    assert ImageChops.difference(image, in_mode("L")).getbbox() is None
    clear = decode(dict(odd_pictures.others())["clear colour I;16"])
    assert clear.mode == "LA"
    assert clear.getchannel("A").histogram()[0] == in_mode("L").histogram()[90]


@pytest.mark.parametrize("colour", ["#ff0000", "#00ff00", "#0000ff", "#ffffff", "#000000", "#996633"])
def test_cmyk_has_the_colours_that_were_put_in(colour: str) -> None:
    scene = Image.new("RGB", (40, 30), colour)
    found = decode(encoded(scene.convert("CMYK"), "JPEG", quality=95))
    assert found.mode == "RGB"
    assert all(abs(a - b) < 6 for a, b in zip(average(found), average(scene), strict=True))


def test_a_jpeg_may_be_decoded_at_a_fraction_and_a_lossless_one_is_decoded_all_the_same() -> None:
    large = Image.new("RGB", (1600, 1200), "teal")
    assert decode(encoded(large, "JPEG"), least_px=150).size == (200, 150)
    assert decode(encoded(large), least_px=150).size == (1600, 1200)
    grey = in_mode("L")
    for least_px in (None, 1):
        assert decode(odd_pictures.lossless_jpeg(grey), least_px=least_px).tobytes() == grey.tobytes()


def test_a_limit_of_the_emulator_is_called_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "PIXEL_LIMIT", 6911)
    with pytest.raises(
        UnusablePictureError, match=r"96 x 72 pixels are too many for the emulator, .*Segmind may"
    ):
        decode(encoded(in_mode("1")))
    monkeypatch.setattr(decode_module, "PIXEL_LIMIT", 6912)
    decode(encoded(in_mode("1")))
