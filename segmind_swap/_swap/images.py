"""Loads an input image as checked bytes, or as a URL. Nothing is decoded, and no request is made."""

from __future__ import annotations

import importlib
import io
import os
import stat
from typing import Any, TypeGuard, cast

from .._api import origins
from .._api.image_header import LoadedImage, checked
from .._api.urls import picture_url
from .._errors import ImageError
from .._models import ImageInput


def is_url(image: ImageInput) -> TypeGuard[str]:
    """Whether the image is a string that counts as a URL, and not as the path of a file."""
    return isinstance(image, str) and origins.is_url(image)


def load(image: ImageInput, *, max_bytes: int) -> LoadedImage | str:
    """The image, loaded and checked; an image that is a URL stays a string, and is percent-encoded.

    Reads files, and encodes PIL images: call it in a thread.

    Raises:
        ImageError: the image is missing, not a regular file, empty, larger than `max_bytes`, not a JPEG, PNG
            or WebP, damaged or cut short; or the URL cannot be used.
    """
    name = name_of(image)
    try:
        if is_url(image):
            return _checked_url(image)
        return checked(_bytes_of(image, max_bytes), max_bytes=max_bytes)
    except ValueError as exc:
        problem = str(exc)
    except OSError as exc:
        problem = exc.strerror or str(exc)
    raise ImageError(f"{name}: {problem}", image=name)


def name_of(image: ImageInput) -> str:
    if isinstance(image, str | os.PathLike):
        name = str(image)
        return name if len(name) <= 200 else name[:199] + "…"
    if isinstance(image, bytes | bytearray | memoryview):
        return f"the picture of {len(image):,} bytes"
    filename = getattr(image, "filename", "") if _is_pil_image(image) else ""
    return f"the {type(image).__name__} object{f' of {filename}' if filename else ''}"


def _checked_url(url: str) -> str:
    url = url.strip()
    if not url.lower().startswith(("http://", "https://")):
        scheme = url.partition("://")[0]
        raise ValueError(f"{scheme}:// cannot be used: give a path, or an http(s) URL")
    url = picture_url(url)
    try:
        origins.origin_of(url)
    except ValueError as exc:
        raise ValueError(f"the service could not fetch it: {exc}") from None
    return url


def _bytes_of(image: object, max_bytes: int) -> bytes:
    if isinstance(image, str | os.PathLike):
        path = cast("str | os.PathLike[str]", image)
        if not str(path):
            raise ValueError("the path is empty")
        if str(path).startswith("data:"):
            raise ValueError("a data: URL cannot be used: decode it and give the bytes")
        return _file_bytes(path, max_bytes)
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if callable(getattr(image, "read", None)):
        return _read_from(image, max_bytes)
    if callable(getattr(image, "save", None)):
        return _encoded(image, max_bytes)
    raise ValueError(
        "it is no picture: give a path, bytes, an open binary file, an http(s) URL or a PIL image"
    )


