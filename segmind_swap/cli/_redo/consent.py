"""The consent to pay again: an option, or the number of swaps, typed on a terminal."""

from __future__ import annotations

import sys

from .._terminal.console import console
from .._terminal.errors import exit_with_error
from .._terminal.exit_codes import ExitCode


def require_consent(count: int, *, is_given: bool) -> None:
    """Ends the command, unless the user agrees to pay for so many swaps again.

    Args:
        count: The number of swaps that will be paid again.
        is_given: Whether the user has agreed with `--pay-again`.
    """
    if is_given:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        exit_with_error(ExitCode.USAGE, "nothing was sent: give --pay-again to pay for these swaps again")
    out = console(stderr=True)
    out.print(f"type {count} to pay for {_swaps(count)} again: ", end="")
    answer = sys.stdin.readline().strip()
    if answer != str(count):
        exit_with_error(ExitCode.USAGE, f"nothing was sent: {answer!r} is not {count}")


def _swaps(count: int) -> str:
    return "1 swap" if count == 1 else f"{count:,} swaps"
