"""What in a folder is no scene: by kind, with the first names of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

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


class PassedOverKind(StrEnum):
    """Why something is passed over. What a person may miss comes first."""

    OTHER_FORMAT = "other format"
    UNREADABLE = "unreadable"
    FOLDER = "folder"
    RESULTS = "folder of results"
    REFERENCE = "reference"
    RESULT = "result"
    OTHER = "other file"

    def counted(self, count: int) -> str:
        """The kind with a number, such as "2 folders"."""
        one, many = _WORDS[self]
        return f"{count:,} {one if count == 1 else many}"


_WORDS = {
    PassedOverKind.OTHER_FORMAT: ("picture in another format", "pictures in other formats"),
    PassedOverKind.UNREADABLE: ("file that cannot be read", "files that cannot be read"),
    PassedOverKind.FOLDER: ("folder", "folders"),
    PassedOverKind.RESULTS: ("folder of results", "folders of results"),
    PassedOverKind.REFERENCE: ("file with the reference", "files with the reference"),
    PassedOverKind.RESULT: ("result of an earlier run", "results of earlier runs"),
    PassedOverKind.OTHER: ("other file", "other files"),
}


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A name in the folder that is no scene.

    Attributes:
        name: The name, relative to the folder; a folder's name ends with a slash.
        reason: Why it is passed over; empty if the name says enough.
        kind: The kind; by default the name says it.
    """

    name: str
    reason: str = ""
    kind: PassedOverKind = PassedOverKind.OTHER

    @classmethod
    def of_name(cls, name: str) -> PassedOver:
        """A folder, or a file with another suffix than a scene's."""
        if name.endswith("/"):
            return cls(name, kind=PassedOverKind.FOLDER)
        is_picture = PurePath(name).suffix.lower() in _OTHER_PICTURES
        return cls(name, kind=PassedOverKind.OTHER_FORMAT if is_picture else PassedOverKind.OTHER)

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})" if self.reason else self.name


def passed_over_text(passed_over: Sequence[PassedOver], *, most: int = 3, can_recurse: bool = False) -> str:
    """What was passed over: how many of each kind, with the first names.

    Args:
        passed_over: What was passed over.
        most: How many names of a kind are shown.
        can_recurse: Whether `--recursive` would read the folders.
    """
    groups: defaultdict[PassedOverKind, list[PassedOver]] = defaultdict(list)
    for passed in passed_over:
        groups[passed.kind].append(passed)
    kinds = [
        f"{kind.counted(len(groups[kind]))} ({listed([_shown(passed) for passed in groups[kind]], most)})"
        for kind in PassedOverKind
        if kind in groups
    ]
    text = f"{len(passed_over):,} passed over: {'; '.join(kinds)}"
    return f"{text}. --recursive reads folders" if can_recurse and PassedOverKind.FOLDER in groups else text


def _shown(passed: PassedOver) -> str:
    """The name; with the reason where the kind does not say it."""
    if passed.kind is PassedOverKind.UNREADABLE or (passed.kind is PassedOverKind.FOLDER and passed.reason):
        return f"{passed.name}: {passed.reason}"
    return passed.name


def listed(texts: Sequence[str], most: int) -> str:
    """The first texts, and how many more there are."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"
