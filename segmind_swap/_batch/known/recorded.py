"""Finds what a ledger has recorded of a swap: its entry without its pictures, and the file of its result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from ..._concurrency import run_in_thread
from ..._models import SwapRequest, SwapResult
from ..._protocols.entry import Entry
from ..._protocols.ledger import LedgerView
from ..._swap.output_files import OutputFile, discarded_path, holds_result
from ..versions.entries import Entries
from ..versions.files import moved_to
from .payers import Original


async def take_without_pictures(
    entries: Entries, request: SwapRequest, is_settled: Callable[[Entry], bool]
) -> Entry | None:
    """Takes the entry of a swap whose pictures cannot be read. None if the swap would still be submitted.

    Raises:
        JournalError: the ledger failed.
    """
    id = request.id
    if id is None:
        return None
    entry = (await entries.find([id])).get(id)
    if entry is None or not is_settled(entry):
        return None
    known = entries.input_of(entry)
    names = (request.reference_character_image, request.character_image)
    return None if (known.reference, known.scene) != names else await entries.take(replace(known, id=id))


async def result_in_file(result: SwapResult, file: OutputFile) -> SwapResult | None:
    """The result, with the file that holds its picture. None if there is no such file any more.

    Args:
        result: The result of an earlier run.
        file: The file that this run would save to.
    """
    path = await run_in_thread(lambda: next(filter(holds_result, _places(result, file)), None))
    return None if path is None else result.model_copy(update={"path": path})


def _places(result: SwapResult, file: OutputFile) -> list[Path]:
    """Where the file of a result may be: in the folder of this run first, because it may have been moved."""
    return [] if result.path is None else [moved_to(file.path.parent, result.path), result.path]


async def file_to_copy(
    ledger: LedgerView, result: SwapResult, file: OutputFile, original: Original | None = None
) -> Path | None:
    """The file from which the picture of a copy can be copied now. None for a swap that is no copy.

    Of a swap with several versions, the file of the version with this result. It may have a second name by
    now, because a later version has taken its name, or be in the folder of what a person has discarded.

    Args:
        ledger: The ledger.
        result: The result of the copy.
        file: The file of the copy.
        original: The swap that is copied, if it is known.

    Raises:
        JournalError: the ledger failed.
    """
    if not result.copy_of:
        return None
    ids = {result.copy_of}
    if original is not None and original.result is not None:
        if not ledger.keeps_entries:
            kept = await result_in_file(original.result, file)
            return None if kept is None else kept.path
        ids.add(original.holder)
    async with aclosing(ledger.versions(ids)) as entries:
        # The swap may have another result by now, of other pictures.
        holders = [
            (entry.version, entry.result)
            async for entry in entries
            if entry.result is not None and entry.result.url == result.url
        ]
    places = [(path, version) for version, held in holders for path in _places(held, file)]
    paths = [path for path, _ in places] + [discarded_path(*place) for place in places]
    return await run_in_thread(lambda: next(filter(holds_result, paths), None))
