"""Find the files of a journal after a person has moved the folder of a batch, or its pictures.

A journal has the absolute paths of the runs that wrote it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from segmind_swap import SwapOutcome, SwapRequest


class Relocation:
    """Gives outcomes of the journal the paths that are true in this run."""

    def __init__(self, folder: Path, requests: Iterable[SwapRequest]) -> None:
        """Remembers `folder`, the absolute path of the results of this run, and the inputs of this run."""
        self._folder = folder
        self._requests = {request.id: request for request in requests}
        self._earlier_folder = folder

    def outcome(self, outcome: SwapOutcome) -> SwapOutcome:
        """The outcome with the pictures of this run's input, and with the result in this run's folder.

        A path that leads to a file stays, and so does a path whose file is not found.
        """
        result = outcome.result
        if result is not None and result.path is not None:
            self._earlier_folder, name = _folder_and_name(outcome, result.path)
            here = self._folder / name
            if _is_file(here):
                result = result.model_copy(update={"path": here})
        # A later version may have another reference than the input.
        request = self._requests.get(outcome.request.id) if outcome.version == 1 else None
        return outcome.model_copy(
            update={"request": request or self._moved(outcome.request), "result": result}
        )

    def _moved(self, request: SwapRequest) -> SwapRequest:
        """A request without an input in this run. Its pictures were perhaps moved with the results."""
        return request.model_copy(
            update={
                name: self._moved_picture(str(getattr(request, name)))
                for name in ("reference_character_image", "character_image")
            }
        )

    def _moved_picture(self, picture: str) -> str:
        if "://" in picture or _is_file(Path(picture)):
            return picture
        try:
            relative = os.path.relpath(picture, self._earlier_folder)
        except ValueError:  # On Windows, there is no relative path to another drive.
            return picture
        moved = Path(os.path.normpath(self._folder / relative))
        return str(moved) if _is_file(moved) else picture


def _folder_and_name(outcome: SwapOutcome, path: Path) -> tuple[Path, Path]:
    """The folder of the results, and the name in it: an earlier version is in the folder `versions` there."""
    folder, name = path.parent, Path(path.name)
    if folder.name == "versions" and path.name.startswith(f"{outcome.request.id}.{outcome.version}"):
        return folder.parent, folder.name / name
    return folder, name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
