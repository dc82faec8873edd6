"""The pictures of a batch on the desk: each with its file, its flags and its decision, kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import anyio

from .._api.ids import canonical_id
from .._api.text import shorten
from .._concurrency import run_in_thread
from .._errors import ConfigurationError
from .._protocols.marks import Mark, Marks, Verdict
from .checks.flags import flag_results
from .checks.measurer import Measurer, can_measure
from .checks.measures import ResultMeasures
from .checks.thresholds import Thresholds
from .decisions.discarded import move, place_for
from .pictures.contents import Contents, sha256_of
from .pictures.picture import EarlierVersion, ReviewPicture, SavedVersion
from .pictures.places import Places, is_file

Progress = Callable[[int, int], None]
"""Called with the number of pictures that are done, and the number of all."""

T = TypeVar("T")
_CHUNK = 8
"""Pictures in one call of a thread. A cancelled review ends after so many."""
_NEXT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What a review tells about the batch as a whole.

    Attributes:
        id: Identifies the journal or the ledger. A file of decisions names it.
        price_usd: The assumed price of a swap, in USD.
        spent_usd: What is spent, or may still have to be paid, in USD.
    """

    id: str
    price_usd: float
    spent_usd: float


class ReviewSource(Protocol):
    """Reads a batch, also while the batch runs, and keeps the decisions about its pictures."""

    @property
    def cache_beside(self) -> Path | None:
        """The file beside which measures are kept; None to keep them in memory."""
        ...

    async def facts(self) -> SourceFacts:
        """The facts about the batch.

        Raises:
            JournalError: there is no such journal, or the journal cannot be read.
        """
        ...

    async def marks(self) -> Marks:
        """The decisions about the pictures.

        Raises:
            JournalError: as `facts`.
        """
        ...

    async def saved(self) -> Sequence[SavedVersion]:
        """All versions whose pictures were saved: ids in the order of their first run, versions ascending.

        Raises:
            JournalError: as `facts`.
        """
        ...

    async def latest(self, ids: Collection[str]) -> Mapping[str, int]:
        """The highest version of each id whose picture is saved at this moment, by canonical id.

        Raises:
            JournalError: as `facts`.
        """
        ...


