"""A PIL image is sent as what viewers show: upright, in its colours, and not larger than its file."""

import io
import os
import threading
from pathlib import Path
from typing import BinaryIO

import anyio
import pytest
from PIL import Image, ImageOps

from segmind_swap._api.image_header import LoadedImage
from segmind_swap._errors import ImageError
from segmind_swap._swap.images import load
from segmind_swap._swap.uploads import Uploads

from ..support.image_sample import ORIENTATION, drawing, exif, saved
from ..support.pictures import LIMIT
from ..support.sessions import session_of

SRGB_HEAD = bytes(12) + b"mntrRGB " + bytes(110)
CMYK_HEAD = bytes(12) + b"prtrCMYK" + bytes(110)


def sent(image: Image.Image, *, limit: int = LIMIT) -> Image.Image:
    """What the service gets."""
    picture = load(image, max_bytes=limit)
    assert isinstance(picture, LoadedImage)
    found = Image.open(io.BytesIO(picture.data))
    found.load()
    return found


def opened(form: str, image: Image.Image | None = None, **options: object) -> Image.Image:
    return Image.open(io.BytesIO(saved(image or drawing(), form, **options)))


def colours(image: Image.Image) -> list[tuple[int, ...]]:
    pixels = [image.convert("RGBA").getpixel(spot) for spot in ((3, 3), (40, 3), (3, 24))]
    return [tuple(round(value / 64) for value in pixel) for pixel in pixels if isinstance(pixel, tuple)]


COLOURED = ["P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
GREY = ["L", "LA", "La", "I", "F"]


@pytest.mark.parametrize("mode", COLOURED)
def test_every_mode_of_colour_keeps_its_colours(mode: str) -> None:
    assert colours(sent(drawing(mode))) == colours(drawing())


@pytest.mark.parametrize("mode", GREY)
def test_every_mode_of_grey_keeps_its_greys(mode: str) -> None:
    assert colours(sent(drawing(mode))) == colours(drawing("L"))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_mode_that_png_has_is_kept_without_loss(mode: str) -> None:
    image = drawing(mode)
    found = sent(image)
    assert (found.format, found.mode, found.tobytes()) == ("PNG", mode, image.tobytes())


@pytest.mark.parametrize("mode", ["I;16B", "I;16L"])
def test_16_bits_in_another_order_are_grey(mode: str) -> None:
    assert colours(sent(drawing("I").convert(mode))) == colours(drawing("L"))


@pytest.mark.parametrize(
    ("mode", "values", "greys"),
    [
        ("I", (0, 128, 255), (0, 128, 255)),
        ("I", (0, 32768, 65535), (0, 128, 255)),
        ("I", (-100, 0, 100), (0, 127, 255)),
        ("I", (0, 1 << 20, 1 << 21), (0, 127, 255)),
        ("I", (7, 7, 7), (7, 7, 7)),
        ("F", (0, 0.5, 1), (0, 127, 255)),
        ("F", (0, 0, 0), (0, 0, 0)),
        ("F", (0, 100, 255), (0, 100, 255)),
        ("F", (-1, 0, 1), (0, 127, 255)),
    ],
)
def test_numbers_of_any_range_become_greys(
    mode: str, values: tuple[float, ...], greys: tuple[int, ...]
) -> None:
    image = Image.new(mode, (3, 1))
    for x, value in enumerate(values):
        image.putpixel((x, 0), value)
    assert tuple(sent(image).tobytes()) == pytest.approx(greys, abs=1)


def test_transparency_is_kept() -> None:
    palette = opened("PNG", drawing("P"), transparency=bytes([0] * 256))
    assert sent(palette).convert("RGBA").getchannel("A").getextrema() == (0, 0)
    key = opened("PNG", drawing(), transparency=(255, 0, 0))
    assert sent(key).convert("RGBA").getpixel((3, 3)) == (255, 0, 0, 0)
    half = drawing("RGBA")
    half.putalpha(100)
    for mode in ("RGBA", "RGBa"):
        assert sent(half.convert(mode)).convert("RGBA").getchannel("A").getextrema() == (100, 100)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 40}])
def test_a_jpeg_stays_a_jpeg_of_its_quality(options: dict[str, object]) -> None:
    image = opened("JPEG", drawing(size=(300, 200)), **options)
    found = sent(image)
    assert found.format == "JPEG"
    assert getattr(found, "quantization") == getattr(image, "quantization")  # noqa: B009
    assert getattr(found, "layer") == getattr(image, "layer")  # noqa: B009 - the subsampling
    assert image.format == "JPEG"


def test_a_photo_of_a_phone_does_not_grow() -> None:
    noise = Image.frombytes("RGB", (600, 400), os.urandom(600 * 400 * 3))
    data = saved(noise, "JPEG", quality=95, exif=exif(6))
    picture = load(Image.open(io.BytesIO(data)), max_bytes=LIMIT)
    assert isinstance(picture, LoadedImage)
    assert len(picture.data) < len(data) * 1.1
    # The pixels of a changed image are not those of its file: it is a PNG, unless that is too large.
    changed = Image.open(io.BytesIO(data)).convert("RGB")
    assert sent(changed).format == "PNG"
    as_jpeg = sent(changed, limit=len(data) * 2)
    assert as_jpeg.format == "JPEG"
    assert ImageOps.exif_transpose(as_jpeg).size == (400, 600)


