"""Small copies of the pictures, in a folder beside the page. Needs Pillow."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..._config import MAX_PICTURE_BYTES
from ..checks.cache import MeasureCache, cache_path
from ..checks.measurer import can_measure
from .contents import sha256_of

FOLDER = "review-files"
"""The folder in the folder of a batch. Everything in it can be made again."""
LONG_SIDE_PX = 320
_QUALITY = 62


def make_thumbnail(picture: Path, folder: Path) -> Path:
    """A small copy of a picture, made if there is none. Blocks for some 20 to 100 ms.

    Args:
        picture: The file of the picture.
        folder: The folder of a batch. The copy is in its folder `review-files`.

    Returns:
        The file of the copy; the picture itself if no copy can be made, or if Pillow is not installed.
    """
    if not can_measure():
        return picture
    try:
        return Thumbnails(folder).make(picture, sha256_of(picture))
    except OSError:
        return picture


class KnownThumbnails:
    """Finds the small copies that were made, by the hashes that are kept beside a journal. Reads no picture.

    Args:
        journal: The journal of a batch.
        folder: The folder of its pictures.
    """

    def __init__(self, journal: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
        self._cache = MeasureCache(cache_path(Path(journal)))
        self._thumbnails = Thumbnails(Path(folder))

    def of(self, picture: str | os.PathLike[str]) -> Path | None:
        """The small copy of a picture; None if it was not made, or if the picture has changed since then."""
        try:
            found = Path(picture).stat()
            file = str(Path(picture).absolute()), found.st_size, found.st_mtime_ns
            sha256 = self._cache.sha256(file)
            copy = None if sha256 is None else self._thumbnails.path(sha256)
            return copy if copy is not None and copy.is_file() else None
        except (OSError, ValueError):
            return None


class Thumbnails:
    """The thumbnails of a batch, one file for each content. Blocks; several threads may call it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder / FOLDER

    def path(self, sha256: str) -> Path:
        """The thumbnail of a picture with this SHA-256, if it was made."""
        return self.folder / f"{sha256[:32]}.webp"

    def make(self, picture: Path, sha256: str) -> Path:
        """The thumbnail of a picture, made if there is none; the picture itself if none can be made.

        A picture that cannot be decoded, a full disk or a missing Pillow is no error: the page then shows the
        picture, or the browser's sign for a broken one.
        """
        thumbnail = self.path(sha256)
        if thumbnail.exists():
            return thumbnail
        if not can_measure():
            return picture
        from ..checks.pixels.decoding import UndecodableError, decode  # noqa: PLC0415 - Pillow is an extra

        with suppress(OSError, UndecodableError):
            if picture.stat().st_size > MAX_PICTURE_BYTES:
                return picture
            image, _ = decode(picture.read_bytes(), least_px=LONG_SIDE_PX)
            image.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), reducing_gap=2.0)
            self.folder.mkdir(exist_ok=True)
            part = thumbnail.with_name(f".{thumbnail.name}.{secrets.token_hex(4)}.part")
            try:
                image.save(part, "WEBP", quality=_QUALITY, method=2)
                part.replace(thumbnail)
            finally:
                part.unlink(missing_ok=True)
            return thumbnail
        return picture
