"""What decoders read is taken, and what is cut short is refused: on some thousand made pictures.

`python -m tests.support.image_sample` prints the table for the whole sample.
"""

import io
from collections.abc import Iterator

import pytest
from PIL import Image, ImageOps

from segmind_swap._api.image_header import LoadedImage
from segmind_swap._swap.images import load

from ..support.image_sample import DAMAGES, LIMIT, Picture, Row, drawing, exif, pictures, rows, saved, table

SAMPLE = pictures(orientations=(1, 6, 8))


@pytest.fixture(scope="module")
def found() -> list[Row]:
    return list(rows(SAMPLE))


def described(rows: Iterator[Row]) -> list[str]:
    return [f"{row.picture.name} | {row.damage.name} | {row.problem}" for row in rows]


def test_no_picture_that_can_be_decoded_and_has_its_end_is_refused(found: list[Row]) -> None:
    assert len(found) > 4000
    assert described(row for row in found if row.is_refused_wrongly) == []
    assert sum(row.is_taken and row.is_decodable for row in found) > 1500


def test_each_picture_that_is_cut_short_is_refused(found: list[Row]) -> None:
    # Zeros in the end of a WebP are pixels; a cut in the second picture of an MPO leaves the first whole.
    cut = [
        row
        for row in found
        if row.damage.is_cut and "zeros" not in row.damage.name and row.picture.form != "MPO"
    ]
    assert len(cut) > 700
    assert described(row for row in cut if row.is_taken) == []


def test_every_whole_picture_is_taken(found: list[Row]) -> None:
    whole = [row for row in found if row.damage.name == "none"]
    assert {row.picture.form for row in whole} == {"JPEG", "MPO", "PNG", "WebP"}
    assert described(row for row in whole if not row.is_taken or not row.is_decodable) == []


def test_few_pictures_that_cannot_be_decoded_are_taken(found: list[Row]) -> None:
    """Nothing is decoded: a wrong bit inside can be missed. Another damage is not."""
    missed = [row for row in found if row.is_taken and not row.is_decodable]
    assert len(missed) < len(found) / 12
    always_seen = {"noise as pixels, right checksum", "zeros everywhere", "bytes after the first marker"}
    assert not always_seen & {row.damage.name for row in missed}


def test_the_table_has_a_row_for_each_damage(found: list[Row]) -> None:
    lines = table(found).splitlines()
    names = list(dict.fromkeys(damage.name for damage in DAMAGES))
    assert [line.split(" | ")[0].lstrip("| ") for line in lines[2:-1]] != []
    assert sorted(line.split(" | ")[0].lstrip("| ") for line in lines[2:-1]) == sorted(names)
    assert sum(int(cell) for cell in lines[-1].strip("| ").split(" | ")[1:]) == len(found)


def upright(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA").convert("RGB")


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The red, green and blue corners, rounded, so that the losses of a JPEG do not count."""
    width, height = image.size
    spots = [(3, 3), (width - 4, 3), (3, height - 4)]
    pixels = [image.getpixel(spot) for spot in spots]
    return [tuple(round(value / 255) for value in pixel) for pixel in pixels if isinstance(pixel, tuple)]


def loaded(image: Image.Image) -> LoadedImage:
    picture = load(image, max_bytes=LIMIT)
    assert isinstance(picture, LoadedImage)
    return picture


_PROBE = [picture for picture in SAMPLE if min(upright(picture.data).size) > 8 and "type" not in picture.name]


@pytest.mark.parametrize("picture", _PROBE, ids=lambda picture: picture.name)
def test_a_pil_image_shows_what_its_file_shows(picture: Picture) -> None:
    with Image.open(io.BytesIO(picture.data)) as image:
        sent = loaded(image)
    expected, seen = upright(picture.data), upright(sent.data)
    assert seen.size == expected.size
    if image.mode != "I;16":  # Pillow cuts such an image to white when it makes colours of it
        assert corners(seen) == corners(expected)
    is_jpeg = picture.form in {"JPEG", "MPO"}
    assert sent.media_type == ("image/jpeg" if is_jpeg else "image/png")
    # A profile of colours is of no use in a grey file.
    kept = Image.open(io.BytesIO(sent.data)).info.get("icc_profile")
    assert (kept is not None) is ("with a profile" in picture.name and image.mode == "RGB")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_survives_in_every_format(form: str, orientation: int) -> None:
    data = saved(
        drawing(size=(48, 32)), form, exif=exif(orientation)[6:] if form == "TIFF" else exif(orientation)
    )
    for image in (Image.open(io.BytesIO(data)), Image.open(io.BytesIO(data)).convert("RGB")):
        seen = upright(loaded(image).data)
        assert seen.size == ((32, 48) if orientation > 4 else (48, 32))
        assert corners(seen) == corners(upright(data))
