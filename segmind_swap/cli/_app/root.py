"""The program without its commands, and the options before the name of a command."""

from __future__ import annotations

from typing import Annotated

import typer

from .._help import Group
from .._terminal.exit_codes import ExitCode

app = typer.Typer(
    cls=Group,
    help="Swap characters in pictures through Segmind's API, or on a local emulator of the API.",
    # Click does not wrap the lines of a paragraph that begins with \b.
    epilog="\b\nExit codes:\n" + "\n".join(f"  {code:<4} {code.meaning}" for code in ExitCode),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    # Without these two settings, Typer loads large modules of rich for help and tracebacks.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        import platform

        from segmind_swap import __version__

        from .._terminal.console import print_text

        print_text(f"segmind-swap {__version__}, Python {platform.python_version()}, {platform.system()}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version, and exit."),
    ] = False,
) -> None:
    """The options before the name of a command."""
