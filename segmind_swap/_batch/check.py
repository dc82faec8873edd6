"""Finds the requests that a batch would reject, before anything is sent."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import anyio

from .._api.ids import canonical_id
from .._errors import ConfigurationError, ImageError, JournalError
from .._models import ImageInput, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._protocols.entry import Entry
from .._protocols.ledger import LedgerSource, LedgerView
from .._swap.images import is_url
from .._swap.output_files import check_target
from .fingerprint import fingerprint_of, identity_of
from .inputs import check_id, output_file_of

if TYPE_CHECKING:
    from .._swap.uploads import Uploads

_FILES_REMEMBERED = 64
_File: TypeAlias = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The facts that each request is compared with.

    Attributes:
        folder: Where results will be saved, if the folder exists already.
        ledger: The ledger, if it exists already.
        needs_ids: Whether a request without an id cannot be used.
        ids: The ids so far, by their canonical form.
        files: The last files that were read, as (path, size, time of change), and the identity of each, or
            why it cannot be used: one picture is often the reference of thousands of swaps.
    """

    folder: Path | None
    ledger: LedgerView | None
    needs_ids: bool
    ids: dict[str, str] = field(default_factory=dict)
    files: dict[_File, str | ImageError] = field(default_factory=dict)


async def check(
    uploads: Uploads,
    requests: AsyncIterable[SwapRequest],
    *,
    source: LedgerSource | None,
    save_to: Path | None,
) -> list[SwapOutcome]:
    """The requests that a batch would reject, each with its error.

    Raises:
        JournalError: the ledger exists, and cannot be read.
    """
    ledger = None if source is None else await source.look()
    known = _Known(
        folder=save_to if save_to is not None and await anyio.Path(save_to).exists() else None,
        ledger=ledger,
        needs_ids=source is not None or save_to is not None,
    )
    problems: list[SwapOutcome] = []
    try:
        async for request in requests:
            try:
                await _check(uploads, request, known)
            except (ConfigurationError, ImageError, JournalError) as exc:
                problems.append(SwapOutcome(request=request, state=OutcomeState.REJECTED, error=exc))
    finally:
        if ledger is not None:
            await ledger.aclose()
    return problems


async def _check(uploads: Uploads, request: SwapRequest, known: _Known) -> None:
    check_id(request, needed=known.needs_ids)
    entry = await _entry(request.id, known)
    names = request.reference_character_image, request.character_image
    try:
        identities = [await _identity(uploads, image, known) for image in names]
    except ImageError:
        # An earlier run has submitted the swap, so its missing pictures are not needed any more.
        if (
            entry is None
            or entry.state is OutcomeState.PENDING
            or (entry.input.reference, entry.input.scene) != names
        ):
            raise
        return
    read = [identity for identity in identities if identity is not None]
    is_other = entry is not None and len(read) == 2 and entry.input.fingerprint != fingerprint_of(read)
    if entry is not None and known.ledger is not None and is_other:
        raise JournalError(entry.conflict(known.ledger.name), path=known.ledger.name)
    if known.folder is not None and (entry is None or entry.state is OutcomeState.PENDING):
        await check_target(output_file_of(request, known.folder))


async def _identity(uploads: Uploads, image: ImageInput, known: _Known) -> str | None:
    """The identity of a picture; None for an open file, which only its swap may read, once."""
    if callable(getattr(image, "read", None)):
        return None
    file = await _file(image)
    found = None if file is None else known.files.get(file)
    if found is None:
        try:
            async with uploads.loaded(image) as (loaded,):
                found = identity_of(loaded)
        except ImageError as exc:
            found = exc
        if file is not None:
            known.files[file] = found
            if len(known.files) > _FILES_REMEMBERED:
                del known.files[next(iter(known.files))]
    if isinstance(found, ImageError):
        # The same error for each input; without this, its traceback would grow.
        raise found.with_traceback(None)
    return found


async def _file(image: ImageInput) -> _File | None:
    if not isinstance(image, str) or is_url(image):
        return None
    try:
        found = await anyio.Path(image).stat()
    except (OSError, ValueError):
        return None
    return image, found.st_size, found.st_mtime_ns


async def _entry(id: str | None, known: _Known) -> Entry | None:
    """The entry of an id, if there is one. Refuses an id that was given before."""
    if id is None:
        return None
    canonical = canonical_id(id)
    other = known.ids.get(canonical)
    if other is not None:
        problem = "is given twice" if other == id else f"would be the same file as {other!r} on some systems"
        raise ConfigurationError(f"the id {id!r} {problem}: give each swap an id of its own")
    known.ids[canonical] = id
    return None if known.ledger is None else (await known.ledger.find([id])).get(id)
