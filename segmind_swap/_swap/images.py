"""Loads an input image as checked bytes, or as a URL. Nothing is decoded, and no request is made."""

from __future__ import annotations

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

    Reads files, and encodes PIL images as PNG: call it in a thread.

    Raises:
        ImageError: the image is missing, not a regular file, empty, larger than `max_bytes`, not a JPEG, PNG
            or WebP, or has a damaged header; or the URL cannot be used.
    """
    name = _name_of(image)
    try:
        if is_url(image):
            return _checked_url(image)
        return checked(_bytes_of(image, max_bytes), max_bytes=max_bytes)
    except ValueError as exc:
        problem = str(exc)
    except OSError as exc:
        problem = exc.strerror or str(exc)
    raise ImageError(f"{name}: {problem}", image=name)


def _name_of(image: ImageInput) -> str:
    if isinstance(image, str | os.PathLike):
        name = str(image)
        return name if len(name) <= 200 else name[:199] + "…"
    if isinstance(image, bytes | bytearray | memoryview):
        return f"the picture of {len(image):,} bytes"
    return f"the {type(image).__name__} object"


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
        return _saved_bytes(image)
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


def _saved_bytes(image: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG")
    except Exception as exc:
        raise ValueError(f"it could not be saved as PNG: {type(exc).__name__}: {exc}") from None
    return buffer.getvalue()
