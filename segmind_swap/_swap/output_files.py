"""Writes a picture to a file, which appears complete or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .._api.image_formats.file_type import JPEG, PNG, WEBP, file_type_of
from .._api.image_formats.problems import UnusableImageError
from .._api.image_header import SUFFIXES, checked
from .._concurrency import run_in_thread
from .._config import MAX_PICTURE_BYTES
from .._errors import ConfigurationError

VERSIONS = "versions"
"""The folder below that of the pictures. `versions/ID.1.png` is the first version of `ID.png`."""
DISCARDED = "discarded"
"""The folder below that of the pictures to which a review moves what a person has discarded."""

_TYPES = {".jpg": ".jpg", ".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".png": ".png", ".webp": ".webp"}
"""The suffixes that name a type of picture, in lower case, with the suffix that the client itself uses."""
_MAX_NUMBER = 1000
_END_BYTES = 32
_ENDS = (b"IEND\xaeB`\x82", b"\xff\xd9")
"""How a PNG and a JPEG end."""
_BLOCK_BYTES = 512
"""The smallest block of a disk. After a crash, the zeros of a file begin where a block begins."""
_BEFORE_BLOCK = 2
"""Fewer than so many bytes before a lost block are taken for zeros of the picture."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """The file that a picture will be saved to.

    Attributes:
        path: The file; without the suffix if `suffixed`.
        suffixed: Whether the file gets the suffix of the picture's type, which is known only after the
            download. True for a name whose own suffix is that of no picture, such as `hero.v2`.
        overwrite: Whether an existing file may be replaced.
    """

    path: Path
    suffixed: bool
    overwrite: bool = False

    @classmethod
    def named(cls, path: str | os.PathLike[str], *, overwrite: bool) -> OutputFile:
        """The file that a user names, with or without a suffix."""
        return cls(Path(path), suffixed=Path(path).suffix.lower() not in _TYPES, overwrite=overwrite)

    def with_suffix(self, suffix: str) -> Path:
        """The file for a picture whose type has this suffix.

        A name such as `hero.gif` gets no second suffix if the result is a GIF.
        """
        has_suffix = not self.suffixed or self.path.suffix.lower() == suffix
        return self.path if has_suffix else self.path.with_name(self.path.name + suffix)

    def misnames(self, suffix: str) -> bool:
        """Whether the name says another type than that of a picture whose type has this suffix.

        The name was chosen before the swap was paid, and the service alone chooses the type. So the file
        keeps the name that the user's program expects, and the picture is saved as it is.
        """
        return not self.suffixed and _TYPES.get(self.path.suffix.lower(), suffix) != suffix

    @property
    def possible_paths(self) -> list[Path]:
        """The files that the picture may be saved to, one for each type that the service is known to return.

        A result of another type gets the suffix of its type, and a number if that name is in use.
        """
        return [self.with_suffix(suffix) for suffix in SUFFIXES.values()] if self.suffixed else [self.path]

    def may_replace(self, path: Path) -> bool:
        """Whether an existing file of this name may be replaced."""
        return self.overwrite

    def temporary_path(self, token: str) -> Path:
        """The file in which the picture is written before the rename; `token` makes the name unique."""
        digest = hashlib.sha256(os.fsencode(self.path.name)).hexdigest()[:16]
        return self.path.with_name(f".{digest}-{token}.part")

    def remove_stale(self) -> None:
        """Removes temporary files that killed processes did not remove. Errors are ignored.

        Must not be called while this file is being written.
        """
        pattern = self.temporary_path("*")
        with suppress(OSError):
            for stale in pattern.parent.glob(pattern.name):
                stale.unlink(missing_ok=True)

    def write(self, data: bytes, suffix: str) -> Path:
        """Writes the picture: all of it, or nothing. Blocks; run it in a thread.

        A file that already holds exactly this picture counts as written. A file that holds only the beginning
        of the picture, with or without zeros after it, is replaced: a crash of the machine may have left it.

        Args:
            data: The picture.
            suffix: The suffix of the picture's type, with the dot.

        Returns:
            The file. If the suffix is not one of `SUFFIXES`, no existing file is replaced, and the name gets
            a number if it is in use: nobody could check this name before the swap was paid.

        Raises:
            FileExistsError: another program has made a file of that name meanwhile.
            OSError: the file cannot be written.
        """
        path = self.with_suffix(suffix)
        if not self.suffixed or suffix in SUFFIXES.values():
            return self._write(path, data, overwrite=self.overwrite)
        for number in range(2, _MAX_NUMBER):
            try:
                return self._write(path, data, overwrite=False)
            except FileExistsError:
                path = path.with_name(f"{self.path.name.removesuffix(suffix)}-{number}{suffix}")
        raise FileExistsError(path)

    def _write(self, path: Path, data: bytes, *, overwrite: bool) -> Path:
        temporary = self.temporary_path(secrets.token_hex(8))
        try:
            if overwrite:
                replace_atomically(path, data, temporary=temporary)
            else:
                create_atomically(path, data, temporary=temporary)
        except FileExistsError:
            existing = _content(path, max_bytes=len(data))
            if existing == data:
                return path
            if existing is None or holds_result(path) or not data.startswith(existing.rstrip(b"\0")):
                raise
            replace_atomically(path, data, temporary=temporary)
        return path


@asynccontextmanager
async def reserved(paths: set[Path], file: OutputFile | None) -> AsyncIterator[None]:
    """Reserves a file for a swap that is about to be paid, so that no other swap of this client takes it.

    Args:
        paths: The files that are reserved so far, of all swaps of the client.
        file: The file; None for a swap that is not saved.

    Raises:
        ConfigurationError: the file cannot be written, or is reserved already.
    """
    if file is None:
        yield
        return
    await check_target(file)
    # `hero` may become `hero.png`, which another swap may name as a whole.
    own = {path.absolute() for path in file.possible_paths}
    if own & paths:
        raise ConfigurationError(f"cannot save to {file.path}: another swap in flight saves to this file")
    paths |= own
    try:
        yield
    finally:
        paths -= own


async def check_target(file: OutputFile) -> None:
    """Refuses a file that could not be written, before anything is paid.

    Raises:
        ConfigurationError: its folder is missing or read-only, or a file of that name exists.
    """
    problem = await run_in_thread(lambda: _problem_of(file))
    if problem is not None:
        raise ConfigurationError(f"cannot save to {file.path}: {problem}")


def _problem_of(file: OutputFile) -> str | None:
    path = file.path
    if not path.name:
        return "it is not a file name"
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if not os.access(path.parent, os.W_OK):
            return f"the folder {path.parent} is read-only"
        if path.is_dir():
            return "it is a folder: name a file in it"
        for possible in filter(name_is_used, file.possible_paths):
            if possible.exists() and not possible.is_file():
                return "it is not a regular file"
            if not file.may_replace(possible):
                return f"{possible.name} exists already: choose another name (or replace it with `overwrite`)"
    except (OSError, ValueError) as exc:
        return str(exc)
    return None


def name_is_used(path: Path) -> bool:
    """Whether the name is in use. `Path.exists` is false for a broken link, and hides invalid names."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _content(path: Path, *, max_bytes: int) -> bytes | None:
    """The content of a file; None if it is larger, or is no regular file."""
    is_small = path.is_file() and path.stat().st_size <= max_bytes
    return path.read_bytes() if is_small else None


