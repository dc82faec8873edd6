"""Measures the pictures of a batch while the batch waits for the next ones."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

from segmind_swap import Measurer, OutcomeState, ResultMeasures, SwapError, SwapOutcome, can_measure

_MOST_WAITING = 100_000
"""Outcomes that wait to be measured, each of some hundred bytes. More of them are left to `review`."""
_PATIENCE = 10.0
"""Seconds that the end of a batch waits for the last pictures. `review` measures what is missing then."""
_NICENESS = 5
"""A third of the others' share on a busy machine. With less, the end of a batch would wait long."""


class BackgroundMeasuring:
    """A thread of low priority that measures saved results. It delays no swap, and fails no batch.

    Whatever goes wrong with a picture, its measures are missing, and `segmind-swap review` tries again.

    Attributes:
        is_possible: Whether Pillow is installed. Without it, nothing is measured.
    """

    def __init__(self, journal: Path) -> None:
        self.is_possible = can_measure()
        self._journal = journal
        self._waiting: queue.Queue[SwapOutcome] = queue.Queue(_MOST_WAITING)
        self._measures: dict[str, ResultMeasures] = {}
        self._thread: threading.Thread | None = None
        self._is_ending = threading.Event()

    def add(self, outcome: SwapOutcome) -> None:
        """Has the picture of an outcome measured, if it has one. Returns at once."""
        if not self.is_possible or outcome.state is not OutcomeState.SAVED or outcome.path is None:
            return
        with suppress(queue.Full):
            self._waiting.put_nowait(outcome)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="segmind-swap: measures", daemon=True)
            self._thread.start()

    def finish(self, patience: float = _PATIENCE) -> dict[str, ResultMeasures]:
        """Ends the thread, and returns the measures of each result by the id of its swap.

        Args:
            patience: Seconds to wait for pictures that are not measured yet. Ctrl-C ends the wait.
        """
        deadline = time.monotonic() + patience
        with suppress(KeyboardInterrupt):
            while self._waiting.unfinished_tasks and time.monotonic() < deadline:
                time.sleep(0.01)
        self._is_ending.set()
        if self._thread is not None:
            # One picture takes far less. If it does not, the daemon thread ends with the program.
            self._thread.join(1.0)
        return dict(self._measures)

    def _work(self) -> None:
        _be_nice()
        # A picture that is odd or huge is no news, and a warning would be printed into the display.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        with suppress(SwapError, ImportError), Measurer(self._journal) as measurer:
            while not self._is_ending.is_set():
                try:
                    outcome = self._waiting.get(timeout=0.1)
                except queue.Empty:
                    continue
                # Any exception: a picture that cannot be measured must not keep the next ones from it.
                with suppress(Exception):
                    self._measure(measurer, outcome)
                self._waiting.task_done()

    def _measure(self, measurer: Measurer, outcome: SwapOutcome) -> None:
        request, path = outcome.request, outcome.path
        if path is not None:
            scene, reference = request.character_image, request.reference_character_image
            self._measures[request.id or ""] = measurer.measure_result(
                path, scene=str(scene), reference=str(reference)
            )


def _be_nice() -> None:
    """Lowers the priority of this thread. Only on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
