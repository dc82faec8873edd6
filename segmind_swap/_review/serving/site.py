"""The addresses of the review server: the page, its changes, the pictures, and the decisions."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

from pydantic import TypeAdapter, ValidationError

from ..._api.ids import canonical_id
from ..._api.origins import is_url
from ..._concurrency import run_in_thread
from ..._errors import ConfigurationError, JournalError
from ..._models import Value
from ..._protocols.marks import Mark, Verdict
from ..checks.thresholds import Thresholds
from ..desk import Desk
from ..page.assemble import page_html, policy
from ..page.data import BatchFacts, Links, References, item, page_data
from ..pictures.picture import ReviewPicture
from ..pictures.thumbnails import Thumbnails
from .messages import Request, Response

_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
}
"""A file with another suffix is sent without a type that a browser would run or show."""
_NOT_FOUND = Response(status=404, body=b"not found")
_FILE_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    # The address of a picture has the beginning of its hash, so it never shows another one.
    "cache-control": "private, max-age=3600",
}
_LATER = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in a decision of the page until the desk gives it the time of its arrival."""


class _Sent(Value):
    """A decision as the page sends it."""

    id: str
    version: int
    sha256: str
    decision: Verdict
    reasons: tuple[str, ...] = ()
    note: str = ""

    def mark(self) -> Mark:
        return Mark(at=_LATER, **self.model_dump())


_SENT = TypeAdapter(list[_Sent])


class Site:
    """Answers the requests that the gatekeeper has let through.

    Args:
        desk: The pictures.
        facts: Returns the facts about the batch as they are now.
        thresholds: The thresholds of the flags.
    """

    def __init__(
        self, desk: Desk, facts: Callable[[], Awaitable[BatchFacts]], thresholds: Thresholds
    ) -> None:
        self._desk = desk
        self._facts = facts
        self._thresholds = thresholds
        self._thumbnails = Thumbnails(desk.folder)
        self._references = References()
        self._reference_files: list[str] = []
        self._reference_places: dict[str, int] = {}
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._links = Links(
            picture=lambda picture: f"picture/{self._place(picture)}?{picture.sha256[:16]}",
            earlier=lambda picture, n: f"earlier/{self._place(picture)}/{picture.earlier[n].version}",
            thumbnail=lambda picture: f"thumbnail/{self._place(picture)}?{picture.sha256[:16]}",
            scene=self._scene,
            reference=self._reference,
        )

    async def handle(self, request: Request) -> Response:
        """Answers a request. Its first segment is the token, which the gatekeeper has checked."""
        match request.segments[1:]:
            case [] | [""] if request.method != "POST":
                if not request.target.partition("?")[0].endswith("/"):
                    return Response(status=308, headers={"location": f"/{request.segments[0]}/"})
                return await self._page()
            case ["changes"] if request.method != "POST":
                return await self._changes(request)
            case ["marks"] if request.method == "POST":
                return await self._decide(request.body)
            case [kind, place] if request.method != "POST" and place.isascii() and place.isdigit():
                return await self._file(kind, int(place))
            case ["earlier", place, version] if place.isascii() and place.isdigit():
                picture = self._picture(int(place))
                earlier = () if picture is None else picture.earlier
                return _file(next((e.path for e in earlier if str(e.version) == version), None))
            case _:
                return _NOT_FOUND

    async def _page(self) -> Response:
        facts = await self._facts()
        data = page_data(
            list(self._desk.pictures.values()),
            facts,
            self._links,
            self._thresholds,
            now=datetime.now(UTC),
            served=True,
            sequence=self._desk.revision,
            references=self._references,
        )
        html = await run_in_thread(lambda: page_html(data, served=True).encode())
        headers = {"content-security-policy": f"{policy(served=True)}; frame-ancestors 'none'"}
        return Response(media_type="text/html; charset=utf-8", body=html, headers=headers)

    async def _changes(self, request: Request) -> Response:
        since = parse_qs(request.query).get("since", ["0"])[-1]
        if not (since.isascii() and since.isdigit()):
            return Response(status=400, body=b"since must be a number")
        facts = await self._facts()
        changed = self._desk.changed_since(int(since))
        return _json(
            {
                "sequence": self._desk.revision,
                "spent_usd": facts.spent_usd,
                "items": [item(picture, self._links, self._references) for picture in changed],
                "references": self._references.urls,
            }
        )

    async def _decide(self, body: bytes) -> Response:
        """Stores decisions. A decision about a picture that is gone or new is refused alone."""
        try:
            marks = [sent.mark() for sent in _SENT.validate_json(body)]
        except ValidationError:
            return Response(status=422, body=b"these are no decisions")
        try:
            stored, refused = await self._desk.decide(marks)
        except (JournalError, ConfigurationError) as exc:
            return Response(status=503, body=str(exc).encode())
        told = [f"{id} has another picture now: look at it again" for id in refused]
        return _json({"stored": len(stored), "refused": told})

    async def _file(self, kind: str, place: int) -> Response:
        if kind == "reference":
            files = self._reference_files
            return _file(Path(files[place]) if place < len(files) else None)
        picture = self._picture(place)
        if picture is None:
            return _NOT_FOUND
        path = self._desk.file_of(picture)
        match kind:
            case "picture":
                return _file(path)
            case "scene":
                return _file(None if is_url(picture.scene) else Path(picture.scene))
            case "thumbnail":
                made = await run_in_thread(lambda: self._thumbnails.make(path, picture.sha256))
                return _file(made)
            case _:
                return _NOT_FOUND

    def _picture(self, place: int) -> ReviewPicture | None:
        return self._desk.pictures.get(self._keys[place]) if place < len(self._keys) else None

    def _place(self, picture: ReviewPicture) -> int:
        key = canonical_id(picture.id)
        if key not in self._places:
            self._places[key] = len(self._keys)
            self._keys.append(key)
        return self._places[key]

    def _scene(self, picture: ReviewPicture) -> str | None:
        # A description of bytes is no path with a suffix, and a file that is gone is answered 404.
        return None if is_url(picture.scene) else f"scene/{self._place(picture)}"

    def _reference(self, picture: ReviewPicture) -> str | None:
        name = picture.reference
        if is_url(name):
            return None
        place = self._reference_places.setdefault(name, len(self._reference_files))
        if place == len(self._reference_files):
            self._reference_files.append(name)
        return f"reference/{place}"


def _file(path: Path | None) -> Response:
    if path is None or not path.is_file():
        return _NOT_FOUND
    media_type = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    return Response(media_type=media_type, body=path, headers=_FILE_HEADERS)


def _json(value: Mapping[str, object]) -> Response:
    return Response(media_type="application/json", body=json.dumps(value, ensure_ascii=True).encode())
