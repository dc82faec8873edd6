"""The application of the guide, run by uvicorn with several workers, to be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

from segmind_swap import Journal, OutcomeState

_STARTED = 60.0
"""Seconds within which the application answers."""


class Application:
    """The processes of the application. They form a group, which is killed as a whole.

    Attributes:
        url: Where the application is, after each start.
    """

    def __init__(
        self, folder: Path, *, upstream: str, interval: float, budget_usd: float, workers: int = 2
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._env = os.environ | {
            "SEGMIND_BASE_URL": upstream,
            "SEGMIND_API_KEY": "emulator-key",
            "POLL_INTERVAL": str(interval),
            "DAILY_BUDGET_USD": str(budget_usd),
            "OPERATOR_TOKEN": "token",
        }
        # A user's own modules lie in the folder, where a safe path would not look.
        self._env.pop("PYTHONSAFEPATH", None)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        """The journal of its service."""
        return self._folder / "swaps" / "swaps.db"

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        command = ["uvicorn", "app:app", f"--port={self._port}", f"--workers={self._workers}"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command, "--timeout-graceful-shutdown=3", "--log-level=error"],
            cwd=self._folder,
            env=self._env,
            start_new_session=True,
        )
        end = time.monotonic() + _STARTED
        while not self._answers():
            assert self._process.poll() is None, "the application has ended"
            assert time.monotonic() < end, "the application does not answer"
            time.sleep(0.1)

    def kill(self) -> int | None:
        """Kills all of its processes at once. The one that had the lock of the journal, or None."""
        assert self._process is not None
        holder = self.holder
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if holder is not None:
            _wait_until_dead(holder)
        return holder

    @property
    def holder(self) -> int | None:
        """The process that has the lock of the journal, by the kernel's table; None if there is none."""
        lock = f"{self.journal}.lock"
        try:
            inode = Path(lock).stat().st_ino
        except FileNotFoundError:
            return None
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if "WRITE" in words and words[5].rpartition(":")[2] == str(inode):
                return int(words[4])
        return None

    def kill_holder(self) -> int:
        """Kills the worker that submits. Which one it was."""
        holder = self.holder
        assert holder is not None
        os.kill(holder, signal.SIGKILL)
        _wait_until_dead(holder)
        return holder

    def wait_for_holder(self, *, other_than: int | None) -> None:
        """Waits until another process has the lock."""
        end = time.monotonic() + _STARTED
        while self.holder in {other_than, None}:
            assert time.monotonic() < end, "nobody takes over"
            time.sleep(0.01)

    def ids(self, *states: OutcomeState) -> set[str]:
        """The ids of the swaps that are in one of these states, by the journal."""
        outcomes = chain.from_iterable(Journal(self.journal).outcomes(state) for state in states)
        return {str(outcome.request.id) for outcome in outcomes}

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).is_success
        except httpx.TransportError:
            return False


def _wait_until_dead(process: int) -> None:
    """A killed process first returns from the kernel, where it may be writing its last commit."""
    while True:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in {"Z", "X"}:
            return
        time.sleep(0.001)


@contextmanager
def application(folder: Path, **settings: Any) -> Iterator[Application]:
    """The application, started. Whatever is left of it at the end is killed."""
    site = Application(folder, **settings)
    site.start()
    try:
        yield site
    finally:
        site.kill()
