"""Any file becomes an upright picture in RGB, or a reason why not."""

import io
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segmind_swap._review.checks.pixels.decoding import PIXEL_LIMIT, UndecodableError, decode

from ....emulator import odd_pictures
from ....support.image_sample import DAMAGES, Damage, pictures
from ..made import data_of, scene


def mean(image: Image.Image, box: tuple[int, int, int, int]) -> tuple[int, ...]:
    return tuple(round(level) for level in image.crop(box).resize((1, 1), Image.Resampling.BOX).tobytes())


@pytest.mark.parametrize(
    ("name", "data"), [*odd_pictures.every_mode_and_form(), *odd_pictures.others(), *odd_pictures.sizes()]
)
def test_a_sound_picture_is_decoded_whatever_is_odd_in_it(name: str, data: bytes) -> None:
    image, size = decode(data, least_px=16)
    assert image.mode == "RGB"
    assert size[0] > 0 < size[1]


@pytest.mark.parametrize(("name", "data", "turns"), [*odd_pictures.every_exif()])
def test_a_picture_is_turned_as_a_viewer_turns_it(name: str, data: bytes, turns: bool) -> None:
    width, height = odd_pictures.SIZE
    image, size = decode(data, least_px=16)
    expected = (height, width) if turns else (width, height)
    assert size == expected
    assert (image.width > image.height) == (expected[0] > expected[1])


def test_each_orientation_shows_the_same_picture() -> None:
    upright = scene()
    undone = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for value, turn in undone.items():
        exif = b"Exif\0\0" + odd_pictures.tiff(odd_pictures.orientation(value))
        image, size = decode(data_of(upright.transpose(turn), exif=exif), least_px=0)
        assert size == upright.size
        assert image.tobytes() == upright.tobytes(), value


def test_sixteen_bits_keep_their_levels() -> None:
    grey = Image.new("I;16", (40, 30), 200 * 257)
    image, _ = decode(data_of(grey), least_px=0)
    assert image.getpixel((5, 5)) == (200, 200, 200)


def test_what_is_behind_transparent_pixels_is_not_seen() -> None:
    clear = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
    image, _ = decode(data_of(clear), least_px=0)
    assert image.getpixel((5, 5)) == (128, 128, 128)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    image, size = decode(data_of(Image.new("RGB", (4000, 3000)), "JPEG"), least_px=256)
    assert size == (4000, 3000)
    assert 256 <= min(image.size) < 1000


def _header_of(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + odd_pictures.chunk(b"IHDR", header) + odd_pictures.chunk(b"IDAT", bytes(50))


# Pillow warns of such a picture itself, and warnings are errors here.
@pytest.mark.parametrize("size", [(20_000, 20_000), (10_001, 10_000), (2_000_000_000, 2)])
def test_a_picture_of_too_many_pixels_is_not_decoded(size: tuple[int, int]) -> None:
    assert size[0] * size[1] > PIXEL_LIMIT
    with pytest.raises(UndecodableError, match="more than 100,000,000 pixels") as caught:
        decode(_header_of(*size), least_px=256)
    assert caught.value.is_too_large


@pytest.mark.parametrize(
    "data", [b"", b"no picture", b"GIF8", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", bytes(5000)]
)
def test_what_is_no_picture_is_undecodable(data: bytes) -> None:
    with pytest.raises(UndecodableError, match="it cannot be decoded") as caught:
        decode(data, least_px=256)
    assert not caught.value.is_too_large


def test_the_reason_says_what_a_file_of_another_type_is() -> None:
    for data, kind in (
        (b"<!doctype html><title>Gone</title>", "no picture but a web page (HTML)"),
        (bytes(4) + b"ftypheic" + bytes(40), "an HEIC picture, as phones take it"),
        (b"\xff\xd8\xff", "damaged at its beginning"),
    ):
        with pytest.raises(UndecodableError, match=re.escape(f"it cannot be decoded: it is {kind}")):
            decode(data, least_px=256)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_was_cut_short_is_undecodable(form: str) -> None:
    data = data_of(scene(), form)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(UndecodableError):
            decode(data[: int(share * len(data))], least_px=256)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damaged_bytes_are_a_picture_or_a_reason(damage: Damage) -> None:
    for picture in [*pictures()][::12]:
        data = damage.apply(picture)
        if data is None:
            continue
        try:
            image, _ = decode(data, least_px=16)
        except UndecodableError as exc:
            assert str(exc).startswith("it ")
        else:
            assert image.mode == "RGB"


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"GIF89a", b"II*\0"]),
)
def test_any_bytes_are_a_picture_or_a_reason(data: bytes, start: bytes) -> None:
    try:
        decode(start + data, least_px=16)
    except UndecodableError as exc:
        assert str(exc)


def test_the_first_picture_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        file = io.BytesIO()
        frames[0].save(file, form, save_all=True, append_images=frames[1:], duration=100)
        image, _ = decode(file.getvalue(), least_px=0)
        assert mean(image, (0, 0, 40, 30))[0] > 200, form
