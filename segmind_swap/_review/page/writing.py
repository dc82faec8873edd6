"""Writes the page as a file, with its thumbnails beside it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from ..._concurrency import run_in_thread
from ..checks.measurer import can_measure
from ..checks.thresholds import Thresholds
from ..desk import Desk, Progress
from ..pictures.picture import ReviewPicture
from ..pictures.thumbnails import Thumbnails
from .assemble import page_html
from .data import BatchFacts, file_links, page_data

PAGE_NAME = "review.html"
_AT_ONCE = 2
"""Threads that make thumbnails. Most of the work is in decoders, which run side by side."""
_CHUNK = 8


async def write_page(
    page: Path, desk: Desk, facts: BatchFacts, thresholds: Thresholds, *, on_progress: Progress | None = None
) -> None:
    """Writes the page completely or not at all, in place of an earlier one.

    Raises:
        OSError: the page cannot be written.
    """
    pictures = list(desk.pictures.values())
    thumbnails = await make_thumbnails(Thumbnails(desk.folder), pictures, on_progress)

    def write() -> None:
        links = file_links(page.absolute().parent, thumbnails)
        data = page_data(pictures, facts, links, thresholds, now=datetime.now(UTC))
        write_text(page, page_html(data, served=False))

    await run_in_thread(write)


async def make_thumbnails(
    thumbnails: Thumbnails, pictures: Sequence[ReviewPicture], on_progress: Progress | None = None
) -> dict[str, Path]:
    """The thumbnail of each picture by its SHA-256, or the picture itself; no thumbnail without Pillow."""
    made: dict[str, Path] = {}
    if not can_measure():
        return made
    chunks = iter([pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK)])

    async def work() -> None:
        for chunk in chunks:
            made.update(await run_in_thread(partial(_made, thumbnails, chunk)))
            if on_progress is not None:
                on_progress(len(made), len(pictures))

    async with anyio.create_task_group() as group:
        for _ in range(_AT_ONCE):
            group.start_soon(work)
    return made


def _made(thumbnails: Thumbnails, pictures: Iterable[ReviewPicture]) -> dict[str, Path]:
    return {picture.sha256: thumbnails.make(picture.path, picture.sha256) for picture in pictures}


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 file under another name, and renames it when it is on the disk.

    Raises:
        OSError: the file cannot be written. An earlier file of that name is as it was.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
