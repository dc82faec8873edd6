"""Downloads a finished picture, without the API key, and saves it to a file.

A result is paid: it is never refused for good. What is no whole JPEG, PNG or WebP is downloaded again. If the
content stays the same, the result is returned as it is, with a warning.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from .._api.image_formats.file_type import FileType, file_type_of
from .._api.image_formats.problems import UnusableImageError
from .._api.image_header import checked
from .._api.messages import Response
from .._api.requests import download_request
from .._api.text import shorten
from .._api.urls import picture_url, redirect_target
from .._concurrency import run_in_thread
from .._config import MAX_PICTURE_BYTES
from .._errors import ConfigurationError, DownloadError, StatusError, SwapError
from .._events import Saved
from .._models import Call, SwapJob, SwapResult
from .._policy.retry import backoff
from .free_calls import request_until_answered
from .output_files import OutputFile, holds_result

if TYPE_CHECKING:
    from .session import Session

Source = Callable[[], Awaitable[Path | None]]
"""Tells which file holds a picture at this moment; None if there is none."""
_MAX_REDIRECTS = 5
_DOWNLOADS = 5
"""Downloads of a result that is no whole picture, at most."""
_SAME_PICTURES = 2
"""Downloads in a row that must have the same content, if it is a picture of another type, or cut short.
A page or a text must be the same in all downloads: the host may send the page of a maintenance."""
_SHORTEST_PAUSE = 0.5
_notice = logging.getLogger("segmind_swap.notice")
# Seconds after the end of its job within which a picture may be answered 403 or 404: a server of copies does
# not have it yet, or a firewall asks for a browser.
_VISIBLE_AFTER = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """The content of a result.

    Attributes:
        data: The bytes.
        file_type: The type, by the first bytes.
        warning: Why programs may not show the picture, as a clause; empty for a whole JPEG, PNG or WebP.
    """

    data: bytes = field(repr=False)
    file_type: FileType
    warning: str = ""


async def read(session: Session, result: SwapResult, *, swap: int | None) -> DownloadedFile:
    """Downloads the result, and logs a warning if it is no whole JPEG, PNG or WebP. The API key is not sent.

    Raises:
        DownloadError: the picture cannot be fetched, is empty, is no picture and another file each time, or
            is at a URL that must not be fetched.
        ConfigurationError: the client was closed.
    """
    file = await _download(session, result, swap)
    if file.warning:
        _notice.warning("the content of %s is returned as it is, although %s", result.url, file.warning)
    return file


async def save(
    session: Session, result: SwapResult, file: OutputFile, *, swap: int, source: Source | None = None
) -> SwapResult:
    """Downloads the picture into a file, and returns the result with its path.

    A file that already holds exactly this picture counts as saved.

    Args:
        session: The session.
        result: The finished swap.
        file: The file.
        swap: The number of the swap, for the events.
        source: Tells the file that holds the picture already. The picture is downloaded only if there is no
            such file that can be read. The new file is a copy, so that a change of one file does not change
            the other.

    Raises:
        DownloadError: the picture cannot be fetched, or the file cannot be written.
        ConfigurationError: the client was closed.
        JournalError: raised by `source`.
    """
    copied = None if source is None else await _copied(source)
    picture = copied or await _download(session, result, swap)
    file_type = picture.file_type
    try:
        path = await run_in_thread(lambda: file.write(picture.data, file_type.suffix))
    except FileExistsError:
        problem = "another program made this file meanwhile"
    except OSError as exc:
        problem = exc.strerror or str(exc)
    else:
        if picture.warning:
            _notice.warning(
                "the result was saved as %s, although %s; look at the file; %s can be fetched again for about"
                " 7 days, by a batch if its file is deleted",
                path,
                picture.warning,
                result.url,
            )
        elif file.misnames(file_type.suffix):
            _notice.warning(
                "%s is a picture of the type %s, whatever its name says", path, file_type.media_type
            )
        session.emit(
            Saved(
                swap=swap,
                result=result,
                path=path,
                size_bytes=len(picture.data),
                media_type=file_type.media_type,
            )
        )
        return result.model_copy(update={"path": path})
    raise DownloadError(
        f"the picture at {result.url} could not be saved as {file.with_suffix(file_type.suffix)}: {problem}",
        url=result.url,
        job=result.job,
    )


async def _copied(source: Source) -> DownloadedFile | None:
    """The picture in the file that the source tells; None if no file holds the picture any more.

    The source is asked again after the file was read: another version may have taken the name meanwhile, or a
    person has moved the file.
    """
    path = await source()
    while path is not None:
        content = await run_in_thread(partial(_content_of, path))
        path, earlier = await source(), path
        if path == earlier:
            return content
    return None


def _content_of(file: Path) -> DownloadedFile | None:
    """The picture in a file that was saved before; None if the file does not hold it any more."""
    if not holds_result(file):
        return None
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_PICTURE_BYTES + 1)
    except OSError:
        return None
    return None if len(data) > MAX_PICTURE_BYTES else DownloadedFile(data=data, file_type=file_type_of(data))


async def _download(session: Session, result: SwapResult, swap: int | None) -> DownloadedFile:
    """The content of the result, which is downloaded again while it is no whole picture and changes."""
    digests: list[str] = []
    while True:
        response = await _final_response(session, result, swap)
        data = response.body
        # A large picture takes tens of milliseconds: too long for the event loop.
        problem, digest = await run_in_thread(lambda: _problem_and_digest(data))  # noqa: B023
        file_type = file_type_of(data)
        if problem is None:
            return DownloadedFile(data=data, file_type=file_type)
        digests.append(digest)
        same = _SAME_PICTURES if file_type.is_picture else _DOWNLOADS
        if data and digests[-same:] == [digest] * same:
            times = f"{same} downloads in a row gave the same {len(data):,} bytes"
            return DownloadedFile(data=data, file_type=file_type, warning=f"{problem} ({times})")
        error = DownloadError(
            f"the content of {result.url} cannot be used: {problem}",
            url=result.url,
            status_code=response.status_code,
            job=result.job,
        )
        if len(digests) >= _DOWNLOADS:
            raise error
        delay = max(_SHORTEST_PAUSE, backoff(session.retry, len(digests)))
        session.emit_retry(
            error, call=Call.DOWNLOAD, swap=swap, attempt=len(digests), delay=delay, job=result.job
        )
        await anyio.sleep(delay)


def _problem_and_digest(data: bytes) -> tuple[str | None, str]:
    """Why the content is no whole picture, and what identifies it; None if it is a whole picture."""
    try:
        return None, checked(data, max_bytes=MAX_PICTURE_BYTES).sha256
    except UnusableImageError as exc:
        return exc.problem, hashlib.sha256(data).hexdigest()


async def _final_response(session: Session, result: SwapResult, swap: int | None) -> Response:
    """The response at the end of the redirects."""
    url, missing_until = picture_url(result.url), _missing_until(result)
    for _ in range(_MAX_REDIRECTS + 1):
        response = await _fetch(session, url, result.job, swap, missing_until)
        if response.status_code < 300:
            return response
        url = redirect_target(url, response.headers.get("location", ""))
    raise DownloadError(
        f"{result.url} is redirected more than {_MAX_REDIRECTS} times", url=result.url, job=result.job
    )


def _missing_until(result: SwapResult) -> float:
    """Until when the picture may not be visible yet, on the clock of the event loop."""
    job = result.job
    age = (datetime.now(UTC) - job.submitted_at).total_seconds() - result.seconds
    # The process that has waited for the job may have had another clock.
    return anyio.current_time() + min(max(0.0, _VISIBLE_AFTER - age), _VISIBLE_AFTER)


async def _fetch(
    session: Session, url: str, job: SwapJob, swap: int | None, missing_until: float
) -> Response:
    problem = session.http.service.picture_url_problem(url)
    if problem is not None:
        raise DownloadError(f"{shorten(url)} is not fetched: {problem}", url=url, job=job)
    try:
        return await request_until_answered(
            session, download_request(url, swap=swap), job=job, missing_until=missing_until
        )
    except ConfigurationError:
        raise
    except SwapError as exc:
        code = exc.status_code if isinstance(exc, StatusError) else None
        cause = str(exc)
    raise DownloadError(f"{url} could not be fetched: {cause}", url=url, status_code=code, job=job)
