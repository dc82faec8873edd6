"""How an error or a signal ends a command: with a message, and with an exit code."""

from __future__ import annotations

import shlex
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
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

from .console import console, print_json
from .exit_codes import ExitCode
from .option_names import message_of, with_option_names
from .signals import termination_as_keyboard_interrupt
from .text import printable


def print_error(message: str) -> None:
    """Prints a message on standard error."""
    text = Text.assemble(("segmind-swap:", "red"), " ", printable(with_option_names(message)))
    console(stderr=True).print(text)


def exit_with_error(code: ExitCode, message: str) -> NoReturn:
    """Prints a message on standard error, and ends the command."""
    print_error(message)
    raise typer.Exit(code)


def wait_hint(job: SwapJob, out: Path | None) -> str:
    """A sentence with the command that downloads the picture of an accepted job."""
    return f"the job was accepted and is billed; to download its picture:\n  {wait_command(job, out)}"


def wait_command(job: SwapJob, out: Path | None) -> str:
    """The shell command that downloads the picture of an accepted job."""
    target = shlex.quote(str(out)) if out is not None else "OUT.png"
    return f"segmind-swap wait {shlex.quote(job.poll_url or job.model_dump_json())} --out {target}"


def exit_code_of(error: SwapError) -> ExitCode:
    """The exit code of an error."""
    match error:
        case SubmissionUnknownError():
            return ExitCode.UNKNOWN
        case ConfigurationError() | ImageError() | JournalError() if error.job is None:
            return ExitCode.USAGE
        case SwapFailedError():
            return ExitCode.FAILED
        case _:
            return ExitCode.REFUSED if error.job is None else ExitCode.UNFINISHED


@contextmanager
def errors_as_exit_codes(
    out: Path | None = None,
    *,
    current_job: Callable[[], SwapJob | None] = lambda: None,
    is_submitting: Callable[[], bool] = lambda: False,
    as_json: bool = False,
    more_json: Callable[[], Mapping[str, object]] = dict,
) -> Iterator[None]:
    """Turns errors and signals inside the block into a message and an exit code.

    The code is true for an unexpected error, too: a bug may end a command after its job was billed.

    If a job was accepted and is billed, the message includes the command that downloads its picture.

    Args:
        out: The target of the picture, for that command.
        current_job: Returns the job that the command waits for at the moment, if there is one.
        is_submitting: Returns whether a submit was sent whose answer is not known at the moment.
        as_json: Also print the error, and the job if there is one, as JSON on standard output.
        more_json: Returns what else that JSON has.

    Raises:
        typer.Exit: An error or a signal ended the block.
    """
    with termination_as_keyboard_interrupt() as terminations:
        try:
            yield
        except SwapError as exc:
            print_error(str(exc))
            code = exit_code_of(exc)
            if isinstance(exc, DownloadError):
                print_error(f"the service keeps the picture for about 7 days at {exc.url}")
            # Waiting again for the same job cannot succeed after these errors; their messages say what can.
            wait_is_useless = isinstance(exc, SwapExpiredError | ConfigurationError)
            if exc.job is not None and code is ExitCode.UNFINISHED and not wait_is_useless:
                print_error(wait_hint(exc.job, out))
            error, message, job = type(exc).__name__, message_of(exc), exc.job
        except KeyboardInterrupt:
            job = current_job()
            print_error("interrupted" if job is None else f"interrupted; {wait_hint(job, out)}")
            code = ExitCode.of_signal(terminations[0] if terminations else signal.SIGINT)
            error, message = "Interrupted", "interrupted"
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as exc:
            job = current_job()
            traceback.print_exception(exc)
            code = ExitCode.UNKNOWN if is_submitting() else ExitCode.REFUSED
            if job is not None:
                print_error(wait_hint(job, out))
                code = ExitCode.UNFINISHED
            error, message = type(exc).__name__, str(exc)
        else:
            return
    if as_json:
        fields = {"error": error, "message": message, "job": job.model_dump(mode="json") if job else None}
        print_json({**fields, **more_json()})
    raise typer.Exit(code)
