"""Finished pictures to bytes, and to files that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import anyio.to_thread

from ._calls import ask
from ._config import MAX_PICTURE_BYTES
from ._errors import ConfigurationError, DownloadError, StatusError, SwapError
from ._events import Saved, tell
from ._images import SUFFIXES, Picture, checked
from ._models import SwapJob, SwapResult
from ._session import Session
from ._wire import Answer, download_request

_MAX_REDIRECTS = 5


async def read(session: Session, result: SwapResult) -> Picture:
    """The finished picture, fetched without the key and checked to be one.

    Raises:
        DownloadError: it cannot be fetched, is no picture, or is at a URL that must not be fetched.
    """
    url = result.url
    for _ in range(_MAX_REDIRECTS + 1):
        answer = await _fetch(session, url, result.job)
        if answer.status_code < 300:
            try:
                return checked(answer.body, max_bytes=MAX_PICTURE_BYTES)
            except ValueError as exc:
                complaint = str(exc)
            raise DownloadError(
                f"what is at {url} cannot be used: {complaint}",
                url=url,
                status_code=answer.status_code,
                job=result.job,
            )
        url = _redirected(url, answer)
    raise DownloadError(f"{result.url} is redirected on and on", url=result.url, job=result.job)


def _redirected(url: str, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    try:
        return urljoin(url, location)
    except ValueError:
        return location


async def _fetch(session: Session, url: str, job: SwapJob) -> Answer:
    complaint = session.http.service.complaint_about_picture_url(url)
    if complaint is not None:
        raise DownloadError(f"{url} is not fetched: {complaint}", url=url, job=job)
    try:
        return await ask(session, download_request(url), job=job)
    except ConfigurationError:
        raise
    except SwapError as exc:
        code = exc.status_code if isinstance(exc, StatusError) else None
        cause = str(exc)
    raise DownloadError(f"{url} could not be fetched: {cause}", url=url, status_code=code, job=job)


async def save(session: Session, result: SwapResult, path: Path, *, overwrite: bool) -> Path:
    """Fetches the picture into a file; returns its path, with the suffix of its type if `path` has none.

    Raises:
        DownloadError: it cannot be fetched, or not be written.
    """
    picture = await read(session, result)
    target = path if path.suffix else path.with_name(path.name + picture.suffix)
    try:
        await anyio.to_thread.run_sync(_write, target, picture.data, overwrite)
    except FileExistsError:
        complaint = "it was made by somebody else meanwhile"
    except OSError as exc:
        complaint = exc.strerror or str(exc)
    else:
        tell(session.on_event, Saved(result=result, path=target, size_bytes=len(picture.data)))
        return target
    raise DownloadError(
        f"the picture at {result.url} could not be saved as {target}: {complaint}",
        url=result.url,
        job=result.job,
    )


@asynccontextmanager
async def claimed(session: Session, path: Path | None, *, overwrite: bool) -> AsyncIterator[None]:
    """Keeps a free name for a swap that is about to be paid, against others of this client.

    Raises:
        ConfigurationError: the target cannot be used, or is another's already.
    """
    if path is None:
        yield
        return
    await check_target(path, overwrite=overwrite)
    name = path.absolute()  # noqa: ASYNC240 - asks for the working directory only
    if name in session.targets:
        raise ConfigurationError(f"cannot save to {path}: another swap under way saves there")
    session.targets.add(name)
    try:
        yield
    finally:
        session.targets.discard(name)


async def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuses a target that could not be written, before anything is paid.

    Raises:
        ConfigurationError: its folder is missing or read-only, or its name is taken.
    """
    complaint = await anyio.to_thread.run_sync(_complaint_about, path, overwrite)
    if complaint is not None:
        raise ConfigurationError(f"cannot save to {path}: {complaint}")


def _complaint_about(path: Path, overwrite: bool) -> str | None:
    if not path.name:
        return "it is not a file name"
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if not os.access(path.parent, os.W_OK):
            return f"the folder {path.parent} is read-only"
        if path.is_dir():
            return "it is a folder: name a file in it"
        names = (
            [path] if path.suffix else [path.with_name(path.name + suffix) for suffix in SUFFIXES.values()]
        )
        for name in filter(_is_taken, names):
            if name.exists() and not name.is_file():
                return "it is not a regular file"
            if not overwrite:
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


def _write(target: Path, data: bytes, overwrite: bool) -> None:
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            part.replace(target)
        else:
            _move_to_free_name(part, target)
    finally:
        part.unlink(missing_ok=True)


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
