"""Finds the requests that a batch would reject, before anything is sent, and hints about the others."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from .._api.ids import canonical_id
from .._errors import ConfigurationError, ImageError, JournalError, SwapError
from .._models import ImageInput, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._protocols.entry import Entry
from .._protocols.ledger import LedgerSource, LedgerView
from .._protocols.looks import PictureLooks
from .._swap.output_files import check_target
from .checks.findings import InputCheck
from .checks.hints import CheckedInput, copies_of, flat_pictures, undecoded_pictures
from .checks.pictures import CheckedPictures
from .fingerprint import fingerprint_of
from .inputs import check_id, output_file_of

if TYPE_CHECKING:
    from .._swap.uploads import Uploads

_REQUESTS_AT_ONCE = 32
"""So many requests are taken at a time, and their pictures are read side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The facts that each request is compared with.

    Attributes:
        folder: Where results will be saved, if the folder exists already.
        ledger: The ledger, if it exists already.
        needs_ids: Whether a request without an id cannot be used.
        pictures: The pictures that were read.
        ids: The ids so far, by their canonical form.
    """

    folder: Path | None
    ledger: LedgerView | None
    needs_ids: bool
    pictures: CheckedPictures
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Request:
    """A request while it is checked.

    Attributes:
        entry: The entry of its id, if there is one.
        error: Why the request cannot be used.
    """

    index: int
    request: SwapRequest
    entry: Entry | None = None
    error: SwapError | None = None

    @property
    def is_submitted(self) -> bool:
        """Whether a batch would submit the request."""
        return self.entry is None or self.entry.state is OutcomeState.PENDING


async def check(
    uploads: Uploads,
    requests: AsyncIterable[SwapRequest],
    *,
    source: LedgerSource | None,
    save_to: Path | None,
    looks: PictureLooks | None,
) -> InputCheck:
    """The requests that a batch would reject, each with its error, and hints about the others.

    Args:
        uploads: Reads the pictures.
        requests: The requests.
        source: The source of the ledger, if there is one.
        save_to: The folder for the results, if there is one.
        looks: Decodes the pictures of requests that would be submitted; None if there is no decoder.

    Raises:
        JournalError: the ledger exists, and cannot be read.
    """
    ledger = None if source is None else await source.look()
    pictures = CheckedPictures(uploads, looks)
    known = _Known(
        folder=save_to if save_to is not None and await anyio.Path(save_to).exists() else None,
        ledger=ledger,
        needs_ids=source is not None or save_to is not None,
        pictures=pictures,
    )
    rejected: list[SwapOutcome] = []
    inputs: list[CheckedInput] = []
    try:
        async for some in _some_at_once(requests):
            for request in some:
                await _find(request, known)
            usable = [request for request in some if request.error is None]
            await pictures.read(
                (image, request.is_submitted) for request in usable for image in _images(request.request)
            )
            for request in usable:
                checked = await _check(request, known)
                if checked is not None:
                    inputs.append(checked)
            rejected += [
                SwapOutcome(request=request.request, state=OutcomeState.REJECTED, error=request.error)
                for request in some
                if request.error is not None
            ]
        seen = pictures.by_identity
        return InputCheck(
            rejected,
            flat=flat_pictures(inputs, seen),
            copies=await copies_of(inputs, ledger, looks, seen),
            undecoded=undecoded_pictures(inputs, seen),
            is_decoded=looks is not None,
        )
    finally:
        if ledger is not None:
            await ledger.aclose()


async def _some_at_once(requests: AsyncIterable[SwapRequest]) -> AsyncIterator[list[_Request]]:
    index, some = 0, list[_Request]()
    async for request in requests:
        some.append(_Request(index, request))
        index += 1
        if len(some) == _REQUESTS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _images(request: SwapRequest) -> tuple[ImageInput, ImageInput]:
    return request.reference_character_image, request.character_image


async def _find(checked: _Request, known: _Known) -> None:
    """Checks the id of a request, and finds its entry."""
    try:
        check_id(checked.request, needed=known.needs_ids)
        checked.entry = await _entry(checked.request.id, known)
    except ConfigurationError as exc:
        checked.error = exc


async def _check(checked: _Request, known: _Known) -> CheckedInput | None:
    """Checks a request whose pictures were read. The input, if a batch would submit the request."""
    try:
        return await _checked_input(checked, known)
    except (ConfigurationError, ImageError, JournalError) as exc:
        checked.error = exc
        return None


async def _checked_input(checked: _Request, known: _Known) -> CheckedInput | None:
    request, entry = checked.request, checked.entry
    names = request.reference_character_image, request.character_image
    try:
        reference, scene = [
            await known.pictures.picture(image, is_decoded=checked.is_submitted) for image in names
        ]
    except ImageError:
        # An earlier run has submitted the swap, so its missing pictures are not needed any more.
        known_names = None if entry is None else (entry.input.reference, entry.input.scene)
        if entry is None or checked.is_submitted or known_names != names:
            raise
        return None
    found = None
    if reference is not None and scene is not None:
        found = CheckedInput(index=checked.index, id=request.id, pictures=(reference, scene))
        is_other = entry is not None and entry.input.fingerprint != fingerprint_of(found.identities)
        if entry is not None and known.ledger is not None and is_other:
            raise JournalError(entry.conflict(known.ledger.name), path=known.ledger.name)
    if known.folder is not None and checked.is_submitted:
        await check_target(output_file_of(request, known.folder))
    return found if checked.is_submitted else None


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
