"""`reconcile`: unknown swaps and the history of the account. Its work is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from .._help import Command
from .._options import AllowHttp, JournalPath, Json
from .root import app


@app.command(cls=Command, epilog="Example: segmind-swap reconcile out --apply")
def reconcile(
    journal: JournalPath,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the jobs that were found to the journal. Free.")
    ] = False,
    choose: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=REQUEST",
            help="Take this request for this swap, where several or unclear ones are listed. May be given"
            " several times.",
        ),
    ] = None,
    resubmit_missing: Annotated[
        bool,
        typer.Option(
            "--resubmit-missing",
            help="With --apply: also submit again, and pay again, the swaps that are proven not to be in the"
            " history. Asks for their number.",
        ),
    ] = False,
    number: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="With --resubmit-missing, for scripts: the number, instead of typing it. Another number"
            " changes nothing.",
        ),
    ] = None,
    allow_http: AllowHttp = False,
    as_json: Json = False,
) -> None:
    """Look for the unknown swaps of a batch in the account's history. Free; changes nothing without --apply.

    A swap that is found is waited for by the next run of the batch, and is not paid again. Needs the key.
    """
    from .._reconcile import command

    command.reconcile(
        journal,
        apply=apply,
        choices=choose or [],
        resubmit_missing=resubmit_missing,
        number=number,
        allow_http=allow_http,
        as_json=as_json,
    )
