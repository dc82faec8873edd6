"""The work of `review` and `export`: checks which options go together, and turns errors into exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import typer

from ._review.command import apply_files, list_pictures, serve_page, write_page
from ._review.export import export_pictures
from ._review.options import Exported, Listed, ReviewOptions
from ._terminal.errors import errors_as_exit_codes, exit_with_error
from ._terminal.exit_codes import ExitCode

T = TypeVar("T", bound=StrEnum)


def review(
    out: Path,
    *,
    journal: Path | None,
    serve: bool,
    port: int,
    apply: Sequence[Path],
    listed: str | None,
    flags: Sequence[str],
    as_json: bool,
) -> None:
    """Writes or serves the page, applies decisions, or lists pictures."""
    if serve + bool(apply) + (listed is not None) > 1:
        exit_with_error(ExitCode.USAGE, "give at most one of --serve, --apply and --list")
    if port and not serve:
        exit_with_error(ExitCode.USAGE, "--port needs --serve")
    if as_json and not (apply or listed is not None):
        exit_with_error(ExitCode.USAGE, "--json needs --list or --apply")
    state = None if listed is None else _chosen("--list", listed, Listed)
    options = ReviewOptions(out=out, journal=journal, flags=flags)
    with errors_as_exit_codes(as_json=as_json):
        if state is not None:
            code = list_pictures(options, state, as_json=as_json)
        elif apply:
            code = apply_files(options, apply, as_json=as_json)
        else:
            code = serve_page(options, port=port) if serve else write_page(options)
    raise typer.Exit(code)


def export(
    out: Path, *, journal: Path | None, to: Path, only: Sequence[str], as_zip: bool, as_json: bool
) -> None:
    """Hands pictures on."""
    chosen = [_chosen("--only", name, Exported) for name in only]
    options = ReviewOptions(out=out, journal=journal)
    with errors_as_exit_codes(as_json=as_json):
        code = export_pictures(options, to, only=chosen, as_zip=as_zip, as_json=as_json)
    raise typer.Exit(code)


def _chosen(option: str, name: str, kind: type[T]) -> T:
    try:
        return kind(name)
    except ValueError:
        names = ", ".join(kind)
        exit_with_error(ExitCode.USAGE, f"{option} {name!r} is none of these: {names}")
