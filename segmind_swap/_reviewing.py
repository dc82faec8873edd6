"""`Review`: signatures, documentation, and the only place where a journal meets a review."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from ._api.ids import canonical_id
from ._api.text import shorten
from ._concurrency import run_in_thread
from ._config import PRICE_USD
from ._errors import ConfigurationError
from ._journal.beside.marks import marks_path
from ._journal.connection import no_journal
from ._journal.journal import Journal
from ._outcome import OutcomeState, SwapOutcome
from ._protocols.marks import Mark, Marks, Verdict
from ._review.applying import AppliedDecisions, apply_decisions
from ._review.checks.thresholds import Thresholds
from ._review.delivery.delivery import Delivery, deliver
from ._review.desk import Desk, Progress, SourceFacts
from ._review.page.data import BatchFacts
from ._review.page.writing import PAGE_NAME, write_page
from ._review.pictures.picture import ReviewPicture, SavedVersion
from ._review.serving.server import serving

_MAX_NAMED = 10


class Review:
    """Looks at the pictures of a batch, and keeps what a person decides about them.

    Each decision belongs to one version and the content of its picture, and is kept in a file beside the
    journal, so people can decide while the batch runs. A discarded picture is moved to the folder
    `discarded`, is not fetched again by any run, and comes back with another decision. No method sends a
    request to the service, and nothing can be charged.

    Args:
        journal: The journal of the batch.
        folder: The folder of the pictures; None for the folder of the journal.
        thresholds: The thresholds of the flags; None for the defaults. Without Pillow there are no flags.
    """

    def __init__(
        self,
        journal: str | os.PathLike[str] | Journal,
        *,
        folder: str | os.PathLike[str] | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self._source = _JournalSource(journal if isinstance(journal, Journal) else Journal(journal))
        self._named = Path(folder) if folder is not None else self._source.journal.path.parent
        self._thresholds = thresholds or Thresholds()
        self._desk: Desk | None = None

    def __repr__(self) -> str:
        return f"Review({str(self._source.journal.path)!r})"

    async def pictures(
        self, *, on_progress: Callable[[int, int], None] | None = None
    ) -> tuple[ReviewPicture, ...]:
        """The saved pictures in the order of the journal, each with its flags and its decision.

        A picture is measured once, which takes some 20 to 100 ms. Later calls find the numbers in a file.

        Args:
            on_progress: Called with the number of pictures that are measured, and the number of all.

        Raises:
            JournalError: there is no journal, or the journal or its decisions cannot be read.
        """
        desk = await self._refreshed(on_progress)
        return tuple(desk.pictures.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """After `pictures`: the ids whose pictures are recorded as saved, and are in no file any more."""
        return () if self._desk is None else self._desk.missing

    @property
    def stuck(self) -> tuple[str, ...]:
        """After `pictures`: why files could not be moved to or from the folder `discarded`."""
        return () if self._desk is None else tuple(self._desk.stuck.values())

    async def decide(
        self, id: str, decision: Verdict, *, reasons: Collection[str] = (), note: str = ""
    ) -> Mark:
        """Decides about the picture of a swap. The decision is durable when this method returns.

        Args:
            id: The id of the swap.
            decision: The decision.
            reasons: Why, in a few words each.
            note: A note for other people.

        Raises:
            ConfigurationError: there is no saved picture of this id, or a redo has saved another version
                since `pictures`. Nothing was stored.
            JournalError: the journal or its decisions cannot be read or written.
        """
        desk = self._desk or await self._refreshed(None)
        picture = desk.picture_of(id)
        mark = Mark(
            id=picture.id,
            version=picture.version,
            sha256=picture.sha256,
            decision=decision,
            reasons=tuple(reasons),
            note=note,
            at=datetime.now(UTC),
        )
        stored, _ = await desk.decide([mark])
        if not stored:
            raise ConfigurationError(
                f"{shorten(id)!r} has another picture now: a redo has saved another version. Look at"
                " the picture again"
            )
        return stored[0]

    async def apply(self, *files: str | os.PathLike[str]) -> AppliedDecisions:
        """Applies files of decisions that the page has exported. The same files again change nothing.

        Of several decisions about one picture, the newest counts, also before one that is stored already. A
        decision about a picture that has been replaced since then is not applied.

        Raises:
            ConfigurationError: a file is no file of decisions, or of another journal. Nothing is applied.
            JournalError: the journal or its decisions cannot be read or written.
        """
        desk = await self._refreshed(None)
        facts = await self._source.facts()
        return await apply_decisions(desk, [Path(file) for file in files], journal_id=facts.id)

    async def write_page(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Writes the page to review on, and its thumbnails if Pillow is installed. Replaces an earlier page.

        The page is one HTML file. It needs no server and no network, and shows the pictures beside it.

        Args:
            path: The file; None for `review.html` in the folder of the pictures.
            on_progress: Called with the number of thumbnails that are made, and the number of all.

        Raises:
            JournalError: the journal or its decisions cannot be read.
            OSError: the page cannot be written.
        """
        desk = self._desk or await self._refreshed(None)
        page = Path(path) if path is not None else self._named / PAGE_NAME
        await write_page(page, desk, await self._facts(), self._thresholds, on_progress=on_progress)
        return page

    def serve(self, *, port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serves the page on 127.0.0.1 while the block runs. The value is its address, for `async with`.

        Each decision is stored at once. New pictures of a running batch appear. The address has a token:
        whoever has the address can see the pictures and decide. The page cannot pay.

        Args:
            port: The port; 0 for any free one.

        Raises:
            ConfigurationError: the port is in use, or cannot be used.
            JournalError: the journal or its decisions cannot be read.
        """
        return self._serving(port)

    @asynccontextmanager
    async def _serving(self, port: int) -> AsyncIterator[str]:
        desk = self._desk or await self._refreshed(None)
        async with serving(
            desk, self._facts, self._thresholds, port=port, has_changed=self._source.has_changed
        ) as url:
            yield url

    async def export(
        self,
        to: str | os.PathLike[str],
        *,
        only: Collection[Verdict] = (Verdict.KEEP,),
        as_zip: bool = False,
    ) -> Delivery:
        """Copies pictures to hand them on, with a page, `manifest.csv` and `SHA256SUMS`: all, or nothing.

        Nothing in the folder names a path of this machine, a key or a URL that gives access to anything.

        Args:
            to: The new folder, or with `as_zip` the new file.
            only: Which pictures to hand on, by the decision about them.
            as_zip: Whether to write one ZIP file in place of a folder.

        Raises:
            ConfigurationError: the target exists, there is no such picture, or a picture with such a decision
                has changed or is in no file any more. The message names it.
            JournalError: the journal or its decisions cannot be read.
            OSError: the target cannot be written. Nothing is left of it.
        """
        desk = await self._refreshed(None)
        chosen, lost = desk.chosen(only)
        if lost:
            named = ", ".join(f"{shorten(id)!r} {why}" for id, why in list(lost.items())[:_MAX_NAMED])
            more = f", and {len(lost) - _MAX_NAMED:,} more" if len(lost) > _MAX_NAMED else ""
            raise ConfigurationError(
                f"nothing was exported, because pictures are not as they were decided about: {named}{more}."
                " Review what has changed again. The next run of the batch fetches a missing picture, free"
            )
        return await deliver(chosen, Path(to), title=self._title, as_zip=as_zip)

    @property
    def _title(self) -> str:
        return self._named.absolute().name

    async def _facts(self) -> BatchFacts:
        facts = await self._source.facts()
        return BatchFacts(
            journal_id=facts.id,
            title=self._title,
            folder=str(self._named),
            price_usd=facts.price_usd,
            spent_usd=facts.spent_usd,
        )

    async def _refreshed(self, on_progress: Progress | None) -> Desk:
        if self._desk is None:
            self._desk = Desk(self._source, folder=self._named, thresholds=self._thresholds)
        self._source.has_changed()
        await self._desk.refresh(on_progress)
        return self._desk


class _JournalSource:
    """The `ReviewSource` of a journal."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._stamp: object = None
        self._saved: list[SavedVersion] = []
        self._saved_stamp: object = None

    @property
    def cache_beside(self) -> Path | None:
        return None if self.journal.is_in_memory else self.journal.path

    def has_changed(self) -> bool:
        """Whether the journal or its decisions may have changed since the last call."""
        stamp = None if self.journal.is_in_memory else _stamp_of(self.journal.path, with_marks=True)
        before, self._stamp = self._stamp, stamp
        return stamp is None or stamp != before

    async def facts(self) -> SourceFacts:
        def read() -> SourceFacts:
            summary = self.journal.summary()
            return SourceFacts(
                id=self.journal.id,
                price_usd=self.journal.price_usd or PRICE_USD,
                spent_usd=summary.committed_usd,
            )

        return await run_in_thread(read)

    async def marks(self) -> Marks:
        return await run_in_thread(lambda: self.journal.marks)

    async def saved(self) -> Sequence[SavedVersion]:
        # The rows of ten thousand swaps take seconds to read, and a decision does not change them.
        stamp = None if self.journal.is_in_memory else _stamp_of(self.journal.path, with_marks=False)
        if stamp is None or stamp != self._saved_stamp:
            self._saved = await run_in_thread(self._read_saved)
            self._saved_stamp = stamp
        return self._saved

    async def latest(self, ids: Collection[str]) -> Mapping[str, int]:
        view = await self.journal.look()
        if view is None:
            raise no_journal(self.journal.path)
        try:
            async with aclosing(view.versions(ids)) as entries:
                # Versions ascend, so that the last one of an id counts.
                return {
                    canonical_id(entry.id): entry.version
                    async for entry in entries
                    if entry.state is OutcomeState.SAVED
                }
        finally:
            await view.aclose()

    def _read_saved(self) -> list[SavedVersion]:
        price_usd = self.journal.price_usd or PRICE_USD
        versions = self.journal.versions()
        return [saved for version in versions for saved in _saved_version(version.outcome, price_usd)]


def _saved_version(outcome: SwapOutcome, price_usd: float) -> Iterable[SavedVersion]:
    result, job, request = outcome.result, outcome.job, outcome.request
    if outcome.state is not OutcomeState.SAVED or result is None or result.path is None:
        return
    yield SavedVersion(
        id=request.id or "",
        version=outcome.version,
        path=result.path,
        reference=str(request.reference_character_image),
        scene=str(request.character_image),
        job=job or result.job,
        price_usd=price_usd if result.cost_usd is None else result.cost_usd,
        is_price_reported=result.cost_usd is not None,
    )


def _stamp_of(journal: Path, *, with_marks: bool) -> object:
    stamp = []
    files = [
        journal,
        Path(f"{os.path.realpath(journal)}-wal"),
        *([marks_path(journal)] if with_marks else []),
    ]
    for path in files:
        try:
            found = path.stat()
        except OSError:
            stamp.append((0, 0))
        else:
            stamp.append((found.st_mtime_ns, found.st_size))
    return stamp
