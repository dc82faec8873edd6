"""Choose the scenes of a folder, and the id of each: what must never be paid is passed over, and said.

A folder may hold its reference, and the results of an earlier run that saved into this folder. Each of them,
taken as a scene, would cost the price of a swap.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from segmind_swap import Journal, JournalError, SwapOutcome
from segmind_swap._api.ids import canonical_id, id_of_file

from .options import JOURNAL_NAME
from .results import REPORT_NAME, RESULTS_NAME

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp")

# Files that no person has put into the folder, in lower case.
_OF_THE_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_OTHER_PICTURES = frozenset(
    {
        *(
            ".heic",
            ".heif",
            ".hif",
            ".avif",
            ".gif",
            ".tif",
            ".tiff",
            ".bmp",
            ".jxl",
            ".jp2",
            ".svg",
            ".psd",
            ".ico",
        ),
        *(".pdf", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".mov", ".mp4"),
    }
)
_COMPARED_BYTES = 1 << 20
_KIND, _JOURNAL = slice(68, 72), b"SWP1"
"""Where an SQLite file names its application, and the name of a journal."""

_REFERENCE, _COPY, _RESULT = "the reference", "a copy of the reference", "a result of an earlier run"
_NEVER_A_SCENE = frozenset({_REFERENCE, _COPY, _RESULT})


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A name in the folder that is no scene.

    Attributes:
        name: The name; a folder's name ends with a slash.
        reason: Why it is passed over; empty if the name says enough.
    """

    name: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})" if self.reason else self.name


@dataclass(frozen=True, slots=True)
class SceneFolder:
    """The content of a folder of scenes.

    Attributes:
        scenes: Each scene with its id, in the order of the names.
        passed_over: What is no scene; pictures of other formats first. Hidden files, files of the operating
            system, and the files of the batch itself are not listed.
        twins: The names of two files that would have the same id, with that id.
    """

    scenes: list[tuple[str, Path]] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    twins: list[tuple[str, str, str]] = field(default_factory=list)


def read_scenes(folder: Path, reference: str, *, out: Path | None, journal: Path | None) -> SceneFolder:
    """Reads a folder of scenes. Does not look into folders below it.

    Args:
        folder: The folder, as an absolute path without symbolic links.
        reference: The reference: an absolute path, or a URL.
        out: The folder for the results of this run, if there is one.
        journal: The journal of this run, if there is one. The file may not exist.

    Raises:
        OSError: the folder cannot be read.
        JournalError: the journal of this run cannot be read.
    """
    found = SceneFolder()
    known = []
    if journal is not None and journal.is_file():
        known = _swaps_of(journal, folder, beside_scenes=_is_same(folder, out))
    results = _results_in(folder, [*known, *_swaps_of_the_folder(folder, journal)])
    of_the_batch = {REPORT_NAME, RESULTS_NAME, JOURNAL_NAME, *([journal.name] if journal else [])}
    picture = _Reference(reference)
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = entry.name
            if name.startswith(".") or name.lower() in _OF_THE_SYSTEM:
                continue
            if _is_folder(entry):
                if not _is_same(folder / name, out):
                    found.passed_over.append(PassedOver(f"{name}/"))
            elif not name.lower().endswith(SUFFIXES):
                if not any(name == own or name.startswith((f"{own}-", f"{own}.")) for own in of_the_batch):
                    found.passed_over.append(PassedOver(name))
            elif (reason := _reason_against(folder / name, results, picture)) is not None:
                found.passed_over.append(PassedOver(name, reason))
            else:
                names.append(name)
    found.passed_over.sort(key=_rank)
    ids = _ids_of(names, {canonical_id(swap.id): _composed(swap.scene.name) for swap in known})
    file_of_id: dict[str, str] = {}
    for name in names:
        id = ids[name]
        twin = file_of_id.setdefault(canonical_id(id), name)
        if twin != name:
            found.twins.append((twin, name, id))
        found.scenes.append((id, folder / name))
    return found


def _rank(passed: PassedOver) -> int:
    """The place in the list, of which only the first names are shown: what a person may miss comes first."""
    if passed.reason:
        return 2 if passed.reason in _NEVER_A_SCENE else 0
    if passed.name.endswith("/"):
        return 1
    return 0 if Path(passed.name).suffix.lower() in _OTHER_PICTURES else 3


def _reason_against(file: Path, results: frozenset[str], reference: _Reference) -> str | None:
    """Why a file with the suffix of a picture is no scene; None if it is a scene."""
    try:
        found = file.stat()
    except OSError as exc:
        return "a broken link" if file.is_symlink() else (exc.strerror or str(exc))
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    if _composed(file.name) in results:
        return _RESULT
    return reference.reason_against(file, found)


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
            return _REFERENCE
        if found.st_size == self._found.st_size and _have_same_bytes(file, self._path):
            return _COPY
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


