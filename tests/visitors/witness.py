"""The emulator in a process of its own, which notes what comes in. Run as a program, it prints its address.

It is the witness of a trial: it is never killed, and has nothing of what the application believes.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from segmind_swap.emulator import Emulator, Fault

_TESTIMONY = "/testimony"
_ON_WIRE = 1e18
"""Later than any end; JSON has no infinity."""
_POLL = re.compile(r"/workflows/request/(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """What the witness has seen.

    Attributes:
        scenes: The SHA-256 of the scene of each job that was billed.
        spent_usd: What the jobs cost.
        submits: When each submit came in, and when it was answered or its connection was lost, in seconds on
            the clock of the machine; a time in the far future for one that is on the wire.
        polls: When each poll came in, by job.
        calls: How many requests came in, by kind.
    """

    scenes: list[str]
    spent_usd: float
    submits: list[tuple[float, float]]
    polls: dict[str, list[float]]
    calls: dict[str, int]

    def on_wire(self, at: float = _ON_WIRE) -> int:
        """The submits that had come in at a moment, and were not answered; without a moment, now."""
        return sum(begun <= at <= ended for begun, ended in self.submits)


@dataclass(frozen=True, slots=True)
class Witness:
    """The running emulator."""

    url: str

    def asked(self) -> Testimony:
        """What it has seen so far."""
        return Testimony(**httpx.get(f"{self.url}{_TESTIMONY}", timeout=30).raise_for_status().json())


@contextmanager
def witness(*, job_seconds: float, submit_delay: float) -> Iterator[Witness]:
    """Runs the emulator until the block ends.

    Args:
        job_seconds: The seconds of a job.
        submit_delay: Seconds from the moment at which a submit is accepted and billed until it is answered.
    """
    command = [sys.executable, __file__, f"--job={job_seconds}", f"--delay={submit_delay}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Witness(process.stdout.readline().strip())
        finally:
            process.terminate()


# In the process of the emulator


class _Notes:
    """Notes the submits and the polls on their way to the emulator."""

    def __init__(self, emulator: Emulator, app: ASGIApp) -> None:
        self._emulator = emulator
        self._app = app
        self._submits: list[list[float]] = []
        self._polls: dict[str, list[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path"))
        if path == _TESTIMONY:
            await JSONResponse(self._testimony())(scope, receive, send)
            return
        if polled := _POLL.fullmatch(path):
            self._polls.setdefault(polled[1], []).append(time.monotonic())
        submit = [time.monotonic(), _ON_WIRE]
        if path.startswith("/workflows/") and scope["method"] == "POST":
            self._submits.append(submit)
        try:
            await self._app(scope, receive, send)
        finally:
            submit[1] = time.monotonic()

    def _testimony(self) -> dict[str, Any]:
        ledger = self._emulator.ledger
        return {
            "scenes": [charge.scene_sha256 for charge in ledger],
            "spent_usd": sum(charge.price_usd for charge in ledger),
            "submits": self._submits,
            "polls": self._polls,
            "calls": {kind: self._emulator.count(kind) for kind in ("submit", "poll", "upload", "file")},
        }


def main() -> None:
    """Serves until it is terminated."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", type=float)
    parser.add_argument("--delay", type=float)
    options = parser.parse_args()
    slow = [Fault(on="submit", delay=options.delay)] if options.delay else []
    emulator = Emulator(duration=options.job, engine="none", credits_usd=1e6, faults=slow)
    emulator._app = _Notes(emulator, emulator.app)  # type: ignore[assignment]
    emulator.run(port=0, on_ready=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
