"""Which swaps a redo makes again: those that were named, or those that a person has marked in a review."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from segmind_swap import ConfigurationError, Journal, RedoRequest, Review, SwapOutcome, SwapVersion, Verdict
from segmind_swap._api.ids import canonical_id

from .._batch.relocation import Relocation
from .._terminal.console import status_display

_VERSION = ":"
"""Between an id and a version. No id can have this character."""


def named_swaps(texts: Iterable[str]) -> list[RedoRequest]:
    """The swaps that the user has named.

    Raises:
        ConfigurationError: A version is no whole number above zero.
    """
    return [_named(text) for text in texts]


def _named(text: str) -> RedoRequest:
    id, colon, version = text.partition(_VERSION)
    if not colon:
        return RedoRequest(id=id)
    if not version.isdecimal() or int(version) < 1:
        raise ConfigurationError(f"{text!r} names no version: write ID, or ID:2 to redo version 2")
    return RedoRequest(id=id, version=int(version))


def marked_swaps(journal: Path, folder: Path) -> list[RedoRequest]:
    """The swaps whose current picture a person has marked to be made again.

    A mark belongs to one version. If a redo of that version was begun, the mark still names it, so that the
    same command finishes the redo.

    Raises:
        JournalError: There is no journal, or the journal or its decisions cannot be read.
    """
    with status_display("reading the decisions"):
        pictures = asyncio.run(Review(journal, folder=folder).pictures())
    return [
        RedoRequest(id=picture.id, version=picture.mark.version)
        for picture in pictures
        if picture.mark is not None and picture.mark.decision is Verdict.REDO
    ]


def with_moved_pictures(swaps: Sequence[RedoRequest], journal: Path, folder: Path) -> Iterator[RedoRequest]:
    """The swaps with the paths of their pictures, as far as the folder of the batch was moved with them.

    Raises:
        JournalError: The journal cannot be read.
    """
    wanted = {(canonical_id(swap.id), swap.version) for swap in swaps}
    relocation = Relocation(folder.resolve(), ())
    found: dict[tuple[str, int], tuple[SwapOutcome, SwapOutcome]] = {}
    for version in Journal(journal).versions():
        recorded, moved = version.outcome, relocation.outcome(version.outcome)
        key = canonical_id(recorded.request.id or ""), recorded.version
        if key in wanted:
            found[key] = recorded, moved
    for swap in swaps:
        pair = found.get((canonical_id(swap.id), swap.version))
        yield swap if pair is None else _with_pictures(swap, *pair)


def _with_pictures(swap: RedoRequest, recorded: SwapOutcome, moved: SwapOutcome) -> RedoRequest:
    """The swap with the pictures that were moved. The others are found under the paths of the journal."""
    names = ("reference_character_image", "character_image")
    changed = {
        name: getattr(moved.request, name)
        for name in names
        if getattr(moved.request, name) != getattr(recorded.request, name)
    }
    return swap.model_copy(update=changed)


def latest_versions(versions: Iterable[SwapVersion]) -> dict[str, SwapOutcome]:
    """The outcome of the latest version of each id, by the canonical id."""
    return {canonical_id(version.outcome.request.id or ""): version.outcome for version in versions}