class Desk:
    """Finds, measures and flags the pictures, and keeps the decisions about them.

    Attributes:
        pictures: The pictures in the order of the journal, by their canonical ids.
        stuck: Why files of discarded pictures could not be moved, by canonical id.
        revision: Raised by each change of a picture. `changed_since` says what changed.
    """

    def __init__(self, source: ReviewSource, *, folder: Path, thresholds: Thresholds) -> None:
        self._source = source
        self._places = Places(folder)
        self._thresholds = thresholds
        self._saved: dict[str, SavedVersion] = {}
        self._rows: Sequence[SavedVersion] | None = None
        self._measures: dict[str, ResultMeasures] = {}
        self._revisions: dict[str, int] = {}
        # A refresh can measure for minutes. A decision waits for other decisions only.
        self._refreshing = anyio.Lock()
        self._deciding = anyio.Lock()
        self.pictures: dict[str, ReviewPicture] = {}
        self._missing: dict[str, SavedVersion] = {}
        self._decided: dict[tuple[str, int], Mark] = {}
        self.stuck: dict[str, str] = {}
        self.revision: int = 0

    @property
    def folder(self) -> Path:
        """The folder of the batch, absolute."""
        return self._places.folder

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids whose pictures are recorded as saved, and are gone."""
        return tuple(saved.id for saved in self._missing.values())

    def chosen(self, decisions: Collection[Verdict]) -> tuple[list[ReviewPicture], dict[str, str]]:
        """The pictures with one of these decisions, and those that had one and are not what they were.

        Returns:
            The pictures, and why a picture is lost by its id: its file is gone, or has another content.
        """
        wanted = set(decisions)
        there = {key: picture for key, picture in self.pictures.items() if key not in self._missing}
        lost = {
            saved.id: "is in no file any more"
            for key, saved in self._missing.items()
            if (mark := self._decided.get((key, saved.version))) is not None and mark.decision in wanted
        }
        lost |= {
            picture.id: "has changed since it was looked at"
            for key, picture in there.items()
            if picture.mark is None
            and (mark := self._decided.get((key, picture.version))) is not None
            and mark.decision in wanted - {Verdict.UNDECIDED}
        }
        return [picture for picture in there.values() if picture.decision in wanted], lost

    def changed_since(self, revision: int) -> list[ReviewPicture]:
        """The pictures that have changed since a revision, in the order of the journal."""
        return [picture for key, picture in self.pictures.items() if self._revisions[key] > revision]

    async def refresh(self, on_progress: Progress | None = None) -> None:
        """Reads the journal and the decisions again. Only pictures that are new to the desk are measured.

        Puts each file where its decision wants it: a killed `apply` is completed so.

        Raises:
            JournalError: there is no journal, or the journal or the decisions cannot be read.
        """
        async with self._refreshing:
            groups: dict[str, list[SavedVersion]] = {}
            rows = await self._source.saved()
            # The same list as before: only decisions are new.
            for saved in rows if rows is not self._rows else ():
                groups.setdefault(canonical_id(saved.id), []).append(saved)
            self._rows = rows
            new = {key: versions for key, versions in groups.items() if self._saved.get(key) != versions[-1]}
            found, missing = await self._found(new)
            for key, picture in found.items():
                self._saved[key] = groups[key][-1]
                self._set(key, picture)
            if found:
                await self._measure(found, on_progress)
            if groups:
                self._missing = {key: groups[key][-1] for key in missing}
            read = await (await self._source.marks()).read()
            marks = {(canonical_id(mark.id), mark.version, mark.sha256): mark for mark in read}
            for mark in sorted(read, key=lambda mark: mark.at):
                self._decided[canonical_id(mark.id), mark.version] = mark
            for key, picture in list(self.pictures.items()):
                found_mark = marks.get((key, picture.version, picture.sha256))
                # A decision of this moment may be newer than what was read.
                if found_mark is not None and (picture.mark is None or found_mark.at > picture.mark.at):
                    self._set(key, picture.model_copy(update={"mark": found_mark}))
            async with self._deciding:
                await self._put_files_in_place(self.pictures)

    async def _found(
        self, groups: Mapping[str, Sequence[SavedVersion]]
    ) -> tuple[dict[str, ReviewPicture], list[str]]:
        found: dict[str, ReviewPicture] = {}
        missing = []
        with await run_in_thread(lambda: Contents(self._source.cache_beside)) as contents:
            for keys in _chunks(list(groups)):
                pictures = await run_in_thread(
                    partial(self._look_at, [(key, groups[key]) for key in keys], contents)
                )
                for key, picture in zip(keys, pictures, strict=True):
                    if picture is None:
                        missing.append(key)
                    else:
                        found[key] = picture
        return found, missing

    def _look_at(
        self, groups: Iterable[tuple[str, Sequence[SavedVersion]]], contents: Contents
    ) -> list[ReviewPicture | None]:
        return [self._picture(versions, contents) for _, versions in groups]

    def _picture(self, versions: Sequence[SavedVersion], contents: Contents) -> ReviewPicture | None:
        *before, saved = versions
        path = self._places.picture(saved)
        try:
            sha256 = None if path is None else contents.sha256(path)
        except OSError:
            return None
        if path is None or sha256 is None:
            return None
        earlier = ((version.version, self._places.picture(version)) for version in before)
        return ReviewPicture(
            id=saved.id,
            version=saved.version,
            path=path,
            sha256=sha256,
            reference=self._places.input(saved.reference, saved),
            scene=self._places.input(saved.scene, saved),
            job=saved.job,
            price_usd=saved.price_usd,
            is_price_reported=saved.is_price_reported,
            earlier=tuple(
                EarlierVersion(version=number, path=file) for number, file in earlier if file is not None
            ),
        )

    async def _measure(self, pictures: Mapping[str, ReviewPicture], on_progress: Progress | None) -> None:
        """Measures new pictures, and flags all: a new picture can be the same as an old one."""
        if not can_measure():
            return
        done = 0
        with await run_in_thread(lambda: Measurer(self._source.cache_beside)) as measurer:
            for keys in _chunks(list(pictures)):
                measured = await run_in_thread(partial(_measured, measurer, keys, pictures))
                self._measures |= {
                    key: measures for key, measures in measured.items() if measures is not None
                }
                done += len(keys)
                if on_progress is not None:
                    on_progress(done, len(pictures))
        by_id = {self.pictures[key].id: measures for key, measures in self._measures.items()}
        flags = await run_in_thread(partial(flag_results, by_id, self._thresholds))
        for key, measures in self._measures.items():
            picture = self.pictures[key]
            update = {"flags": flags[picture.id], "measures": measures}
            if picture.flags != update["flags"] or picture.measures != measures:
                self._set(key, picture.model_copy(update=update))

    def picture_of(self, id: str) -> ReviewPicture:
        """The picture of an id.

        Raises:
            ConfigurationError: there is no saved picture of this id.
        """
        picture = self.pictures.get(canonical_id(id))
        if picture is None:
            raise ConfigurationError(f"there is no saved picture of {shorten(id)!r}")
        return picture

    def file_of(self, picture: ReviewPicture) -> Path:
        """Where the file of a picture is now: another process may have moved it a moment ago."""
        found = None if is_file(picture.path) else self._places.picture(self._saved[canonical_id(picture.id)])
        return found or picture.path

    async def decide(self, marks: Collection[Mark]) -> tuple[list[Mark], list[str]]:
        """Stores decisions that a person has just made, and moves the files.

        Each decision counts from now on, also if the picture has a decision with a later time: the clock of
        another machine may be wrong. A decision about a picture that is not the current one is not stored:
        the desk may not know yet that a redo has saved another version.

        Returns:
            The decisions that were stored, and the ids of those about which nothing was stored.

        Raises:
            JournalError: the journal cannot be read, or the decisions cannot be written.
        """
        async with self._deciding:
            latest = await self._source.latest([mark.id for mark in marks])
            timed, refused = [], []
            for mark in marks:
                key = canonical_id(mark.id)
                picture = self.pictures.get(key)
                if picture is None or not _is_about(mark, picture) or latest.get(key) != picture.version:
                    refused.append(mark.id)
                    continue
                at = datetime.now(UTC)
                if picture.mark is not None:
                    at = max(at, picture.mark.at + _NEXT)
                timed.append(mark.model_copy(update={"id": picture.id, "at": at}))
            return await self._store(timed), refused

    async def put(self, marks: Collection[Mark]) -> list[Mark]:
        """Stores the decisions about pictures of the desk that are newer than the stored ones.

        Raises:
            JournalError: the decisions cannot be written.
        """
        async with self._deciding:
            return await self._store(
                [
                    mark.model_copy(update={"id": picture.id})
                    for mark in marks
                    if _is_about(mark, picture := self.pictures[canonical_id(mark.id)])
                ]
            )

    async def _store(self, marks: Collection[Mark]) -> list[Mark]:
        keeper: Marks = await self._source.marks()
        stored = list(await keeper.put(marks))
        changed = {}
        for mark in stored:
            key = canonical_id(mark.id)
            self._set(key, self.pictures[key].model_copy(update={"mark": mark}))
            changed[key] = self.pictures[key]
        await self._put_files_in_place(changed)
        return stored

    async def _put_files_in_place(self, pictures: Mapping[str, ReviewPicture]) -> None:
        wrong = []
        for key, picture in pictures.items():
            saved = self._saved[key]
            home, discarded = self._places.home(saved), self._places.discarded(saved)
            target = place_for(picture.decision, home=home, discarded=discarded)
            # A picture that lies at another place than these two was never moved by a review.
            if picture.path != target and discarded in {target, picture.path}:
                wrong.append((key, picture, target))
            else:
                self.stuck.pop(key, None)
        for chunk in _chunks(wrong):
            problems = await run_in_thread(
                partial(_moved, [(picture, target) for _, picture, target in chunk])
            )
            for (key, picture, target), problem in zip(chunk, problems, strict=True):
                if problem is None:
                    self.stuck.pop(key, None)
                    self._set(key, picture.model_copy(update={"path": target}))
                else:
                    self.stuck[key] = f"{picture.path} could not be moved: {problem}"

    def _set(self, key: str, picture: ReviewPicture) -> None:
        self.revision += 1
        self._revisions[key] = self.revision
        self.pictures[key] = picture


def _moved(pictures: Iterable[tuple[ReviewPicture, Path]]) -> list[str | None]:
    return [_move(picture, target) for picture, target in pictures]


def _move(picture: ReviewPicture, target: Path) -> str | None:
    # Another process has perhaps moved the file already, and then decided no differently.
    if is_file(target) and not is_file(picture.path):
        return None
    try:
        # A redo can have saved another version under this name since the desk has looked.
        if sha256_of(picture.path) != picture.sha256:
            return "another picture is there now: look at it again"
    except OSError as exc:
        return exc.strerror or str(exc)
    return move(picture.path, target)


def _is_about(mark: Mark, picture: ReviewPicture) -> bool:
    return (mark.version, mark.sha256) == (picture.version, picture.sha256)


def _measured(
    measurer: Measurer, keys: Iterable[str], pictures: Mapping[str, ReviewPicture]
) -> dict[str, ResultMeasures | None]:
    return {key: _measures(measurer, pictures[key]) for key in keys}


def _measures(measurer: Measurer, picture: ReviewPicture) -> ResultMeasures | None:
    try:
        return measurer.measure_result(picture.path, scene=picture.scene, reference=picture.reference)
    except OSError:
        return None


def _chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
