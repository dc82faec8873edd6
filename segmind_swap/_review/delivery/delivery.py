"""Copies the chosen pictures to a new folder or ZIP file, which appears complete or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..._api.text import shorten
from ..._concurrency import run_in_thread
from ..._errors import ConfigurationError
from ..._swap.output_files import flush, publish
from ..pictures.picture import ReviewPicture
from ..pictures.thumbnails import Thumbnails
from .gallery import gallery_html
from .manifest import DeliveredFile, checksums, manifest_csv

PAGE, MANIFEST, SUMS = "index.html", "manifest.csv", "SHA256SUMS"
PICTURES, THUMBNAILS = "pictures", "thumbnails"
_CHUNK_BYTES = 1024 * 1024
_CHUNK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was handed on.

    Attributes:
        path: The new folder, or the ZIP file.
        pictures: How many pictures are in it.
        size_bytes: The size of all its files.
    """

    path: Path
    pictures: int
    size_bytes: int


async def deliver(pictures: Sequence[ReviewPicture], to: Path, *, title: str, as_zip: bool) -> Delivery:
    """Writes a delivery.

    Raises:
        ConfigurationError: the target exists, there is no picture to deliver, or a picture has changed.
        OSError: the target cannot be written. Nothing is left of it.
    """
    to = to.with_name(f"{to.name}.zip") if as_zip and to.suffix.lower() != ".zip" else to
    if not pictures:
        raise ConfigurationError(
            "there is no picture to export: none has such a decision. First decide about them, in a review"
        )
    staging = to.absolute().with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    try:
        await run_in_thread(partial(_begin, staging, to))
        writer = _Writer(staging, title)
        ordered = sorted(pictures, key=_natural)
        for start in range(0, len(ordered), _CHUNK):
            await run_in_thread(partial(writer.add, ordered[start : start + _CHUNK]))
        size_bytes = await run_in_thread(writer.finish)
        await run_in_thread(partial(_publish_zip if as_zip else _publish_folder, staging, to))
    except FileExistsError:
        problem = f"{to} exists already: an export never replaces anything. Give another name"
    else:
        return Delivery(path=to, pictures=len(pictures), size_bytes=size_bytes)
    finally:
        # Without waiting for an event loop: this block also runs when the task was cancelled.
        shutil.rmtree(staging, ignore_errors=True)
    raise ConfigurationError(problem)


def _natural(picture: ReviewPicture) -> list[tuple[int, str]]:
    """The order of a person: `scene-9` before `scene-10`. A journal has the order in which swaps began."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", picture.id)]


def _begin(staging: Path, to: Path) -> None:
    if os.path.lexists(to):
        raise FileExistsError(to)
    parent = to.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(parent)) from None
    for name in (PICTURES, THUMBNAILS):
        (staging / name).mkdir(parents=True)


class _Writer:
    """Writes the files of a delivery into a folder. Blocks."""

    def __init__(self, folder: Path, title: str) -> None:
        self._folder = folder
        self._title = title
        self._files: list[DeliveredFile] = []
        self._sums: dict[str, str] = {}
        self._shown: list[tuple[str, str, str]] = []

    def add(self, pictures: Sequence[ReviewPicture]) -> None:
        """Copies pictures, and makes their thumbnails if Pillow is installed.

        Raises:
            ConfigurationError: a picture is not the one that was decided about any more.
            OSError: a file cannot be read or written.
        """
        for picture in pictures:
            name = f"{PICTURES}/{picture.path.name}"
            target = self._folder / name
            if _copied(picture.path, target) != picture.sha256:
                raise ConfigurationError(
                    f"the picture of {shorten(picture.id)!r} has changed since it was looked at: review it"
                    " again"
                )
            self._files.append(DeliveredFile(name=name, picture=picture))
            self._sums[name] = picture.sha256
            self._shown.append((picture.id, name, self._thumbnail(target, picture) or name))

    def _thumbnail(self, file: Path, picture: ReviewPicture) -> str | None:
        made = Thumbnails(self._folder).make(file, picture.sha256)
        if made == file:
            return None
        name = f"{THUMBNAILS}/{made.name}"
        made.replace(self._folder / name)
        return name

    def finish(self) -> int:
        """Writes the page, the manifest and the checksums. Returns the size of all files in bytes."""
        count = len(self._files)
        lead = f"{count:,} picture{'' if count == 1 else 's'}. Where each comes from is in {MANIFEST}."
        for name, text in (
            (MANIFEST, manifest_csv(self._files)),
            (PAGE, gallery_html(self._title, lead, self._shown)),
        ):
            self._sums[name] = self._write(name, text)
        self._write(SUMS, checksums(self._sums))
        for folder in (self._folder / THUMBNAILS, self._folder / "review-files"):
            with suppress(OSError):
                folder.rmdir()
        for file in self._folder.rglob("*"):
            flush(file)
        return sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())

    def _write(self, name: str, text: str) -> str:
        data = text.encode("utf-8", "backslashreplace")
        (self._folder / name).write_bytes(data)
        return hashlib.sha256(data).hexdigest()


def _copied(source: Path, target: Path) -> str:
    """Copies a file, and returns the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(_CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
    return digest.hexdigest()


def _publish_folder(staging: Path, to: Path) -> None:
    # On POSIX a rename would replace an empty folder.
    if os.path.lexists(to):
        raise FileExistsError(to)
    staging.rename(to)
    flush(to.absolute().parent)


def _publish_zip(staging: Path, to: Path) -> None:
    part = staging.with_name(f"{staging.name}.zip")
    try:
        # Pictures are compressed already. Times are fixed, so the same delivery is the same file.
        with part.open("xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(path for path in staging.rglob("*") if path.is_file()):
                    name = path.relative_to(staging).as_posix()
                    info = zipfile.ZipInfo(f"{to.stem}/{name}", date_time=(2020, 1, 1, 0, 0, 0))
                    info.external_attr = 0o644 << 16
                    with path.open("rb") as reading, archive.open(info, "w", force_zip64=True) as writing:
                        shutil.copyfileobj(reading, writing, _CHUNK_BYTES)
            file.flush()
            os.fsync(file.fileno())
        publish(part, to)
    finally:
        part.unlink(missing_ok=True)
    flush(to.absolute().parent)
