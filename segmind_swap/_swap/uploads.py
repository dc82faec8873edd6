"""Uploads local images: one upload for each content, even if many tasks need the URL at the same time."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from .._api.image_header import LoadedImage
from .._api.messages import Request, SwapUrls
from .._api.requests import upload_request
from .._api.responses import read_upload
from .._concurrency import run_in_thread
from .._errors import ImageError
from .._events import Uploaded
from .._models import ImageInput
from .free_calls import request_until_answered
from .images import is_url, load

if TYPE_CHECKING:
    from .session import Session

_UPLOADS_AT_ONCE = 4
# Limits the memory: each swap has two images of up to 20 MB, and their base64 text during the upload.
_LOADED_AT_ONCE = 8
_URLS_REMEMBERED = 4096
# Seconds. How long the service keeps an upload is not published, and a URL that no longer works would fail
# a paid job.
_URL_LIFETIME = 3600.0


@dataclass(slots=True)
class _Content:
    """One content during its upload.

    Attributes:
        lock: The lock of the task that uploads.
        users: How many tasks have the lock or wait for it.
    """

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    users: int = 0


class Uploads:
    """Uploads images, and reuses their URLs for an hour. Belongs to the event loop of its session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._urls: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._uploading: dict[str, _Content] = {}
        self._upload_slots = anyio.Semaphore(_UPLOADS_AT_ONCE)
        self._memory_slots = anyio.Semaphore(_LOADED_AT_ONCE)
        # Swaps may share a PIL image, which reads its file when it is first used: not in two threads at once.
        self._encoding = anyio.Lock()

    async def urls_of(self, reference: ImageInput, scene: ImageInput, *, swap: int | None) -> SwapUrls:
        """The URLs of the two images of a swap. Both images are checked before either is uploaded.

        Raises:
            ImageError: an image cannot be used.
            SwapError: an upload did not succeed.
        """
        async with self.loaded(reference, scene) as (loaded_reference, loaded_scene):
            return SwapUrls(
                reference=await self.url_of(loaded_reference, swap=swap),
                scene=await self.url_of(loaded_scene, swap=swap),
            )

    @asynccontextmanager
    async def loaded(self, *images: ImageInput) -> AsyncIterator[list[LoadedImage | str]]:
        """The images, loaded and checked, in the same order; an image that is a URL stays a string.

        Only a few callers hold loaded images at a time. The others wait here, so that memory stays bounded.

        Raises:
            ImageError: an image cannot be used.
        """
        async with self._memory_slots:
            yield [await self._load(image) for image in images]

    async def _load(self, image: ImageInput) -> LoadedImage | str:
        limit = self._session.max_image_bytes
        if not is_url(image):
            async with self._encoding if callable(getattr(image, "save", None)) else nullcontext():
                return await run_in_thread(lambda: load(image, max_bytes=limit))
        url = load(image, max_bytes=limit)  # checks the URL only; reads no file, so no thread is needed
        assert isinstance(url, str)  # noqa: S101 - the image is a URL
        problem = self._session.http.service.input_url_problem(url)
        if problem is not None:
            raise ImageError(f"{image}: the service could not fetch it: {problem}", image=image)
        return url

    async def url_of(self, image: LoadedImage | str, *, swap: int | None) -> str:
        """The URL under which the service finds a loaded image. Uploads the image where that is needed.

        Raises:
            SwapError: the upload did not succeed.
        """
        if isinstance(image, str):
            return image
        digest = image.sha256
        content = self._uploading.setdefault(digest, _Content())
        content.users += 1
        try:
            async with content.lock:
                url = self._remembered(digest)
                if url is None:
                    async with self._upload_slots:
                        url = await self._upload(image, swap)
                    self._remember(digest, url)
                return url
        finally:
            content.users -= 1
            if not content.users:
                del self._uploading[digest]

    async def _upload(self, image: LoadedImage, swap: int | None) -> str:
        session = self._session
        service = session.http.service

        def encoded() -> Request:
            text = base64.b64encode(image.data).decode()
            return upload_request(service, f"data:{image.media_type};base64,{text}", swap=swap)

        # Encoding a large image takes tens of milliseconds: too long for the event loop.
        request = await run_in_thread(encoded)
        url = read_upload(service, await request_until_answered(session, request))
        session.emit(Uploaded(swap=swap, url=url, size_bytes=len(image.data)))
        return url

    def _remembered(self, digest: str) -> str | None:
        url, expires_at = self._urls.get(digest, ("", 0.0))
        if not url or anyio.current_time() >= expires_at:
            return None
        self._urls.move_to_end(digest)
        return url

    def _remember(self, digest: str, url: str) -> None:
        self._urls[digest] = (url, anyio.current_time() + _URL_LIFETIME)
        self._urls.move_to_end(digest)
        while len(self._urls) > _URLS_REMEMBERED:
            self._urls.popitem(last=False)
