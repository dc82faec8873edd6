"""How a command ends: what it says on the way out, and its exit code."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from segmind_swap import (
    ConfigurationError,
    DownloadError,
    ImageError,
    JournalError,
    SubmissionUnknownError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
)

from ._text import plain


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAILED = 1
    """The service refused, or the swap failed. Nothing more will come."""
    USAGE = 2
    """An option or an input cannot be used. Nothing was sent, nothing is charged."""
    UNFINISHED = 3
    """A job was accepted and is billed, but its picture is not here yet: `wait` for it."""
    UNKNOWN = 4
    """A submit may have been accepted and billed. Look into the account's history before repeating it."""
    STOPPED = 5
    """A batch ended before every input was submitted. The same command goes on."""
    INTERRUPTED = 130
    TERMINATED = 143


def complain(text: str) -> None:
    """Says what went wrong, on standard error."""
    words = Text.assemble(("segmind-swap:", "red"), " ", plain(text))
    Console(stderr=True, highlight=False).print(words, soft_wrap=True)


def give_up(code: Exit, text: str) -> NoReturn:
    """Says what went wrong, and ends the command."""
    complain(text)
    raise typer.Exit(code)


def how_to_wait(job: SwapJob, out: Path | None) -> str:
    """The command that brings a job's picture."""
    target = shlex.quote(str(out)) if out is not None else "OUT.png"
    return (
        "the job was accepted and is billed; to have its picture:\n"
        f"  segmind-swap wait {shlex.quote(job.poll_url or job.model_dump_json())} --out {target}"
    )


def code_of(error: SwapError) -> Exit:
    """The exit code of an error."""
    match error:
        case SubmissionUnknownError():
            return Exit.UNKNOWN
        case ConfigurationError() | ImageError() | JournalError() if error.job is None:
            return Exit.USAGE
        case SwapFailedError():
            return Exit.FAILED
        case _:
            return Exit.FAILED if error.job is None else Exit.UNFINISHED


@contextmanager
def endings_told(
    out: Path | None = None,
    *,
    running: Callable[[], SwapJob | None] = lambda: None,
    as_json: bool = False,
) -> Iterator[None]:
    """Turns errors and signals into a message, with the way to a job that is paid, and an exit code.

    `running` tells the job that is being waited for, in case of a signal. With `as_json` a script finds the
    error, and the job if there is one, on standard output as well.
    """
    with _sigterm_as_interrupt() as terminated:
        try:
            yield
        except SwapError as exc:
            complain(str(exc))
            code = code_of(exc)
            if isinstance(exc, DownloadError):
                complain(f"its picture stays for about 7 days at {exc.url}")
            # Where waiting again could not end better, the message itself says what can be done.
            hopeless = isinstance(exc, SwapExpiredError | ConfigurationError)
            if exc.job is not None and code is Exit.UNFINISHED and not hopeless:
                complain(how_to_wait(exc.job, out))
            ending = type(exc).__name__, str(exc), exc.job
        except KeyboardInterrupt:
            job = running()
            complain("interrupted" if job is None else f"interrupted; {how_to_wait(job, out)}")
            code = Exit.TERMINATED if terminated else Exit.INTERRUPTED
            ending = "Interrupted", "interrupted", job
        else:
            return
    if as_json:
        error, message, job = ending
        told = {"error": error, "message": message, "job": job.model_dump(mode="json") if job else None}
        print(json.dumps(told))
    raise typer.Exit(code)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[list[int]]:
    """SIGTERM ends a command as Ctrl-C does: at a point where everything can be said and closed."""
    terminated: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        terminated.append(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # As in a shell script's background jobs, where raising it would do nothing.
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)