def replace_atomically(path: Path, data: bytes, *, temporary: Path) -> None:
    """Writes a file that appears complete or not at all. An existing file is replaced.

    `temporary` is a new file in the same folder. It is removed afterwards.

    Raises:
        OSError: the file cannot be written.
    """
    with _written(temporary, data):
        temporary.replace(path)
    flush(path.parent)


def create_atomically(path: Path, data: bytes, *, temporary: Path) -> None:
    """As `replace_atomically`, but never replaces an existing file.

    Raises:
        FileExistsError: there is such a file.
        OSError: the file cannot be written.
    """
    with _written(temporary, data):
        publish(temporary, path)
    flush(path.parent)


def publish(temporary: Path, path: Path) -> None:
    """Gives a complete file its name, and never replaces an existing file. `temporary` may keep its name.

    Raises:
        FileExistsError: there is such a file.
        OSError: the file cannot get the name.
    """
    try:
        # A hard link fails if the name is in use; a rename would replace the file.
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # The file system has no hard links.
        if name_is_used(path):
            raise FileExistsError(path) from None
        temporary.replace(path)


@contextmanager
def _written(temporary: Path, data: bytes) -> Iterator[None]:
    """The data is on the disk in `temporary` while the block runs."""
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield
    finally:
        temporary.unlink(missing_ok=True)


def is_kept(path: Path) -> bool:
    """Whether the path is the second name of the file of an earlier version."""
    return path.parent.name == VERSIONS


def discarded_path(picture: Path, version: int) -> Path:
    """Where a review puts the file of a picture that is discarded. Each version has a name of its own.

    Args:
        picture: The file in the folder of the batch, or the second name of the file of an earlier version.
        version: The version of the swap.
    """
    folder, stem = picture.parent, picture.stem
    if is_kept(picture):
        # Without the version, if that is all that was added to the id.
        folder, stem = folder.parent, stem.removesuffix(f".{version}")
    return folder / DISCARDED / f"{stem}.{version}{picture.suffix}"


def flush(path: Path) -> None:
    """Writes a file, or the names in a folder, to the disk: a journal may record the file right after this.

    Windows and some file systems cannot do this for a folder. The picture is in its file in any case.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def holds_result(path: Path) -> bool:
    """Whether the file holds a result of an earlier run. Blocks; run it in a thread.

    A file that is missing, or whose end is missing, holds none: a crash of the machine may leave a file that
    is empty, is the beginning of a picture, or ends with zeros from the beginning of a block. Any other
    content counts: the user may have changed the picture. A whole WebP with a plain area at its end, or a BMP
    that is black at its top, ends with zeros, too.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, size_bytes - _END_BYTES))
            end = file.read()
            if end.endswith(_ENDS):
                # Nearly every picture: only its end was read.
                return True
            file.seek(0)
            data = file.read(MAX_PICTURE_BYTES + 1)
    except OSError:
        return False
    has_zeros_at_end = not end.strip(b"\0")
    if has_zeros_at_end and -len(data.rstrip(b"\0")) % _BLOCK_BYTES < _BEFORE_BLOCK:
        return False
    try:
        checked(data, max_bytes=MAX_PICTURE_BYTES)
    except UnusableImageError as exc:
        is_other_type = file_type_of(data) not in {PNG, JPEG, WEBP}
        return not exc.is_cut_short and (is_other_type or not has_zeros_at_end)
    return True
