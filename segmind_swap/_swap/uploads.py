"""Local pictures get a URL: once for each content, however many tasks ask at the same time."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from .._api.image_header import LoadedImage
from .._api.messages import Request
from .._api.requests import upload_request
from .._api.responses import read_upload
from .._errors import ImageError
from .._events import Uploaded
from .._models import ImageInput
from .free_calls import ask
from .images import is_url, load
from .session import Session

_AT_ONCE = 4
# Calls, each with two pictures of up to 20 MB, and their base64 while they are sent.
_LOADED_AT_ONCE = 8
_REMEMBERED = 4096
# How long the service keeps an upload is not published; a URL that has gone would fail a paid job.
_LIFETIME = 3600.0


@dataclass(slots=True)
class _Content:
    """One content that is being uploaded."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    waiting: int = 0


class Uploads:
    """Uploads pictures, and remembers where they are for an hour. Belongs to one event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._under_way: dict[str, _Content] = {}
        self._places = anyio.Semaphore(_AT_ONCE)
        self._memory = anyio.Semaphore(_LOADED_AT_ONCE)

    async def urls_of(self, *images: ImageInput) -> list[str]:
        """A URL for each picture, in the same order. All are checked before the first is uploaded.

        Raises:
            ImageError: a picture cannot be used.
            SwapError: an upload did not succeed.
        """
        async with self.loaded(*images) as pictures:
            return [await self.url_of(picture) for picture in pictures]

    @asynccontextmanager
    async def loaded(self, *images: ImageInput) -> AsyncIterator[list[LoadedImage | str]]:
        """The pictures, checked; those that are URLs, as they are. Only so many are in memory at a time.

        Raises:
            ImageError: a picture cannot be used.
        """
        async with self._memory:
            yield [await self._checked(image) for image in images]

    async def _checked(self, image: ImageInput) -> LoadedImage | str:
        limit = self._session.max_image_bytes
        if not is_url(image):
            return await anyio.to_thread.run_sync(lambda: load(image, max_bytes=limit))
        load(image, max_bytes=limit)  # reads nothing, so it needs no thread
        complaint = self._session.http.service.input_url_problem(image)
        if complaint is not None:
            raise ImageError(f"{image}: the service could not fetch it: {complaint}", image=image)
        return image

    async def url_of(self, picture: LoadedImage | str) -> str:
        """Where the service finds a picture that is loaded.

        Raises:
            SwapError: its upload did not succeed.
        """
        if isinstance(picture, str):
            return picture
        digest = picture.sha256
        content = self._under_way.setdefault(digest, _Content())
        content.waiting += 1
        try:
            async with content.lock:
                url = self._remembered(digest)
                if url is None:
                    async with self._places:
                        url = await self._upload(picture)
                    self._remember(digest, url)
                return url
        finally:
            content.waiting -= 1
            if not content.waiting:
                del self._under_way[digest]

    async def _upload(self, picture: LoadedImage) -> str:
        session = self._session
        service = session.http.service

        def encoded() -> Request:
            text = base64.b64encode(picture.data).decode()
            return upload_request(service, f"data:{picture.media_type};base64,{text}")

        # Tens of milliseconds for a large picture: too long for the event loop.
        request = await anyio.to_thread.run_sync(encoded)
        url = read_upload(service, await ask(session, request))
        session.emit(Uploaded(url=url, size_bytes=len(picture.data)))
        return url

    def _remembered(self, digest: str) -> str | None:
        url, expires_at = self._known.get(digest, ("", 0.0))
        if not url or anyio.current_time() >= expires_at:
            return None
        self._known.move_to_end(digest)
        return url

    def _remember(self, digest: str, url: str) -> None:
        self._known[digest] = (url, anyio.current_time() + _LIFETIME)
        self._known.move_to_end(digest)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
