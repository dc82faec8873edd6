"""Finds the results of earlier runs in a folder of scenes. Taken for scenes, each would cost a swap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmind_swap import Journal, JournalError, SwapOutcome

from .._batch.options import JOURNAL_NAME
from .names import SUFFIXES, composed, is_same

_KIND, _JOURNAL = slice(68, 72), b"SWP1"
"""Where an SQLite file names its application, and the name of a journal."""


@dataclass(frozen=True, slots=True)
class EarlierSwap:
    """What a journal knows of a swap.

    Attributes:
        id: The id.
        scene: The scene.
        result: The file of the result; None if the journal names none.
        names: The names that the file of the result may have.
        has_journal_here: Whether the journal lies in the folder of the scenes that is read. The folder may be
            a copy of the folder of the paths.
    """

    id: str
    scene: Path
    result: Path | None
    names: tuple[str, ...]
    has_journal_here: bool

    @classmethod
    def of(cls, outcome: SwapOutcome, *, beside_scenes: bool, has_journal_here: bool) -> EarlierSwap:
        """The swap of an outcome. `beside_scenes`: its batch saves into the folder of the scenes."""
        id, result = outcome.request.id or "", outcome.path
        names: tuple[str, ...] = ()
        if result is not None:
            names = (composed(result.name),)
        elif outcome.result is not None and beside_scenes:
            # A run may have been killed after it saved the picture, and before it recorded the file.
            names = tuple(composed(f"{id}{suffix}") for suffix in SUFFIXES)
        return cls(id, Path(str(outcome.request.character_image)), result, names, has_journal_here)

    def folders_of_result(self) -> Iterator[Path]:
        """The folders that hold the scene, at any depth, and may hold the result."""
        if not self.scene.is_absolute():  # the scene is a URL
            return
        for folder in self.scene.parents:
            if self.result is None or self.result.parent == folder:
                yield folder


def swaps_of(journal: Path, folder: Path, *, beside_scenes: bool) -> list[EarlierSwap]:
    """The swaps of a journal. `beside_scenes` says whether its batch saves into the folder of the scenes.

    Raises:
        JournalError: the journal cannot be read.
    """
    is_here = is_same(journal.parent, folder)
    return [
        EarlierSwap.of(outcome, beside_scenes=beside_scenes, has_journal_here=is_here)
        for outcome in Journal(journal).outcomes()
    ]


def pictures_of(journal: Path) -> list[Path]:
    """The files of the results of all versions of a journal, but for those that are scenes of the journal.

    Raises:
        JournalError: the journal cannot be read.
    """
    pictures, scenes = set[Path](), set[Path]()
    for version in Journal(journal).versions():
        scenes.add(Path(str(version.outcome.request.character_image)))
        if version.outcome.path is not None:
            pictures.add(version.outcome.path)
    return sorted(pictures - scenes)


def swaps_of_the_folder(folder: Path, journal: Path | None) -> list[EarlierSwap]:
    """The swaps of an earlier run that saved into the folder, and had a journal of its own there.

    Raises:
        JournalError: the journal cannot be read. Without it, results would be taken for scenes, and paid.
    """
    own = folder / JOURNAL_NAME
    if not own.is_file() or is_same(own, journal):
        return []
    try:
        return swaps_of(own, folder, beside_scenes=True)
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


def results_beside_scenes(folder: Path, swaps: Sequence[EarlierSwap]) -> frozenset[str]:
    """The names of the results in a folder that a batch has saved beside or above its own scenes.

    Results in a folder without their scenes are none of these: a person may want to swap a second character
    into them. The folder may have been moved since then, or copied with its journal.
    """
    is_here: dict[Path, bool] = {}
    results, scenes = set[str](), set[str]()
    roots = {swap.result.parent for swap in swaps if swap.result is not None}
    for swap in swaps:
        for parent in swap.folders_of_result():
            if parent not in is_here:
                is_here[parent] = is_same(parent, folder) or not parent.exists()
            if swap.has_journal_here or is_here[parent]:
                results.update(swap.names)
                # A scene in a folder below may have the name of a result here.
                if swap.scene.parent == parent and (not roots or parent in roots):
                    scenes.add(composed(swap.scene.name))
    return frozenset(results - scenes)


def results_in_folder_below(folder: Path) -> frozenset[str]:
    """The names of all results in a folder below the folder of scenes, which has a journal of its own.

    Nobody has named this folder. So no result in it is a scene, also without its own scene beside it. The
    journal may be that of this run.

    Raises:
        JournalError: the journal cannot be read.
    """
    swaps = swaps_of_the_folder(folder, None)
    scenes = {composed(swap.scene.name) for swap in swaps if is_same(swap.scene.parent, folder)}
    return frozenset(name for swap in swaps for name in swap.names) - scenes
