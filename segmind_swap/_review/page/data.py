"""What the page knows: each picture as a small JSON object, and the facts about the batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from ..._api.origins import is_url
from ..._protocols.marks import Mark
from ..checks.flags import ResultFlag
from ..checks.thresholds import Thresholds
from ..pictures.picture import ReviewPicture


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """The facts about a batch that the page shows.

    Attributes:
        journal_id: Identifies the journal. Decisions are kept and exported under this id.
        title: The heading.
        folder: The folder of the batch as the user named it, for the commands that the page shows.
        price_usd: What a redo of one swap costs, in USD.
        spent_usd: What was spent, or may still have to be paid, in USD; None to show nothing.
    """

    journal_id: str
    title: str
    folder: str
    price_usd: float
    spent_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """How the page names the pictures.

    Attributes:
        picture: The URL of the picture.
        earlier: The URL of an earlier version, by its place in `ReviewPicture.earlier`.
        thumbnail: The URL of the thumbnail.
        scene: The URL of the scene; None if the page must not load it.
        reference: The URL of the reference, likewise.
    """

    picture: Callable[[ReviewPicture], str]
    earlier: Callable[[ReviewPicture, int], str]
    thumbnail: Callable[[ReviewPicture], str]
    scene: Callable[[ReviewPicture], str | None]
    reference: Callable[[ReviewPicture], str | None]


class References:
    """The references of a page, each once: thousands of pictures share one."""

    def __init__(self) -> None:
        self.urls: list[str | None] = []
        self._places: dict[str | None, int] = {}

    def place(self, url: str | None) -> int:
        """The place of a reference in the list."""
        if url not in self._places:
            self._places[url] = len(self.urls)
            self.urls.append(url)
        return self._places[url]


def page_data(
    pictures: Sequence[ReviewPicture],
    facts: BatchFacts,
    links: Links,
    thresholds: Thresholds,
    *,
    now: datetime,
    served: bool = False,
    sequence: int = 0,
    references: References | None = None,
) -> dict[str, object]:
    """The data of the page, as JSON values.

    Args:
        pictures: The pictures, in the order of the page.
        facts: The facts about the batch.
        links: How the page names the pictures.
        thresholds: The thresholds of the flags.
        now: When the page is written. Earlier decisions are in the journal's file already.
        served: Whether a server sends the page, and keeps the decisions.
        sequence: The revision of the desk, from which the page asks for changes.
        references: The references that the page knows already, if a server has sent it others.
    """
    references = references or References()
    return {
        "version": 1,
        "served": served,
        "sequence": sequence,
        "journal": facts.journal_id,
        "title": facts.title,
        "folder": facts.folder,
        "price_usd": facts.price_usd,
        "spent_usd": facts.spent_usd,
        "written": time_text(now),
        "flags": flag_facts(thresholds),
        "items": [item(picture, links, references) for picture in pictures],
        "references": references.urls,
    }


def item(picture: ReviewPicture, links: Links, references: References) -> dict[str, object]:
    """One picture."""
    flags = picture.flags
    return {
        "id": picture.id,
        "version": picture.version,
        "sha256": picture.sha256,
        "picture": links.picture(picture),
        "thumbnail": links.thumbnail(picture),
        "scene": links.scene(picture),
        "reference": references.place(links.reference(picture)),
        "earlier": [
            {"version": earlier.version, "picture": links.earlier(picture, place)}
            for place, earlier in enumerate(picture.earlier)
        ],
        "flags": []
        if flags is None
        else [list(pair) for pair in zip(flags.flags, flags.reasons, strict=True)],
        "numbers": {} if picture.measures is None else picture.measures.numbers(),
        "price_usd": picture.price_usd,
        "mark": None if picture.mark is None else mark_fields(picture.mark),
    }


def mark_fields(mark: Mark) -> dict[str, object]:
    """A mark as the page keeps it. The page compares times as texts, so all have one form."""
    return {
        "decision": mark.decision.value,
        "reasons": list(mark.reasons),
        "note": mark.note,
        "at": time_text(mark.at),
    }


def time_text(at: datetime) -> str:
    """A time as JavaScript's `toISOString` writes it: in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def flag_facts(thresholds: Thresholds) -> list[Mapping[str, object]]:
    """The flags, with the numbers that they look at."""
    return [
        {
            "name": flag.value,
            "number": flag.number,
            "threshold": getattr(thresholds, flag.value, None),
            "is_below": flag.is_below,
        }
        for flag in ResultFlag
    ]


def relative_url(path: Path, folder: Path) -> str:
    """The URL of a file, relative to the folder of the page; of another drive of Windows, a `file:` URL."""
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:
        return path.absolute().as_uri()
    url = quote(Path(relative).as_posix(), errors="surrogateescape")
    return url if url.startswith("../") else f"./{url}"


def input_url(picture: str, folder: Path) -> str | None:
    """The URL of a reference or a scene. A picture on another server is None: the page contacts nobody."""
    if is_url(picture) or not Path(picture).is_file():
        return None
    return relative_url(Path(picture), folder)


def file_links(folder: Path, thumbnails: Mapping[str, Path]) -> Links:
    """The links of a page that lies in a folder. `thumbnails` has the files by the SHA-256 of the picture."""
    return Links(
        picture=lambda picture: relative_url(picture.path, folder),
        earlier=lambda picture, place: relative_url(picture.earlier[place].path, folder),
        thumbnail=lambda picture: relative_url(thumbnails.get(picture.sha256, picture.path), folder),
        scene=lambda picture: input_url(picture.scene, folder),
        reference=lambda picture: input_url(picture.reference, folder),
    )