def test_pixels_that_were_changed_in_place_are_sent_as_they_are() -> None:
    image = opened("JPEG", exif=exif(6))
    image.paste("yellow", (0, 0, 44, 28))
    assert colours(ImageOps.exif_transpose(sent(image)).resize((44, 28))) == [(4, 4, 0, 4)] * 3
    turned = ImageOps.exif_transpose(opened("JPEG", exif=exif(6)))
    assert sent(turned).size == (28, 44)
    assert ORIENTATION not in sent(turned).getexif()


def test_an_mpo_is_its_first_picture() -> None:
    both = opened("MPO", save_all=True, append_images=[drawing(size=(20, 20))])
    assert both.format == "MPO"
    assert (sent(both).format, sent(both).size) == ("JPEG", (44, 28))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_current_frame_is_sent(form: str) -> None:
    image = opened(form, save_all=True, append_images=[Image.new("RGB", (44, 28), "white")])
    assert colours(sent(image)) == colours(drawing())
    image.seek(1)
    assert colours(sent(image)) == [(4, 4, 4, 4)] * 3


@pytest.mark.parametrize(
    ("mode", "form", "head", "is_kept"),
    [
        ("RGB", "JPEG", SRGB_HEAD, True),
        ("RGB", "PNG", SRGB_HEAD, True),
        ("CMYK", "JPEG", CMYK_HEAD, True),
        ("CMYK", "TIFF", CMYK_HEAD, True),
        ("YCbCr", None, SRGB_HEAD, True),
        ("RGB", None, CMYK_HEAD, False),
        ("L", "PNG", SRGB_HEAD, False),
        ("LAB", None, SRGB_HEAD.replace(b"RGB ", b"Lab "), False),
        ("RGB", None, b"junk", False),
        ("RGB", None, None, False),
    ],
)
def test_a_profile_is_kept_if_it_fits_the_colours(
    mode: str, form: str | None, head: bytes | None, is_kept: bool
) -> None:
    image = drawing(mode)
    image.info["icc_profile"] = head
    if form is not None:
        image = opened(form, image, icc_profile=head)
    assert sent(image).info.get("icc_profile") == (head if is_kept else None)


def test_exif_data_that_cannot_be_read_turn_nothing() -> None:
    image = drawing()
    image.info["exif"] = b"Exif\0\0junk"
    assert sent(image).size == (44, 28)
    odd = opened("PNG", exif=exif(6)[:-8])
    assert sent(odd).size in {(44, 28), (28, 44)}


def test_a_subclass_of_an_image_is_an_image() -> None:
    class Special(Image.Image):
        pass

    image = drawing("CMYK")
    image.__class__ = Special
    assert sent(image).mode == "CMYK"


def test_an_image_whose_file_is_cut_short_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "portrait.jpg"
    path.write_bytes(saved(drawing(size=(300, 200)), "JPEG")[:2000])
    words = rf"the JpegImageFile object of {path}: it could not be read: OSError: .*truncated"
    with Image.open(path) as image, pytest.raises(ImageError, match=words):
        load(image, max_bytes=LIMIT)


@pytest.mark.parametrize(("mode", "form"), [("RGB", "JPEG"), ("RGBA", "PNG"), ("I;16", "PNG")])
def test_an_image_that_becomes_too_large_is_told_as_what_was_made_of_it(mode: str, form: str) -> None:
    noise = Image.frombytes("RGB", (40, 30), os.urandom(40 * 30 * 3)).convert("I" if mode == "I;16" else mode)
    with pytest.raises(ImageError, match=f"the {form} made of it has .* larger than 1,000 bytes") as caught:
        load(noise.convert(mode), max_bytes=1000)
    assert caught.value.image == "the Image object"


def test_an_image_that_cannot_be_saved_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="the Image object: it could not be saved as PNG"):
        load(Image.new("RGB", (0, 0)), max_bytes=LIMIT)


def test_any_object_that_saves_itself_will_do() -> None:
    class Plot:
        def save(self, fp: BinaryIO, format: str | None = None) -> None:  # noqa: A002
            fp.write(saved(drawing(), format or ""))

    class Broken:
        def save(self, fp: BinaryIO, format: str | None = None) -> None:  # noqa: A002
            raise RuntimeError("no canvas")

    picture = load(Plot(), max_bytes=LIMIT)
    assert isinstance(picture, LoadedImage)
    assert picture.media_type == "image/png"
    with pytest.raises(
        ImageError, match="the Broken object: it could not be saved as PNG: RuntimeError: no canvas"
    ):
        load(Broken(), max_bytes=LIMIT)


@pytest.mark.real_time
async def test_an_image_that_many_swaps_share_is_encoded_by_one_thread_at_a_time() -> None:
    """Pillow reads the file of an image when the image is first used."""
    at_once: list[int] = []
    inside = threading.Semaphore(100)

    class Shared:
        def save(self, fp: BinaryIO, format: str | None = None) -> None:  # noqa: A002
            with inside:
                at_once.append(100 - inside._value)
                threading.Event().wait(0.005)
                fp.write(saved(drawing(), format or ""))

    uploads = Uploads(session_of(None))
    image = Shared()

    async def one() -> None:
        async with uploads.loaded(image):
            pass

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(one)
    assert at_once == [1] * 6
