"""What it costs to begin: importing the package, and asking its command line for help."""

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from .findings import Effort, Finding, Found, at_most

_TIMED = "import time; cpu = time.process_time(); {}; print(time.process_time() - cpu)"
_LIBRARIES = "import httpx, pydantic, tenacity"
# pydantic, too, loads a name when it is asked for: no client of these libraries can do without this much.
_IN_USE = "import httpx, tenacity, anyio; from pydantic import BaseModel; type('Value', (BaseModel,), {})"


def _import(statement: str) -> float:
    """Seconds of CPU of an import, in a process of its own."""
    program = _TIMED.format(statement)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _process(command: Sequence[str]) -> float:
    """Seconds of CPU of a whole process."""
    before = _of_children()
    subprocess.run(command, capture_output=True, check=True)
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(effort: Effort) -> Found:
    """Each against the libraries without which it cannot be, in turns."""
    program = str(Path(sys.executable).with_name("segmind-swap"))
    libraries = [sys.executable, "-c", "import typer, rich"]
    runs: list[tuple[float, ...]] = [
        (
            _import("import segmind_swap"),
            _import("from segmind_swap import SwapClient"),
            _import(_LIBRARIES),
            _import(_IN_USE),
            _process([program, "--help"]),
            _process(libraries),
        )
        for _ in range(5 * effort.repeats)
    ]
    package, client, theirs, in_use, help_, bare = (
        median(column) * 1e3 for column in zip(*runs, strict=True)
    )
    return Found(
        row="start",
        findings=[
            Finding(
                what="import segmind_swap, of httpx, pydantic and tenacity",
                figure=package / theirs,
                goal=at_most(1.15),
                note=f"{package:.0f} ms, {theirs:.0f} ms: no name is loaded before it is asked for",
            ),
            Finding(
                what="importing SwapClient, of httpx, pydantic and tenacity",
                figure=client / theirs,
                note=f"{client:.0f} ms, {theirs:.0f} ms",
            ),
            Finding(
                what="importing SwapClient, of httpx, tenacity, anyio and one pydantic model",
                figure=client / in_use,
                note=f"{client:.0f} ms, {in_use:.0f} ms",
            ),
            Finding(
                what="segmind-swap --help, of importing typer and rich",
                figure=help_ / bare,
                goal=at_most(1.5),
                note=f"{help_:.0f} ms, {bare:.0f} ms",
            ),
        ],
    )
