"""The pictures that the emulator hosts, by name, with a limit on their total size."""

import base64
import binascii
import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass

_DATA_URL = re.compile(r"data:(image/(?:jpeg|png|webp));base64,(.*)", re.DOTALL)

_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class TooLargeError(Exception):
    """The picture exceeds the size limit."""


@dataclass(slots=True, kw_only=True)
class File:
    """A hosted picture.

    ``problem`` caches its check: "" if a job can use the picture, None before the check.
    """

    data: bytes
    media_type: str
    sha256: str
    problem: str | None = None


class FileStore:
    """Pictures by name.

    When their total size exceeds ``limit_bytes``, the least recently used are dropped: a reference that every
    job of a batch uses is kept, although it was uploaded first.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._files: OrderedDict[str, File] = OrderedDict()
        self._dropped: set[str] = set()

    def get(self, name: str) -> File | None:
        if name in self._files:
            self._files.move_to_end(name)
        return self._files.get(name)

    def has_dropped(self, name: str) -> bool:
        """Whether the picture of this name was dropped, and not stored again."""
        return name in self._dropped

    def put(self, name: str, file: File) -> None:
        self._drop(name)
        self._dropped.discard(name)
        self._files[name] = file
        self._size_bytes += len(file.data)
        while self._size_bytes > self._limit_bytes and len(self._files) > 1:
            oldest = next(iter(self._files))
            self._drop(oldest)
            self._dropped.add(oldest)

    def _drop(self, name: str) -> None:
        if file := self._files.pop(name, None):
            self._size_bytes -= len(file.data)


def new_file(data: bytes, media_type: str) -> File:
    """A `File` of these bytes, with its sha256."""
    return File(data=data, media_type=media_type, sha256=hashlib.sha256(data).hexdigest())


def upload_name(upload: File) -> str:
    """The name under which an upload is hosted.

    It follows from the bytes: the same picture has the same name.
    """
    return f"{upload.sha256[:32]}.{_SUFFIXES[upload.media_type]}"


def decode_data_url(url: object, *, limit_bytes: int) -> File:
    """The picture inside ``data:image/png;base64,...``.

    Raises:
        ValueError: ``url`` is not a base64 data URL of a JPEG, PNG or WebP. The bytes are not decoded as a
            picture here: Segmind decodes a picture when a job runs.
        TooLargeError: the decoded bytes are more than ``limit_bytes``.
    """
    match = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        raise ValueError("data_urls must be data:image/jpeg, image/png or image/webp URLs in base64")
    media_type, text = match.groups()
    if len(text) * 3 // 4 > limit_bytes + 2:
        raise TooLargeError
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("data_urls are not valid base64") from None
    if not data:
        raise ValueError("data_urls must not be empty")
    if len(data) > limit_bytes:
        raise TooLargeError
    return new_file(data, media_type)
