"""Where the pictures of a batch are: its folder may have been moved, and some pictures are discarded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..._api.origins import is_url
from ..._swap.output_files import VERSIONS, discarded_path, is_kept
from .picture import SavedVersion


class Places:
    """Finds the files of a batch.

    A journal has the paths of the runs that wrote it. If a person has moved the folder, the files are looked
    for in the folder as it is now, and the inputs at the same place relative to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder.absolute()

    def picture(self, saved: SavedVersion) -> Path | None:
        """The file of a picture; None if it is gone."""
        return next(filter(is_file, self._candidates(saved)), None)

    def home(self, saved: SavedVersion) -> Path:
        """Where the picture belongs unless it is discarded."""
        name = saved.path.name
        return self.folder / VERSIONS / name if is_kept(saved.path) else self.folder / name

    def discarded(self, saved: SavedVersion) -> Path:
        """Where the picture is while it is discarded."""
        return discarded_path(self.home(saved), saved.version)

    def input(self, picture: str, saved: SavedVersion) -> str:
        """A reference or a scene: a URL as it is, and a path as it is now, as far as the file is found."""
        if is_url(picture) or is_file(Path(picture)):
            return picture
        folder = saved.path.parent
        try:
            relative = os.path.relpath(picture, folder.parent if is_kept(saved.path) else folder)
        except ValueError:  # On Windows, there is no relative path to another drive.
            return picture
        moved = Path(os.path.normpath(self.folder / relative))
        return str(moved) if is_file(moved) else picture

    def _candidates(self, saved: SavedVersion) -> Iterator[Path]:
        yield self.home(saved)
        yield saved.path
        yield self.discarded(saved)


def is_file(path: Path) -> bool:
    """Whether there is such a file. A name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
