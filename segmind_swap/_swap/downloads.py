"""Finished pictures to bytes."""

from __future__ import annotations

from urllib.parse import urljoin

from .._api.image_header import LoadedImage, checked
from .._api.messages import Response
from .._api.requests import download_request
from .._api.text import shorten
from .._config import MAX_PICTURE_BYTES
from .._errors import ConfigurationError, DownloadError, StatusError, SwapError
from .._models import SwapJob, SwapResult
from .free_calls import ask
from .session import Session

_MAX_REDIRECTS = 5


async def read(session: Session, result: SwapResult) -> LoadedImage:
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


def _redirected(url: str, answer: Response) -> str:
    location = answer.headers.get("location", "")
    try:
        return urljoin(url, location)
    except ValueError:
        return location


async def _fetch(session: Session, url: str, job: SwapJob) -> Response:
    complaint = session.http.service.picture_url_problem(url)
    if complaint is not None:
        raise DownloadError(f"{shorten(url)} is not fetched: {complaint}", url=url, job=job)
    try:
        return await ask(session, download_request(url), job=job)
    except ConfigurationError:
        raise
    except SwapError as exc:
        code = exc.status_code if isinstance(exc, StatusError) else None
        cause = str(exc)
    raise DownloadError(f"{url} could not be fetched: {cause}", url=url, status_code=code, job=job)
