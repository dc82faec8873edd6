"""The spool: the pictures of the orders that are not sent yet, in files that outlive the process."""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from .._api.image_header import LoadedImage
from .._api.origins import is_url
from .._concurrency import run_in_thread
from .._errors import JournalError, LimitExceededError
from .._models import ImageInput
from .._swap.output_files import flush

_ROLES = ("reference", "scene")
_ORPHAN_AGE = 3600.0
"""Seconds after which a file that belongs to no order is removed. An order is added right after its files."""
_SIZE_LIFETIME = 2.0
"""Seconds for which the size of the folder is remembered. Other processes write to the folder, too."""


class Spool(Protocol):
    """Keeps pictures until their order is sent. An URL is kept as it is, and needs no file."""

    async def open(self) -> None:
        """Makes the place of the pictures.

        Raises:
            JournalError: the place cannot be made, or may belong to another user.
        """
        ...

    def names_for(self, pictures: Sequence[LoadedImage | str]) -> tuple[str, str]:
        """New names for the reference and the scene: random names, or the URLs."""
        ...

    async def put(self, names: Sequence[str], pictures: Sequence[LoadedImage | str]) -> None:
        """Keeps the pictures under these names. They are durable when this method returns.

        Raises:
            LimitExceededError: there is no room for them. Nothing is kept.
            JournalError: the pictures cannot be written. `remove` must be called.
        """
        ...

    def image_of(self, name: str) -> ImageInput:
        """The picture of this name. If it was removed, a path at which there is no file."""
        ...

    async def names(self) -> Collection[str]:
        """The names of all pictures that are kept. Those of a place that cannot be read are missing."""
        ...

    async def remove(self, names: Collection[str]) -> None:
        """Removes pictures. Names that are URLs, or are removed already, are passed over."""
        ...

    async def sweep(self, needed: Collection[str]) -> None:
        """Removes what is not in `needed` and was left by a process that ended before it added its order."""
        ...


def _names_for(pictures: Sequence[LoadedImage | str]) -> tuple[str, str]:
    token = secrets.token_hex(16)
    reference, scene = (
        picture if isinstance(picture, str) else f"{token}-{role}{picture.suffix}"
        for role, picture in zip(_ROLES, pictures, strict=True)
    )
    return reference, scene


def _contents(names: Sequence[str], pictures: Sequence[LoadedImage | str]) -> dict[str, bytes]:
    pairs = zip(names, pictures, strict=True)
    return {name: picture.data for name, picture in pairs if isinstance(picture, LoadedImage)}


def _check_room(used: int, added: int, maximum: int) -> None:
    if used + added > maximum:
        raise LimitExceededError(
            f"the pictures that wait to be sent have {used:,} bytes, and {added:,} more would exceed"
            f" {maximum:,} bytes, the bound of the service: ask again when swaps have been sent",
            limit="max_spool_bytes",
            maximum=maximum,
        )


class MemorySpool:
    """A `Spool` for a journal in memory.

    Args:
        contents: The pictures, which all services on the journal share.
        max_bytes: How many bytes they may have.
    """

    def __init__(self, contents: dict[str, bytes], *, max_bytes: int) -> None:
        self._contents = contents
        self._max_bytes = max_bytes

    async def open(self) -> None:
        """Nothing to make."""

    def names_for(self, pictures: Sequence[LoadedImage | str]) -> tuple[str, str]:
        """As in the protocol `Spool`."""
        return _names_for(pictures)

    async def put(self, names: Sequence[str], pictures: Sequence[LoadedImage | str]) -> None:
        """As in the protocol `Spool`."""
        contents = _contents(names, pictures)
        used = sum(map(len, self._contents.values()))
        _check_room(used, sum(map(len, contents.values())), self._max_bytes)
        self._contents.update(contents)

    def image_of(self, name: str) -> ImageInput:
        """As in the protocol `Spool`."""
        return self._contents.get(name, name)

    async def names(self) -> Collection[str]:
        """As in the protocol `Spool`."""
        return list(self._contents)

    async def remove(self, names: Collection[str]) -> None:
        """As in the protocol `Spool`."""
        for name in names:
            self._contents.pop(name, None)

    async def sweep(self, needed: Collection[str]) -> None:
        """Nothing to remove: nothing outlives the process."""


