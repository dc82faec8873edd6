"""Finds what a ledger has recorded of a swap: its entry without its pictures, and the file of its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..._concurrency import run_in_thread
from ..._models import SwapRequest, SwapResult
from ..._protocols.entry import Entry
from ..._protocols.ledger import LedgerView
from ..._swap.output_files import OutputFile, holds_result
from ..versions.entries import Entries
from ..versions.files import moved_to


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
    # Look in the folder of this run first: the folder may have been moved.
    for path in () if result.path is None else (moved_to(file.path.parent, result.path), result.path):
        if await run_in_thread(partial(holds_result, path)):
            return result.model_copy(update={"path": path})
    return None


async def path_of_result(result: SwapResult, file: OutputFile) -> Path | None:
    """The file that holds the picture of a result, as `result_in_file`; None if there is none."""
    found = await result_in_file(result, file)
    return None if found is None else found.path


async def file_to_copy(ledger: LedgerView, result: SwapResult, file: OutputFile) -> Path | None:
    """The file from which the picture of a copy can be copied. None for a swap that is no copy.

    Args:
        ledger: The ledger.
        result: The result of the copy.
        file: The file of the copy.

    Raises:
        JournalError: the ledger failed.
    """
    if not result.copy_of:
        return None
    original = (await ledger.find([result.copy_of])).get(result.copy_of)
    if original is None or original.result is None or original.result.url != result.url:
        # The swap may have another result by now, of other pictures.
        return None
    return await path_of_result(original.result, file)
