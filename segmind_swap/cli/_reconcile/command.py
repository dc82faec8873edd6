"""Runs `reconcile`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from segmind_swap import PRICE_USD, Reconciliation, SwapClient

from .._connect import client_settings
from .._journal_commands import journal_file
from .._terminal.console import print_json, print_text
from .._terminal.errors import errors_as_exit_codes, exit_with_error
from .._terminal.exit_codes import ExitCode
from .._terminal.swap_progress import SwapProgress
from .._terminal.text import format_usd
from .text import lines_of


def reconcile(
    journal: Path,
    *,
    apply: bool,
    choices: Sequence[str],
    resubmit_missing: bool,
    number: int | None,
    allow_http: bool,
    as_json: bool,
) -> None:
    """Compares the unknown swaps with the account's history, and prints what is known of each."""
    if number is not None and not resubmit_missing:
        exit_with_error(ExitCode.USAGE, "--number needs --resubmit-missing")
    if resubmit_missing and not apply:
        exit_with_error(
            ExitCode.USAGE,
            "--resubmit-missing needs --apply; without both, the command shows which swaps could be"
            " submitted again",
        )
    chosen = _chosen(choices)
    with errors_as_exit_codes(as_json=as_json), client_settings(allow_http=allow_http) as settings:
        file = journal_file(journal)
        again = number
        if resubmit_missing and number is None:
            found = _compared(settings, file, chosen=chosen)
            again = _typed_number(found) if found.may_resubmit else None
        found = _compared(settings, file, apply=apply, resubmit_missing=again, chosen=chosen)
    if as_json:
        print_json(found)
    else:
        for line in lines_of(found, journal):
            print_text(line)
    raise typer.Exit(ExitCode.UNKNOWN if found.undecided else ExitCode.DONE)


def _chosen(choices: Sequence[str]) -> dict[str, str]:
    """The values of --choose. A request id has no equals sign; an id may have one."""
    chosen: dict[str, str] = {}
    for choice in choices:
        id, equals, request = choice.rpartition("=")
        if not (id and equals and request):
            exit_with_error(ExitCode.USAGE, f"--choose {choice!r}: write ID=REQUEST")
        if id in chosen:
            exit_with_error(ExitCode.USAGE, f"--choose gives {id!r} two requests")
        chosen[id] = request
    return chosen


def _compared(settings: dict[str, Any], file: Path, **options: Any) -> Reconciliation:
    progress = SwapProgress(state="reading the account's history")

    async def run() -> Reconciliation:
        async with SwapClient(**settings, on_event=progress) as client:
            return await client.reconcile(file, **options)

    with progress.display:
        return asyncio.run(run())


def _typed_number(found: Reconciliation) -> int:
    """The number that the user types: how many swaps are to be paid again."""
    count = found.may_resubmit
    if not _has_terminal():
        exit_with_error(
            ExitCode.USAGE,
            f"--resubmit-missing would submit {count:,} again, about {format_usd(count * PRICE_USD)}: give"
            f" --number {count}, or run the command in a terminal. Nothing was changed",
        )
    print_text(
        f"{count:,} not listed, and may be submitted again. That is paid: about"
        f" {format_usd(count * PRICE_USD)}, besides what they may have cost before."
    )
    typed = typer.prompt("type their number to submit them again, or anything else for none", err=True)
    if str(typed).strip() != str(count):
        exit_with_error(ExitCode.USAGE, f"{str(typed).strip()!r} is not {count}: nothing was changed")
    return count


def _has_terminal() -> bool:
    return sys.stdin.isatty()
