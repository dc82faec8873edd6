"""Makes small copies of pictures while a batch waits, in one thread that nobody waits for."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from segmind_swap import SwapOutcome, can_measure, make_thumbnail


class Thumbnails:
    """Makes the small copies of the pictures of a batch. Without Pillow there are none, and no thread.

    The report shows the copies that are made by then. A review makes the others.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[Path] = set()
        self._waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._can_make = can_measure()
        self._thread: threading.Thread | None = None

    def add_pictures_of(self, outcome: SwapOutcome) -> None:
        """Lets the thread make the copies of a result and of its inputs. Returns at once."""
        if not self._can_make or outcome.path is None:
            return
        inputs = (outcome.request.reference_character_image, outcome.request.character_image)
        for picture in (outcome.path, *map(Path, filter(_is_path, map(str, inputs)))):
            if picture not in self._known:
                self._known.add(picture)
                self._waiting.put(picture)
        if self._thread is None:
            # A daemon: the copies can be made again, so no command waits for them.
            self._thread = threading.Thread(target=self._make, name="segmind_swap: thumbnails", daemon=True)
            self._thread.start()

    def _make(self) -> None:
        while True:
            picture = self._waiting.get()
            make_thumbnail(picture, self._folder)


def _is_path(picture: str) -> bool:
    return "://" not in picture
