"""Inputs are decoded with Pillow: damage, pictures of one colour, and copies that were saved again."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageFilter

from segmind_swap._api.image_header import checked
from segmind_swap._protocols.looks import PictureLook, PictureLooks
from segmind_swap._review.checks.inputs import InputLooks

LOOKS: PictureLooks = InputLooks()


def drawn(seed: int = 0) -> Image.Image:
    image = Image.new("RGB", (240, 160), (90, 120, 20 * seed % 255))
    draw = ImageDraw.Draw(image)
    for number in range(12):
        x, y = (number * 53 + seed * 71) % 240, (number * 37 + seed * 29) % 160
        draw.ellipse((x - 30, y - 20, x + 30, y + 20), fill=(number * 20, 255 - number * 15, seed * 9 % 255))
    return image.filter(ImageFilter.GaussianBlur(1))


def saved(image: Image.Image, form: str, **options: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_sound_picture_has_no_problem_and_is_not_flat(form: str) -> None:
    look = LOOKS.look(saved(drawn(), form))
    assert (look.problem, look.is_damaged, look.is_flat) == ("", False, False)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (30, 90, 200)])
def test_a_picture_of_one_colour_is_flat(colour: tuple[int, int, int]) -> None:
    assert LOOKS.look(saved(Image.new("RGB", (64, 48), colour), "JPEG")).is_flat


def test_damage_that_no_header_shows_is_found() -> None:
    data = bytearray(saved(drawn(), "WEBP", lossless=True))
    late = len(data) // 3
    data[late : late + 300] = b"\xff" * 300
    assert checked(bytes(data), max_bytes=10**7).width_px == 240
    look = LOOKS.look(bytes(data))
    assert look.is_damaged
    assert "cannot be decoded" in look.problem
    assert look.signature is None


def test_a_kind_of_picture_that_pillow_does_not_know_is_not_called_damaged() -> None:
    look = LOOKS.look(b"\xff\xd8 no picture that Pillow knows")
    assert look.problem
    assert not look.is_damaged


def test_copies_that_were_saved_again_are_found_and_flat_or_other_pictures_are_not() -> None:
    pictures = {
        "first": saved(drawn(1), "PNG"),
        "other": saved(drawn(2), "PNG"),
        "again": saved(drawn(1), "JPEG", quality=60),
        "smaller": saved(drawn(1).resize((180, 120)), "PNG"),
        "black": saved(Image.new("RGB", (64, 48)), "PNG"),
        "black too": saved(Image.new("RGB", (96, 64)), "PNG"),
    }
    looks = {key: LOOKS.look(data) for key, data in pictures.items()}
    looks["unknown"] = PictureLook(problem="it cannot be decoded")
    assert LOOKS.near_copies(looks) == {"again": "first", "smaller": "first"}
