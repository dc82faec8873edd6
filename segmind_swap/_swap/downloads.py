"""Downloads a finished picture, without the API key, checks that it is a picture, and saves it to a file."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from .._api.image_header import LoadedImage, checked
from .._api.messages import Response
from .._api.requests import download_request
from .._api.text import shorten
from .._api.urls import picture_url, redirect_target
from .._concurrency import run_in_thread
from .._config import MAX_PICTURE_BYTES
from .._errors import ConfigurationError, DownloadError, StatusError, SwapError
from .._events import Saved
from .._models import SwapJob, SwapResult
from .free_calls import request_until_answered
from .output_files import OutputFile

if TYPE_CHECKING:
    from .session import Session

_MAX_REDIRECTS = 5
_notice = logging.getLogger("segmind_swap.notice")
# Seconds after the end of its job within which a picture may be answered 403 or 404: a server of copies does
# not have it yet, or a firewall asks for a browser.
_VISIBLE_AFTER = 120.0


async def read(session: Session, result: SwapResult, *, swap: int | None) -> LoadedImage:
    """Downloads the finished picture. The API key is not sent.

    Raises:
        DownloadError: the picture cannot be fetched, is not a picture, or is at a URL that must not be
            fetched.
        ConfigurationError: the client was closed.
    """
    url, missing_until = picture_url(result.url), _missing_until(result)
    for _ in range(_MAX_REDIRECTS + 1):
        response = await _fetch(session, url, result.job, swap, missing_until)
        if response.status_code < 300:
            try:
                return checked(response.body, max_bytes=MAX_PICTURE_BYTES)
            except ValueError as exc:
                problem = str(exc)
            raise DownloadError(
                f"the content of {url} cannot be used: {problem}",
                url=url,
                status_code=response.status_code,
                job=result.job,
            )
        url = redirect_target(url, response.headers.get("location", ""))
    raise DownloadError(
        f"{result.url} is redirected more than {_MAX_REDIRECTS} times", url=result.url, job=result.job
    )


async def save(session: Session, result: SwapResult, file: OutputFile, *, swap: int) -> SwapResult:
    """Downloads the picture into a file, and returns the result with its path.

    A file that already holds exactly this picture counts as saved.

    Raises:
        DownloadError: the picture cannot be fetched, or the file cannot be written.
        ConfigurationError: the client was closed.
    """
    picture = await read(session, result, swap=swap)
    try:
        path = await run_in_thread(lambda: file.write(picture.data, picture.suffix))
    except FileExistsError:
        problem = "another program made this file meanwhile"
    except OSError as exc:
        problem = exc.strerror or str(exc)
    else:
        if file.misnames(picture.suffix):
            _notice.warning(
                "%s is a picture of the type %s, whatever its name says", path, picture.media_type
            )
        session.emit(
            Saved(
                swap=swap,
                result=result,
                path=path,
                size_bytes=len(picture.data),
                media_type=picture.media_type,
            )
        )
        return result.model_copy(update={"path": path})
    raise DownloadError(
        f"the picture at {result.url} could not be saved as {file.with_suffix(picture.suffix)}: {problem}",
        url=result.url,
        job=result.job,
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
