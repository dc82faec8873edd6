"""Run `segmind-swap` as a real process, against an emulator that outlives the process."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image
from typer.testing import CliRunner

from segmind_swap import Journal, JournalError, OutcomeState
from segmind_swap.cli._app.app import app
from segmind_swap.emulator import Emulator, Picture

from ..support.forked import Forked
from ..support.sessions import png

# If the tests run in the background of a script, SIGINT is ignored, and child processes inherit that.
HANDLING_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
IGNORING_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def program(before: str = HANDLING_SIGINT) -> list[str]:
    """The program as an installed `segmind-swap` runs, after the statements in `before`."""
    return [sys.executable, "-c", f"{before}; from segmind_swap.cli import main; main()"]


COMMAND = program()
QUICK = program(
    f"{HANDLING_SIGINT}; from segmind_swap import PollPolicy, SwapClient"
    "; polling = PollPolicy(interval=0.05, first_after=0.0, learn=False)"
    "; SwapClient.__init__.__kwdefaults__.update(polling=polling)"
)
"""The program with polls as quick as the emulator, for a command without the option `--poll-interval`."""
PATIENCE = 300.0
"""Seconds after which a command hangs, however busy the machine is."""
KEY = "emulator-key"

PAIR = ["--reference", "hero.png", "--scene", "street.jpg"]
"""The pair of `with_pictures`, as options of `swap`."""

BATCH = ["batch", "scenes", "--reference", "hero.png", "--out", "out", "--poll-interval", "0.1"]
"""A batch of the eight scenes in the fixture `folder`."""


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEGMIND")}
    return {**inherited, "COLUMNS": "200", "NO_COLOR": "1", **more}


def emulator_at(url: str) -> dict[str, str]:
    """The environment variables with which a command uses an emulator."""
    return {"SEGMIND_BASE_URL": url, "SEGMIND_API_KEY": KEY}


def segmind_swap(
    *arguments: str, cwd: Path, command: Sequence[str] = COMMAND, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    with running(*arguments, cwd=cwd, command=command, **env) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _started(command: list[str], cwd: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    interpreter, option, source, *arguments = command
    if (interpreter, option) == (sys.executable, "-c") and hasattr(os, "fork"):
        return Forked(source, *arguments, cwd=cwd, env=env)
    return subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def running(
    *arguments: str, cwd: Path, command: Sequence[str] = COMMAND, **env: str
) -> Iterator[subprocess.Popen[str]]:
    """A command that runs while the block runs, and is killed at the end.

    It is forked where the package is loaded, unless Python is to be started with another option than `-c`.
    """
    with _started([*command, *arguments], cwd, environment(**env)) as process:
        try:
            yield process
        finally:
            process.kill()


def in_this_process(*arguments: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command that needs no process of its own."""
    with monkeypatch.context() as patch:
        patch.chdir(cwd)
        return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, arguments)


@contextmanager
def an_emulator(**settings: Any) -> Iterator[tuple[Emulator, dict[str, str]]]:
    """An emulator in this process, and the environment variables with which commands use it."""
    emulator = Emulator(**{"api_key": KEY, "speed": 100.0, "engine": "none", **settings})
    with emulator.serve() as url:
        yield emulator, emulator_at(url)


@contextmanager
def a_held_emulator() -> Iterator[tuple[Emulator, dict[str, str], threading.Event]]:
    """An emulator whose jobs are done when the event is set, and not before, however slow the machine is."""
    release = threading.Event()

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        while not release.is_set():  # noqa: ASYNC110 - set by another thread
            await anyio.sleep(0.01)
        return png()

    with an_emulator(engine=engine, duration=0.0) as (emulator, service):
        yield emulator, service, release


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Reads the standard error of a process up to the line with these words, and returns what was read."""
    assert process.stderr is not None
    text = ""
    while words not in text:
        line = process.stderr.readline()
        assert line, f"the process ended early: {text}"
        text += line
    return text


def until(condition: Callable[[], object]) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.02)


def states(folder: Path) -> dict[OutcomeState, int]:
    """The counts in the journal of a batch, also while the batch runs; empty before the journal exists."""
    try:
        return Journal(folder / "out" / "journal.db").summary().states
    except JournalError:
        return {}


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """The lines of a batch's `results.jsonl`, by id."""
    lines = (folder / "out" / "results.jsonl").read_text().splitlines()
    return {fields["id"]: fields for fields in map(json.loads, lines)}


def with_pictures(folder: Path) -> Path:
    """The folder, with a reference and a scene in it."""
    drawn(100, (300, 400)).save(folder / "hero.png")
    drawn(101, (640, 480)).save(folder / "street.jpg")
    return folder


def drawn(number: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A picture that looks like none with another number, and has more than one colour."""
    choice = random.Random(number)
    small = Image.new("RGB", (9, 8))
    for place in product(range(9), range(8)):
        small.putpixel(place, (choice.randrange(256), choice.randrange(256), choice.randrange(256)))
    return small.resize(size)
