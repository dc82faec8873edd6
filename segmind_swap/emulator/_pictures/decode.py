"""Decodes an input: upright, in 8 bits, in mode L, LA, RGB or RGBA, with the colour space of its pixels."""

from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from .metadata import ICC_LIMIT_BYTES, separate_exif
from .orientation import orientation_of

_FORMATS = ("JPEG", "PNG", "WEBP")

PIXEL_LIMIT = 80_000_000
"""The limit of width times height. A decoded picture of this size takes 320 MB."""

_OWN_LIMIT = (
    f"for the emulator, which takes at most {PIXEL_LIMIT // 1_000_000} megapixels; Segmind may take it"
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture becomes upright, by its EXIF orientation."""

_EIGHT_OF_SIXTEEN = [round(value * 255 / 65535) for value in range(65536)]


class UnusablePictureError(Exception):
    """The picture cannot be decoded. The text is the reason, as the reason of a failed job."""


def decode(data: bytes, *, least_px: int | None = None) -> Image.Image:
    """The picture, upright, in mode L, LA, RGB or RGBA.

    Its ``info`` holds nothing but the colour space of these pixels, as far as a PNG can say it:
    ``icc_profile``, ``gamma``, ``chromaticity`` and ``srgb``. Of an animation, the first picture is taken.

    Args:
        data: JPEG, PNG or WebP.
        least_px: A JPEG may be decoded at a fraction of its size, if each side keeps so many pixels.

    Raises:
        UnusablePictureError: the picture has too many pixels, or is damaged, or is of another format.
    """
    pixels, exif = separate_exif(data)
    try:
        image = _load(pixels, least_px)
        turn = _TURNS.get(orientation_of(exif or _exif_of(image)))
        info = _colour_space(image)
        image = _in_eight_bits(image)
        if turn is not None:
            image = image.transpose(turn)
    except UnusablePictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusablePictureError(
            f"Input image could not be processed: it has too many pixels {_OWN_LIMIT}"
        ) from None
    except UnidentifiedImageError:
        raise UnusablePictureError("Input image could not be identified: use JPEG, PNG or WebP") from None
    except Exception as error:
        # Pillow's decoders raise exceptions of many types for damaged data.
        raise UnusablePictureError("Input image could not be decoded") from error
    icc = info.get("icc_profile")
    if icc is not None and not _is_profile_of(icc, image.mode):
        del info["icc_profile"]
    image.info = info
    return image


def _load(data: bytes, least_px: int | None) -> Image.Image:
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        width, height = image.size
        if width * height > PIXEL_LIMIT:
            raise UnusablePictureError(
                f"Input image could not be processed: {width} x {height} pixels are too many {_OWN_LIMIT}"
            )
        is_reduced = least_px is not None and image.draft(None, (least_px, least_px)) is not None
        try:
            image.load()
        except OSError:
            # libjpeg decodes a lossless JPEG in its full size only.
            if not is_reduced:
                raise
            return _load(data, None)
        return image


def _exif_of(image: Image.Image) -> bytes:
    """The EXIF structure of a WebP."""
    exif = image.info.get("exif")
    return exif if isinstance(exif, bytes) else b""


def _in_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _from_sixteen_bits(image)
    if image.mode in {"1", "L", "LA", "La"}:
        mode = "LA" if image.has_transparency_data else "L"
    else:
        mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """16-bit grey, scaled. Pillow's conversion would clip the values at 255."""
    values = image.convert("I")
    grey = values.point(_EIGHT_OF_SIXTEEN, "L")
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    alpha = values.point([0 if value == clear else 255 for value in range(65536)], "L")
    return Image.merge("LA", (grey, alpha))


def _colour_space(image: Image.Image) -> dict[str | tuple[int, int], Any]:
    """What the file says about the colour space of its pixels, if a conversion to 8 bits keeps the space."""
    if image.mode == "CMYK":
        return {}
    if image.info.get("icc_profile"):
        # The profile takes precedence over everything else.
        return {"icc_profile": image.info["icc_profile"]}
    return {
        name: image.info[name]
        for name in ("srgb", "gamma", "chromaticity")
        if image.info.get(name) is not None
    }


def _is_profile_of(profile: bytes, mode: str) -> bool:
    """Whether this is a whole ICC profile, short enough for a PNG, of the space of a mode's pixels."""
    size, space, mark = int.from_bytes(profile[:4], "big"), profile[16:20], profile[36:40]
    if mark != b"acsp" or not 128 <= size <= len(profile) <= ICC_LIMIT_BYTES:
        return False
    return space == (b"GRAY" if mode in {"L", "LA"} else b"RGB ")
