"""What a batch would reject, found out before anything is sent."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.to_thread

from .._errors import ConfigurationError, ImageError, JournalError
from .._journal.journal import Journal
from .._journal.store import Store
from .._models import ImageInput, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._policy.ids import canonical_id
from .._protocols import Entry
from .._swap.images import is_url
from .._swap.output_files import check_target
from .._swap.uploads import Uploads
from .fingerprint import fingerprint_of, identity_of
from .inputs import check_id, target_of

_FILES_REMEMBERED = 64
_File: TypeAlias = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What requests are compared with.

    Attributes:
        folder: Where results will be saved, if it is there already.
        store: The journal, if it is there already.
        ids: The ids so far, by what makes them the same file name.
        needs_ids: Whether a request without an id cannot be used.
        files: The last files that were read, as (path, size, time of change), and what each is known by: one
            picture is often the reference of thousands.
    """

    folder: Path | None
    store: Store | None
    needs_ids: bool
    ids: dict[str, str] = field(default_factory=dict)
    files: dict[_File, str] = field(default_factory=dict)


async def check(
    uploads: Uploads,
    requests: AsyncIterable[SwapRequest],
    *,
    journal: Journal | None,
    save_to: Path | None,
) -> list[SwapOutcome]:
    """The requests that a batch would reject, each with its error."""
    store = None if journal is None else await anyio.to_thread.run_sync(journal.opened_to_look)
    known = _Known(
        folder=save_to if save_to is not None and await anyio.Path(save_to).exists() else None,
        store=store,
        needs_ids=journal is not None or save_to is not None,
    )
    problems: list[SwapOutcome] = []
    try:
        async for request in requests:
            try:
                await _judge(uploads, request, known)
            except (ConfigurationError, ImageError, JournalError) as exc:
                problems.append(SwapOutcome(request=request, state=OutcomeState.REJECTED, error=exc))
    finally:
        if store is not None:
            store.close()
    return problems


async def _judge(uploads: Uploads, request: SwapRequest, known: _Known) -> None:
    check_id(request, needed=known.needs_ids)
    entry = _entry(request.id, known)
    names = request.reference_character_image, request.character_image
    try:
        identities = [await _identity(uploads, image, known) for image in names]
    except ImageError:
        # Done before, and its pictures are gone: nothing of it will be sent.
        if entry is None or entry.state is OutcomeState.PENDING or (entry.reference, entry.scene) != names:
            raise
        return
    looked_at = [identity for identity in identities if identity is not None]
    is_other = entry is not None and len(looked_at) == 2 and entry.fingerprint != fingerprint_of(looked_at)
    if entry is not None and known.store is not None and is_other:
        raise JournalError(known.store.other_pictures(entry), path=known.store.path)
    if known.folder is not None and (entry is None or entry.state is OutcomeState.PENDING):
        await check_target(target_of(request, known.folder))


async def _identity(uploads: Uploads, image: ImageInput, known: _Known) -> str | None:
    """What a picture is known by; None of an open file, which must be read once only, by its swap."""
    if callable(getattr(image, "read", None)):
        return None
    file = await _file(image)
    if file is not None and file in known.files:
        return known.files[file]
    async with uploads.loaded(image) as (picture,):
        identity = identity_of(picture)
    if file is not None:
        known.files[file] = identity
        if len(known.files) > _FILES_REMEMBERED:
            del known.files[next(iter(known.files))]
    return identity


async def _file(image: ImageInput) -> _File | None:
    if not isinstance(image, str) or is_url(image):
        return None
    try:
        found = await anyio.Path(image).stat()
    except (OSError, ValueError):
        return None
    return image, found.st_size, found.st_mtime_ns


def _entry(id: str | None, known: _Known) -> Entry | None:
    if id is None:
        return None
    key = canonical_id(id)
    other = known.ids.get(key)
    if other is not None:
        as_good = "is given twice" if other == id else f"would be the same file as {other!r} on some systems"
        raise ConfigurationError(f"the id {id!r} {as_good}: give each swap an id of its own")
    known.ids[key] = id
    return None if known.store is None else known.store.known(key)
