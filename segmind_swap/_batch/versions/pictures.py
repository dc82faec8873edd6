"""Where the pictures of a batch are: the file of each entry, and how a later version is saved."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..._concurrency import run_in_thread
from ..._errors import ConfigurationError, DownloadError
from ..._models import SwapRequest, SwapResult
from ..._outcome import OutcomeState
from ..._protocols.entry import Entry
from ..._protocols.ledger import Ledger, LedgerSource
from ..._protocols.marks import Verdict, mark_of_version
from ..._swap.downloads import Source, save
from ..._swap.output_files import VERSIONS, OutputFile, discarded_path, is_kept
from ..inputs import output_file_of
from ..known.recorded import result_in_file
from .files import VersionFile

if TYPE_CHECKING:
    from ..._swap.session import Session


class Pictures:
    """The files of the pictures of a batch.

    Args:
        session: The session.
        ledger: The ledger.
        folder: Where pictures are saved; None if they are not saved.
        source: The source of the ledger, which also has the decisions about the pictures.
    """

    def __init__(self, session: Session, ledger: Ledger, folder: Path | None, source: LedgerSource) -> None:
        self._session = session
        self._ledger = ledger
        self._folder = folder
        self._source = source

    @property
    def are_saved(self) -> bool:
        """Whether the batch saves pictures."""
        return self._folder is not None

    async def file_of(self, request: SwapRequest, version: int) -> OutputFile | None:
        """The file that the picture of a version is saved to; None if pictures are not saved.

        Raises:
            JournalError: the ledger cannot be read.
        """
        if self._folder is None:
            return None
        file = output_file_of(request, self._folder)
        if version == 1:
            return file
        earlier = {
            entry.result.path.name: entry.version
            for entry in await self._saved_before(request.id or "", version)
            if entry.result is not None and entry.result.path is not None and not is_kept(entry.result.path)
        }
        return VersionFile(file.path, suffixed=file.suffixed, version=version, earlier=earlier)

    async def _saved_before(self, id: str, version: int) -> list[Entry]:
        async with aclosing(self._ledger.versions([id])) as entries:
            return [
                entry
                async for entry in entries
                if entry.version < version and entry.state is OutcomeState.SAVED
            ]

    async def checked_file_of(self, request: SwapRequest, version: int) -> OutputFile | None:
        """As `file_of`, for a swap that is about to be paid. Makes the folder of the earlier versions.

        Raises:
            ConfigurationError: the folder cannot be made.
            JournalError: the ledger cannot be read.
        """
        file = await self.file_of(request, version)
        if isinstance(file, VersionFile):
            try:
                await run_in_thread(file.make_folder)
            except OSError as exc:
                problem = exc.strerror or str(exc)
                raise ConfigurationError(
                    f"cannot save another version of {file.path}, because the folder for the version before"
                    f" cannot be made: {problem}"
                ) from None
        return file

    async def found(self, entry: Entry, file: OutputFile) -> SwapResult | None:
        """The result of a saved entry with the path at which the file is now.

        None if the file is missing, and is to be fetched again. The file of a picture that a person has
        discarded is in the folder `discarded`, or is deleted, and is not fetched again.

        Raises:
            JournalError: the decisions cannot be read.
        """
        result = entry.result
        if result is None or result.path is None:
            return None
        if (found := await result_in_file(result, file)) is not None:
            return found
        if entry.state is OutcomeState.SAVED and await self._is_discarded(entry):
            picture = file.path.with_name(f"{file.path.name}{result.path.suffix}")
            return result.model_copy(update={"path": discarded_path(picture, entry.version)})
        return None

    async def _is_discarded(self, entry: Entry) -> bool:
        marks = await run_in_thread(lambda: self._source.marks)
        if marks is None:
            return False
        mark = mark_of_version(await marks.of(entry.id), entry.version)
        return mark is not None and mark.decision is Verdict.DISCARD

    async def save(
        self,
        request: SwapRequest,
        result: SwapResult,
        file: OutputFile,
        *,
        swap: int,
        source: Source | None = None,
    ) -> SwapResult:
        """Downloads the picture into the file, after the files of earlier versions have their second names.

        With `source`, which tells the file that holds the picture already, that file is copied instead.

        Raises:
            DownloadError: the picture cannot be fetched, or the file cannot be written.
            JournalError: the second names cannot be recorded. No file was replaced.
            ConfigurationError: the client was closed.
        """
        if isinstance(file, VersionFile):
            await self._keep_earlier(request.id or "", result, file)
        return await save(self._session, result, file, swap=swap, source=source)

    async def _keep_earlier(self, id: str, result: SwapResult, file: VersionFile) -> None:
        try:
            kept = await run_in_thread(file.keep_earlier)
        except OSError as exc:
            problem = exc.strerror or str(exc)
            raise DownloadError(
                f"the picture at {result.url} was not saved, because the file of the version before could not"
                f" be kept in the folder {file.path.with_name(VERSIONS)}: {problem}",
                url=result.url,
                job=result.job,
            ) from None
        # Before the file of this version replaces that of an earlier one: after a crash, the next run knows
        # by this record that the file which it finds is kept already, or is this version's.
        for entry in await self._saved_before(id, file.version):
            if entry.version not in kept or entry.result is None:
                continue
            path, recorded = kept[entry.version], entry.result.path
            if recorded is None or not await run_in_thread(partial(file.is_elsewhere, recorded, path)):
                await self._ledger.save(entry, entry.result.model_copy(update={"path": path}))
