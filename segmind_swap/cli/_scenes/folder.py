"""Choose the scenes of a folder, and the id of each: what must never be paid is passed over, and said.

A folder may hold its reference, and the results of an earlier run that saved into this folder. Each of them,
taken as a scene, would cost the price of a swap.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segmind_swap._api.ids import canonical_id, id_of_file

from .._batch.options import JOURNAL_NAME
from .._batch.results import MARK_NAME, REPORT_NAME, RESULTS_NAME
from .earlier_results import (
    pictures_of,
    results_beside_scenes,
    results_in_folder_below,
    swaps_of,
    swaps_of_the_folder,
)
from .names import SUFFIXES, composed, is_same
from .passed_over import PassedOver, PassedOverKind

# Files that no person has put into the folder, in lower case.
_OF_THE_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_COMPARED_BYTES = 1 << 20
_OF_A_BATCH = frozenset({"versions", "discarded", "review-files"})
"""Folders that a batch makes in the folder of its results."""
_WITH_VERSIONS = frozenset({"versions", "discarded"})
_OF_A_VERSION = re.compile(r".+\.[1-9][0-9]*\.\w+")
"""`scene.1.png`: a name that a batch gives to files in the folders of earlier versions."""
_SMALL_COPIES = "review-files"
"""The folder of the small copies of pictures, which a report and a review show."""
_MARKS = frozenset({RESULTS_NAME, MARK_NAME})
"""Files of a folder of results. With a journal beside them, the journal says which files are results."""
_OF_A_DELIVERY = frozenset({"manifest.csv", "SHA256SUMS"})
"""Files of a folder that `segmind-swap export` has made."""


@dataclass(frozen=True, slots=True)
class SceneFolder:
    """The content of a folder of scenes.

    Attributes:
        scenes: Each scene with its id, in the order of the names.
        passed_over: What is no scene; what a person may miss first. Hidden files, files of the operating
            system, and the files of the batch itself are not listed.
        twins: The names of two files that would have the same id, with that id.
        changed_ids: The files whose names cannot be ids, each with the id that it has.
    """

    scenes: list[tuple[str, Path]] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    twins: list[tuple[str, str, str]] = field(default_factory=list)
    changed_ids: dict[str, str] = field(default_factory=dict)


def read_scenes(
    folder: Path, reference: str, *, out: Path | None, journal: Path | None, recursive: bool = False
) -> SceneFolder:
    """Reads a folder of scenes.

    Args:
        folder: The folder, as an absolute path without symbolic links.
        reference: The reference: an absolute path, or a URL.
        out: The folder for the results of this run, if there is one.
        journal: The journal of this run, if there is one. The file may not exist.
        recursive: Whether the folders below are read, too. Links to folders, hidden folders, and folders of
            results are not.

    Raises:
        OSError: the folder cannot be read.
        JournalError: a journal cannot be read: that of this run, or one that lies among the scenes.
    """
    known, pictures = [], list[Path]()
    if journal is not None and journal.is_file():
        known = swaps_of(journal, folder, beside_scenes=is_same(folder, out))
        pictures = pictures_of(journal) if recursive else []
    results = results_beside_scenes(folder, [*known, *swaps_of_the_folder(folder, journal)])
    reader = _Reader(
        folder, _Reference(reference), out=out, journal=journal, pictures=pictures, recursive=recursive
    )
    reader.read("", results)
    while reader.folders:
        reader.read_below(reader.folders.pop())
    passed_over = sorted(reader.passed_over, key=lambda passed: (_RANKS[passed.kind], passed.name))
    found = SceneFolder(passed_over=passed_over)
    names = sorted(reader.names, key=_sort_key)
    ids = _ids_of(names, {canonical_id(swap.id): swap.scene for swap in known})
    file_of_id: dict[str, str] = {}
    for name in names:
        id = ids[name]
        twin = file_of_id.setdefault(canonical_id(id), name)
        if twin != name:
            found.twins.append((twin, name, id))
        found.scenes.append((id, folder / name))
        if id != "__".join(PurePosixPath(name).with_suffix("").parts):
            found.changed_ids[name] = id
    return found


_RANKS = {kind: rank for rank, kind in enumerate(PassedOverKind)}


def _sort_key(name: str) -> tuple[tuple[str, ...], str, str]:
    """`scene.jpg` comes before `scene-copy.jpg`, and the scenes of a folder before those of folders below."""
    path = PurePosixPath(name)
    return path.parts[:-1], path.stem, name


class _Reader:
    """Reads folders, and divides what they hold into scenes and what is passed over.

    Attributes:
        names: The scenes, relative to the folder, with slashes.
        passed_over: What is no scene.
        folders: The folders below that are not read yet.
    """

    def __init__(
        self,
        folder: Path,
        reference: _Reference,
        *,
        out: Path | None,
        journal: Path | None,
        pictures: Iterable[Path],
        recursive: bool,
    ) -> None:
        self.names: list[str] = []
        self.passed_over: list[PassedOver] = []
        self.folders: list[str] = []
        self._folder = folder
        self._reference = reference
        self._out = out
        self._recursive = recursive
        self._pictures: defaultdict[Path, set[str]] = defaultdict(set)
        for picture in pictures:
            self._pictures[picture.parent].add(composed(picture.name))
        own = journal.name if journal is not None else JOURNAL_NAME
        self._files_of_the_batch = frozenset({REPORT_NAME, RESULTS_NAME, JOURNAL_NAME, own})

    def read_below(self, name: str) -> None:
        """Reads a folder below. A folder that cannot be read is passed over.

        Raises:
            JournalError: the folder has a journal that cannot be read.
        """
        folder = self._folder / name
        try:
            self.read(name, results_in_folder_below(folder) | self._pictures_in(folder))
        except OSError as exc:
            reason = exc.strerror or str(exc)
            self.passed_over.append(PassedOver(f"{name}/", reason, PassedOverKind.UNREADABLE))

    def _pictures_in(self, folder: Path) -> frozenset[str]:
        """The names of the files in a folder below that this run's journal has as results, of any version.

        The folder of the results may be another one than that of this run, and lie among the scenes.
        """
        found = (names for parent, names in self._pictures.items() if is_same(folder, parent))
        return frozenset[str]().union(*found)

    def read(self, below: str, results: frozenset[str]) -> None:
        """Reads one folder: `below` is its name, and empty for the folder itself.

        Raises:
            OSError: the folder cannot be read.
        """
        with os.scandir(self._folder / below) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        prefix = f"{below}/" if below else ""
        names = {entry.name for entry in entries}
        if below and (names >= _OF_A_DELIVERY or (names & _MARKS and JOURNAL_NAME not in names)):
            self.passed_over.append(PassedOver(prefix, kind=PassedOverKind.RESULTS))
            return
        is_of_a_batch = JOURNAL_NAME in names or is_same(self._folder / below, self._out)
        has_versions = PurePosixPath(below).name in _WITH_VERSIONS
        for entry in entries:
            name = prefix + entry.name
            if entry.name.startswith(".") or entry.name.lower() in _OF_THE_SYSTEM:
                continue
            if _is_folder(entry):
                self._add_folder(name, entry, is_of_a_batch=is_of_a_batch)
            elif not entry.name.lower().endswith(SUFFIXES):
                if not self._is_of_the_batch(entry.name):
                    self.passed_over.append(PassedOver.of_name(name))
            elif has_versions and _OF_A_VERSION.fullmatch(entry.name):
                # The journal that knows the file may lie anywhere.
                self.passed_over.append(_result(name))
            elif (passed := self._no_scene(name, results)) is not None:
                self.passed_over.append(passed)
            else:
                self.names.append(name)

    def _add_folder(self, name: str, entry: os.DirEntry[str], *, is_of_a_batch: bool) -> None:
        if is_same(self._folder / name, self._out) or entry.name == _SMALL_COPIES:
            return
        if is_of_a_batch and entry.name in _OF_A_BATCH:
            if self._recursive:
                self.passed_over.append(PassedOver(f"{name}/", kind=PassedOverKind.RESULTS))
        elif not self._recursive:
            self.passed_over.append(PassedOver.of_name(f"{name}/"))
        elif _is_link(entry):
            # It may lead to a folder above, or to one that is read under its own name: paid twice.
            self.passed_over.append(PassedOver(f"{name}/", "a link", PassedOverKind.FOLDER))
        else:
            self.folders.append(name)

    def _is_of_the_batch(self, name: str) -> bool:
        own = self._files_of_the_batch
        return any(name == file or name.startswith((f"{file}-", f"{file}.")) for file in own)

    def _no_scene(self, name: str, results: frozenset[str]) -> PassedOver | None:
        """Why a file with the suffix of a picture is no scene; None if it is a scene."""
        file = self._folder / name
        try:
            found = file.stat()
        except OSError as exc:
            reason = "a broken link" if file.is_symlink() else (exc.strerror or str(exc))
            return PassedOver(name, reason, PassedOverKind.UNREADABLE)
        if not stat.S_ISREG(found.st_mode):
            return PassedOver(name, "not a regular file", PassedOverKind.UNREADABLE)
        if composed(file.name) in results:
            return _result(name)
        problem = self._reference.reason_against(file, found)
        return None if problem is None else PassedOver(name, problem, PassedOverKind.REFERENCE)


def _result(name: str) -> PassedOver:
    return PassedOver(name, "a result of an earlier run", PassedOverKind.RESULT)


class _Reference:
    """The reference, which may also lie among the scenes, under any name."""

    def __init__(self, reference: str) -> None:
        self._path = Path(reference)
        self._found: os.stat_result | None = None
        if "://" not in reference:
            with suppress(OSError, ValueError):
                self._found = self._path.stat()

    def reason_against(self, file: Path, found: os.stat_result) -> str | None:
        """Why a file is no scene: it is the reference, or a copy of the reference."""
        if self._found is None:
            return None
        if os.path.samestat(self._found, found):
            return "the reference"
        if found.st_size == self._found.st_size and _have_same_bytes(file, self._path):
            return "a copy of the reference"
        return None


def _have_same_bytes(one: Path, other: Path) -> bool:
    """Whether two files have the same content. False if a file cannot be read: the check tells that."""
    try:
        with one.open("rb") as first, other.open("rb") as second:
            while chunk := first.read(_COMPARED_BYTES):
                if chunk != second.read(_COMPARED_BYTES):
                    return False
            return True
    except OSError:
        return False


def _ids_of(names: Sequence[str], scenes: Mapping[str, Path]) -> dict[str, str]:
    """The id of each file. A file keeps the id that the journal has for it, whatever other files are there.

    Args:
        names: The files, in order.
        scenes: What the journal knows: the scene of each canonical id.
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[canonical_id(id_of_file(name))].append(name)
    ids: dict[str, str] = {}
    for canonical, group in groups.items():
        rest = []
        for name in group:
            distinct = id_of_file(name, distinct=True)
            if _is_file_of(scenes.get(canonical_id(distinct)), name):
                ids[name] = distinct
            else:
                rest.append(name)
        # The journal says whose id it is. If that file is gone, it was perhaps renamed: the check compares
        # the pictures, and refuses other pictures under a known id.
        owners = [name for name in rest if _is_file_of(scenes.get(canonical), name)]
        for owner in (owners or rest)[:1]:
            ids[owner] = id_of_file(owner)
        ids.update((name, id_of_file(name, distinct=True)) for name in rest if name not in ids)
    return ids


def _is_file_of(scene: Path | None, name: str) -> bool:
    """Whether a scene of the journal has this name in its folder. The folder may have been moved."""
    if scene is None:
        return False
    parts = [composed(part) for part in PurePosixPath(name).parts]
    return [composed(part) for part in scene.parts[-len(parts) :]] == parts


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _is_link(entry: os.DirEntry[str]) -> bool:
    is_junction = getattr(entry, "is_junction", None)  # of Windows, and known to Python 3.12
    return entry.is_symlink() or (is_junction is not None and is_junction())
