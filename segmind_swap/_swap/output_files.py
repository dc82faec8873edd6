"""Pictures in files, which appear complete or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from .._api.image_header import SUFFIXES
from .._errors import ConfigurationError, DownloadError
from .._events import Saved
from .._models import SwapResult
from .downloads import read
from .session import Session


@dataclass(frozen=True, slots=True)
class OutputFile:
    """Where a picture is to be saved.

    Attributes:
        path: The file; without the suffix, if `suffixed`.
        suffixed: Whether the name is still to be given the suffix of the picture's type.
        overwrite: Whether it may replace a file.
    """

    path: Path
    suffixed: bool
    overwrite: bool = False

    @classmethod
    def named(cls, path: str | os.PathLike[str], *, overwrite: bool) -> OutputFile:
        """A file as a user names it: with a suffix, or without."""
        return cls(Path(path), suffixed=not Path(path).suffix, overwrite=overwrite)

    def with_suffix(self, suffix: str) -> Path:
        """The file, of a picture whose type has this suffix."""
        return self.path.with_name(self.path.name + suffix) if self.suffixed else self.path

    @property
    def names(self) -> list[Path]:
        """Every file that it may become."""
        return [self.with_suffix(suffix) for suffix in SUFFIXES.values()] if self.suffixed else [self.path]

    def temporary_path(self, word: str) -> Path:
        """Where the picture is written before it gets its name; `word` tells this write from others."""
        digest = hashlib.sha256(os.fsencode(self.path.name)).hexdigest()[:16]
        return self.path.with_name(f".{digest}-{word}.part")

    def remove_stale(self) -> None:
        """Removes what writes that were killed have left, where it can. Not while one is under way."""
        pattern = self.temporary_path("*")
        with suppress(OSError):
            for part in pattern.parent.glob(pattern.name):
                part.unlink(missing_ok=True)


async def save(session: Session, result: SwapResult, target: OutputFile) -> SwapResult:
    """Fetches the picture into a file; returns the result with its path.

    A file that holds this very picture is as good as one that is written now.

    Raises:
        DownloadError: it cannot be fetched, or not be written.
    """
    picture = await read(session, result)
    path = target.with_suffix(picture.suffix)
    try:
        await anyio.to_thread.run_sync(_write, path, target, picture.data)
    except FileExistsError:
        complaint = "it was made by somebody else meanwhile"
    except OSError as exc:
        complaint = exc.strerror or str(exc)
    else:
        session.emit(Saved(result=result, path=path, size_bytes=len(picture.data)))
        return result.model_copy(update={"path": path})
    raise DownloadError(
        f"the picture at {result.url} could not be saved as {path}: {complaint}",
        url=result.url,
        job=result.job,
    )


@asynccontextmanager
async def reserved(session: Session, target: OutputFile | None) -> AsyncIterator[None]:
    """Keeps a free name for a swap that is about to be paid, against others of this client.

    Raises:
        ConfigurationError: the target cannot be used, or is another's already.
    """
    if target is None:
        yield
        return
    await check_target(target)
    name = target.path.absolute()
    if name in session.reserved_paths:
        raise ConfigurationError(f"cannot save to {target.path}: another swap under way saves there")
    session.reserved_paths.add(name)
    try:
        yield
    finally:
        session.reserved_paths.discard(name)


async def check_target(target: OutputFile) -> None:
    """Refuses a target that could not be written, before anything is paid.

    Raises:
        ConfigurationError: its folder is missing or read-only, or its name is taken.
    """
    complaint = await anyio.to_thread.run_sync(_complaint_about, target)
    if complaint is not None:
        raise ConfigurationError(f"cannot save to {target.path}: {complaint}")


def _complaint_about(target: OutputFile) -> str | None:
    path = target.path
    if not path.name:
        return "it is not a file name"
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if not os.access(path.parent, os.W_OK):
            return f"the folder {path.parent} is read-only"
        if path.is_dir():
            return "it is a folder: name a file in it"
        for name in filter(_is_taken, target.names):
            if name.exists() and not name.is_file():
                return "it is not a regular file"
            if not target.overwrite:
                return f"{name.name} exists already: choose another name, or say overwrite (--overwrite)"
    except (OSError, ValueError) as exc:
        return str(exc)
    return None


def _is_taken(name: Path) -> bool:
    """Asks the system itself: `Path.exists` denies links to nowhere, and names that no file can have."""
    try:
        name.lstat()
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, target: OutputFile, data: bytes) -> None:
    part = target.temporary_path(secrets.token_hex(8))
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.overwrite:
            part.replace(path)
        else:
            _move_to_free_name(part, path)
    except FileExistsError:
        if not _holds(path, data):
            raise
    finally:
        part.unlink(missing_ok=True)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _move_to_free_name(part: Path, target: Path) -> None:
    """A hard link fails where the name is taken, which a rename does not; some file systems have none."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        if _is_taken(target):
            raise FileExistsError(target) from None
        part.replace(target)