def _file_bytes(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    # O_NONBLOCK and the check below: opening a FIFO could block forever, and a device may never end.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    if not regular:
        os.close(descriptor)
        raise ValueError("it is not a regular file")
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read(max_bytes + 1)


def _read_from(file: Any, max_bytes: int) -> bytes:
    try:
        data = file.read(max_bytes + 1)
    except UnicodeDecodeError:
        raise ValueError("it is open as text: open it in mode 'rb'") from None
    except (OSError, ValueError):
        raise
    except Exception as exc:
        raise ValueError(f"reading it raised {type(exc).__name__}: {exc}") from None
    if isinstance(data, str):
        raise ValueError("it is open as text: open it in mode 'rb'")
    if not isinstance(data, bytes):
        if callable(getattr(data, "close", None)):
            data.close()  # a coroutine: without this, Python would warn that it was never awaited
        raise ValueError(
            f"its read() gave {type(data).__name__}, not bytes: read it first, and give the bytes"
        )
    return data


_ORIENTATION = 0x0112
_TRANSPOSITIONS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""The `PIL.Image.Transpose` that shows an image upright, by the orientation in its EXIF data."""
_READABLE_MODES = {
    "HSV": "RGB",
    "La": "LA",
    "PA": "RGBA",
    "RGBX": "RGB",
    "RGBa": "RGBA",
    "YCbCr": "RGB",
}
"""What an image is converted to, by its mode, if PNG cannot hold the mode."""
_PROFILES = {b"RGB ": {"RGB", "RGBA", "P"}, b"GRAY": {"1", "L", "LA", "I;16"}, b"CMYK": {"CMYK"}}
"""The modes that a colour profile can belong to, by the colour space in the profile (ICC.1, 7.2.8)."""
_JPEG_MODES = {"L", "RGB", "CMYK"}
_QUALITY = 95


def _encoded(image: Any, max_bytes: int) -> bytes:
    """A PIL image as a file that shows what viewers show: upright, in its colours.

    The image itself is not changed. A JPEG stays a JPEG, with its own quality. Any other image becomes a PNG,
    or a JPEG if the PNG is larger than `max_bytes` and the image is opaque. Of an animation, the current
    frame is saved.

    Raises:
        ValueError: the image cannot be read or saved, or is too large.
    """
    if not _is_pil_image(image):
        return _saved(image, "PNG")
    try:
        image.load()
    except Exception as exc:
        raise ValueError(f"it could not be read: {type(exc).__name__}: {exc}") from None
    try:
        if image.format in {"JPEG", "MPO"} and image.mode in _JPEG_MODES:
            form, data = "JPEG", _saved_as_jpeg_again(image)
        else:
            form, data = _saved_upright(image, max_bytes)
    except ValueError:
        raise
    except Exception as exc:
        raise ValueError(f"it could not be converted: {type(exc).__name__}: {exc}") from None
    if len(data) > max_bytes:
        raise ValueError(
            f"the {form} made of it has {len(data):,} bytes, and so is larger than {max_bytes:,} bytes: make"
            " the image smaller (or raise `max_image_bytes`)"
        )
    return data


def _is_pil_image(image: object) -> bool:
    """Whether the image is Pillow's. Pillow is not imported: its users have imported it."""
    return any(cls.__module__ == "PIL.Image" for cls in type(image).__mro__)


def _saved_as_jpeg_again(image: Any) -> bytes:
    """A JPEG that Pillow has read, with its quality and orientation. Pixels may have been changed since."""
    options = {"exif": _exif(_orientation_of(image)), "icc_profile": _profile_of(image, image.mode)}
    if image.format == "JPEG":
        try:
            return _saved(image, "JPEG", quality="keep", **options)
        except ValueError:
            # The tables of some files cannot be written again.
            pass
    return _saved(image, "JPEG", quality=_QUALITY, subsampling=0, **options)


def _saved_upright(image: Any, max_bytes: int) -> tuple[str, bytes]:
    """The format and the bytes of an image that is no JPEG."""
    converted = _with_readable_mode(image)
    transposition = _TRANSPOSITIONS.get(_orientation_of(image))
    if transposition is not None:
        converted = converted.transpose(transposition)
    options = {"icc_profile": _profile_of(image, converted.mode)}
    if converted.mode != "CMYK":
        data = _saved(converted, "PNG", **options)
        if len(data) <= max_bytes or converted.mode not in _JPEG_MODES or "transparency" in converted.info:
            return "PNG", data
    # PNG has no CMYK.
    return "JPEG", _saved(converted, "JPEG", quality=_QUALITY, subsampling=0, **options)


def _with_readable_mode(image: Any) -> Any:
    """The image in a mode that PNG or JPEG can hold."""
    mode = image.mode
    if mode in _READABLE_MODES:
        return image.convert(_READABLE_MODES[mode])
    if mode == "LAB":
        # Pillow converts L*a*b* only with its module for colour profiles. Pillow is there: it made the image.
        cms = importlib.import_module("PIL.ImageCms")
        spaces = cms.createProfile("LAB"), cms.createProfile("sRGB")
        return cms.profileToProfile(image, *spaces, outputMode="RGB")
    if mode in {"I", "F"}:
        return _as_grey(image)
    if mode.startswith("I;16"):
        return image if mode == "I;16" else _as_grey(image.convert("I"))
    return image


def _as_grey(image: Any) -> Any:
    """Numbers of any range as 8 bits: 0 to 1, 0 to 255 and 0 to 65535 keep their black and white."""
    lowest, highest = image.getextrema()
    if lowest < 0 or highest > 65535:
        start, end = lowest, highest
    else:
        start, end = 0, 65535 if highest > 255 else 255 if highest > 1 or image.mode == "I" else 1
    factor = 255 / ((end - start) or 1)
    return image.convert("F").point(lambda value: value * factor - start * factor).convert("L")


def _orientation_of(image: Any) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # EXIF data that Pillow cannot read turn no picture in a viewer either.
        return 1


def _exif(orientation: int) -> bytes:
    """EXIF data with the orientation alone: other values may be damaged, or private."""
    if orientation not in _TRANSPOSITIONS:
        return b""
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + bytes(6)


def _profile_of(image: Any, mode: str) -> bytes | None:
    """The colour profile of the image, if it fits the colours of the file."""
    profile = image.info.get("icc_profile")
    fits = isinstance(profile, bytes) and mode in _PROFILES.get(profile[16:20], ())
    return profile if fits else None


def _saved(image: Any, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, form, **options)
    except Exception as exc:
        raise ValueError(f"it could not be saved as {form}: {type(exc).__name__}: {exc}") from None
    return buffer.getvalue()
