"""The file of a later version. It takes the name of the version before, whose file is kept beside it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from ..._swap.output_files import (
    VERSIONS,
    OutputFile,
    create_atomically,
    discarded_path,
    flush,
    is_kept,
    name_is_used,
)

_COMPARED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class VersionFile(OutputFile):
    """The file that the picture of a version after the first will be saved to.

    The name belongs to the current version. So the file of the version before first gets a second name in the
    folder `versions`, and is replaced only when it has this name. No content is ever in no file: a process
    may be killed after each step, and the next one continues. Files of other programs are never replaced.

    Attributes:
        version: The version, from 2.
        earlier: The files of earlier versions that have no second name yet: the version, by the file's name.
    """

    version: int = 2
    earlier: Mapping[str, int] = field(default_factory=dict)

    def may_replace(self, path: Path) -> bool:
        """Whether the file is that of an earlier version, or is already kept under a second name."""
        return path.name in self.earlier or self._is_kept(path)

    def make_folder(self) -> None:
        """Makes the folder `versions`, before anything is paid. Blocks; run it in a thread.

        Raises:
            OSError: the folder cannot be made.
        """
        self._folder.mkdir(exist_ok=True)

    def keep_earlier(self) -> dict[int, Path]:
        """Gives the files of the earlier versions a second name. Removes nothing. Blocks; run it in a thread.

        Returns:
            The second names, by version. A file that is gone, or that a person has discarded, keeps the name
            for the case that it comes back.

        Raises:
            OSError: a file cannot get a second name.
        """
        kept = {}
        for name, version in self.earlier.items():
            path = self.path.with_name(name)
            is_there = path.is_file()
            kept[version] = self._keep(path, version) if is_there else next(self._names(version, path.suffix))
        return kept

    @staticmethod
    def is_elsewhere(recorded: Path, kept: Path) -> bool:
        """Whether the recorded file is in another folder: it is not replaced, so its record stays true."""
        return recorded.is_file() and not name_is_used(kept)

    def write(self, data: bytes, suffix: str) -> Path:
        """Writes the picture: all of it, or nothing. `keep_earlier` must be called before.

        A file of an earlier version with another suffix is removed afterwards: it has its second name.

        Raises:
            FileExistsError: another program has made a file of that name.
            OSError: the file cannot be written.
        """
        target = self.with_suffix(suffix)
        replaces = name_is_used(target) and self._is_kept(target)
        path = OutputFile(self.path, suffixed=self.suffixed, overwrite=replaces).write(data, suffix)
        for other in {*self.possible_paths, *map(self.path.with_name, self.earlier)}:
            if name_is_used(other) and not other.samefile(path) and self._is_kept(other):
                other.unlink()
        return path

    @property
    def _folder(self) -> Path:
        return self.path.with_name(VERSIONS)

    def _names(self, version: int, suffix: str) -> Iterator[Path]:
        """The second names of a version, the preferred one first."""
        stem = f"{self.path.name}.{version}"
        yield self._folder / f"{stem}{suffix}"
        for number in count(2):
            yield self._folder / f"{stem}-{number}{suffix}"

    def _keep(self, path: Path, version: int) -> Path:
        self.make_folder()
        for kept in self._names(version, path.suffix):
            with suppress(FileExistsError):
                _link(path, kept)
            if not _have_same_bytes(path, kept):
                continue
            flush(kept.parent)
            flush(path.parent)
            return kept
        raise AssertionError("the names never end")

    def _is_kept(self, path: Path) -> bool:
        """Whether a second name of an earlier version has the content of the file.

        A person may have discarded that version since: a review then moves the file with the second name.
        """
        for version in range(1, self.version):
            for kept in self._names(version, path.suffix):
                discarded = discarded_path(kept, version)
                if not (name_is_used(kept) or name_is_used(discarded)):
                    break
                if _have_same_bytes(path, kept) or _have_same_bytes(path, discarded):
                    return True
        return False


def moved_to(folder: Path, path: Path) -> Path:
    """Where a recorded file is if the folder of the pictures is `folder` by now."""
    return folder / VERSIONS / path.name if is_kept(path) else folder / path.name


def _link(path: Path, name: Path) -> None:
    """Gives a file a second name. Where the file system has no hard links, the name is a copy.

    Raises:
        FileExistsError: the name is in use.
        OSError: the file cannot get the name.
    """
    try:
        # The file itself, if a person has put a link in its place: a relative link leads elsewhere from here.
        os.link(path.resolve(), name)
    except FileExistsError:
        raise
    except OSError:
        temporary = name.with_name(f".{secrets.token_hex(8)}.part")
        create_atomically(name, path.read_bytes(), temporary=temporary)


def _have_same_bytes(one: Path, other: Path) -> bool:
    """Whether two files have the same content. False if one of them is no regular file."""
    if not (one.is_file() and other.is_file()):
        return False
    if one.samefile(other):
        return True
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_COMPARED_BYTES):
            if chunk != second.read(_COMPARED_BYTES):
                return False
    return True