@dataclass(frozen=True, slots=True)
class _Swap:
    """What a journal knows of a swap.

    Attributes:
        id: The id.
        scene: The scene.
        results: The files that may be the result.
        has_journal_here: Whether the journal lies in the folder of the scenes that is read. The folder may be
            a copy of the folder of the paths.
    """

    id: str
    scene: Path
    results: tuple[Path, ...]
    has_journal_here: bool


def _swaps_of(journal: Path, folder: Path, *, beside_scenes: bool) -> list[_Swap]:
    """The swaps of a journal. `beside_scenes` says whether its batch saves into the folder of the scenes."""
    is_here = _is_same(journal.parent, folder)
    return [
        _swap_of(outcome, beside_scenes=beside_scenes, has_journal_here=is_here)
        for outcome in Journal(journal).outcomes()
    ]


def _swap_of(outcome: SwapOutcome, *, beside_scenes: bool, has_journal_here: bool) -> _Swap:
    id, scene = outcome.request.id or "", Path(str(outcome.request.character_image))
    results: tuple[Path, ...] = ()
    if outcome.path is not None:
        results = (outcome.path,)
    elif outcome.result is not None and beside_scenes:
        # A run may have been killed after it saved the picture, and before it recorded the file.
        results = tuple(scene.with_name(f"{id}{suffix}") for suffix in SUFFIXES)
    return _Swap(id, scene, results, has_journal_here)


def _swaps_of_the_folder(folder: Path, journal: Path | None) -> list[_Swap]:
    """The swaps of an earlier run that saved into the folder, and had a journal of its own there.

    Raises:
        JournalError: the journal cannot be read. Without it, results would be taken for scenes, and paid.
    """
    own = folder / JOURNAL_NAME
    if not own.is_file() or _is_same(own, journal):
        return []
    try:
        return _swaps_of(own, folder, beside_scenes=True)
    except JournalError as exc:
        if not _is_journal(own):
            # A file of this name that is no journal says nothing about results.
            return []
        raise JournalError(
            f"{exc}. So nobody knows which files of this folder are results of that journal: name the scenes"
            " in a table, or move the scenes to a folder of their own",
            path=str(own),
        ) from None


def _is_journal(file: Path) -> bool:
    """Whether a file begins as a journal of segmind-swap. True if the file cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(_KIND.stop)[_KIND] == _JOURNAL
    except OSError:
        return True


def _results_in(folder: Path, swaps: Sequence[_Swap]) -> frozenset[str]:
    """The names of the results that a batch has saved beside its own scenes, in this folder.

    Results in a folder without their scenes are none of these: a person may want to swap a second character
    into them. The folder may have been moved since then, or copied with its journal.
    """
    is_here: dict[Path, bool] = {}
    results, scenes = set(), set()
    for swap in swaps:
        parent = swap.scene.parent
        if parent not in is_here:
            is_here[parent] = _is_same(parent, folder) or not parent.exists()
        # The path of a scene that is a URL is not absolute.
        if parent.is_absolute() and (swap.has_journal_here or is_here[parent]):
            scenes.add(_composed(swap.scene.name))
            results |= {_composed(result.name) for result in swap.results if result.parent == parent}
    return frozenset(results - scenes)


def _ids_of(names: Sequence[str], scene_names: Mapping[str, str]) -> dict[str, str]:
    """The id of each file. A file keeps the id that the journal has for it, whatever other files are there.

    Args:
        names: The files, in order.
        scene_names: What the journal knows: the name of the scene of each canonical id.
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[canonical_id(id_of_file(name))].append(name)
    ids: dict[str, str] = {}
    for canonical, group in groups.items():
        rest = []
        for name in group:
            distinct = id_of_file(name, distinct=True)
            if scene_names.get(canonical_id(distinct)) == _composed(name):
                ids[name] = distinct
            else:
                rest.append(name)
        # The journal says whose id it is. If that file is gone, it was perhaps renamed: the check compares
        # the pictures, and refuses other pictures under a known id.
        owners = [name for name in rest if scene_names.get(canonical) == _composed(name)]
        for owner in (owners or rest)[:1]:
            ids[owner] = id_of_file(owner)
        ids.update((name, id_of_file(name, distinct=True)) for name in rest if name not in ids)
    return ids


def _composed(name: str) -> str:
    """The name in one normal form: systems differ, and a folder may be copied from one to another."""
    return unicodedata.normalize("NFC", name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _is_same(one: Path, other: Path | None) -> bool:
    try:
        return other is not None and one.samefile(other)
    except OSError:
        return False