class FileSpool:
    """A `Spool` in a folder that only its owner can read."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        # Absolute: the process may change its working directory meanwhile.
        self._folder = folder.absolute()
        self._max_bytes = max_bytes
        self._used = 0
        self._used_at = -_SIZE_LIFETIME

    async def open(self) -> None:
        """As in the protocol `Spool`."""
        await run_in_thread(self._make)

    def _make(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = os.lstat(self._folder)
            if not stat.S_ISDIR(found.st_mode):
                problem = "it is no folder"
            elif hasattr(os, "getuid") and found.st_uid != os.getuid():
                problem = "it belongs to another user"
            else:
                # A folder that was copied may be open to others.
                self._folder.chmod(0o700)
                return
        except OSError as exc:
            problem = exc.strerror or str(exc)
        raise self._error(problem)

    def names_for(self, pictures: Sequence[LoadedImage | str]) -> tuple[str, str]:
        """As in the protocol `Spool`."""
        return _names_for(pictures)

    async def put(self, names: Sequence[str], pictures: Sequence[LoadedImage | str]) -> None:
        """As in the protocol `Spool`."""
        contents = _contents(names, pictures)
        if contents:
            await run_in_thread(lambda: self._write(contents))

    def _write(self, contents: dict[str, bytes]) -> None:
        added = sum(map(len, contents.values()))
        try:
            _check_room(self._size(), added, self._max_bytes)
            self._used += added
            for name, data in contents.items():
                _write_new(self._folder / name, data)
        except OSError as exc:
            problem = exc.strerror or str(exc)
        else:
            flush(self._folder)
            return
        raise self._error(problem)

    def _size(self) -> int:
        if time.monotonic() - self._used_at > _SIZE_LIFETIME:
            self._used_at = time.monotonic()
            self._used = sum(file.stat().st_size for file in self._files())
        return self._used

    def _files(self) -> list[os.DirEntry[str]]:
        files = []
        with os.scandir(self._folder) as found:
            for file in found:
                # Another process may remove a file meanwhile.
                with suppress(FileNotFoundError):
                    if file.is_file(follow_symlinks=False) and file.stat(follow_symlinks=False):
                        files.append(file)
        return files

    def image_of(self, name: str) -> ImageInput:
        """As in the protocol `Spool`."""
        return name if is_url(name) else str(self._folder / name)

    async def names(self) -> Collection[str]:
        """As in the protocol `Spool`."""
        return await run_in_thread(self._names)

    def _names(self) -> list[str]:
        with suppress(OSError):
            return [file.name for file in self._files()]
        return []

    async def remove(self, names: Collection[str]) -> None:
        """As in the protocol `Spool`."""
        files = [name for name in names if not is_url(name)]
        if files:
            await run_in_thread(lambda: self._remove(files))

    def _remove(self, names: Collection[str]) -> None:
        for name in names:
            # A file that stays is removed by `sweep`.
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    async def sweep(self, needed: Collection[str]) -> None:
        """As in the protocol `Spool`."""
        await run_in_thread(lambda: self._sweep(needed))

    def _sweep(self, needed: Collection[str]) -> None:
        oldest = time.time() - _ORPHAN_AGE
        with suppress(OSError):
            self._remove(
                [
                    file.name
                    for file in self._files()
                    if file.name not in needed and file.stat(follow_symlinks=False).st_mtime < oldest
                ]
            )

    def _error(self, problem: str) -> JournalError:
        folder = str(self._folder)
        return JournalError(f"the folder {folder} for pictures cannot be used: {problem}", path=folder)


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
