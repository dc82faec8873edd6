"""`review` and `export`. Neither can pay. Their work is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._help import Command
from .._options import Json
from .root import app

_Out = Annotated[
    Path,
    typer.Argument(metavar="OUT", help="The folder of a batch, which was its --out.", show_default=False),
]
_Journal = Annotated[
    Path | None, typer.Option(help="The journal of the batch; by default journal.db in OUT.")
]


@app.command(
    cls=Command,
    help="""Look at the pictures of a batch, and decide which to keep. Free, offline, also during a run.

    Writes a page, review.html, that opens in a browser and shows what looks suspicious first. With --serve,
    the page saves each decision at once. A discarded picture is moved to the folder discarded, and is not
    fetched again. Nothing is deleted, and nothing is paid.
    """,
    epilog="Example: segmind-swap review out --serve",
)
def review(
    out: _Out,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page on this machine, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: the port; 0 for any.")] = 0,
    apply: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Apply a file of decisions that the page has exported. May be given several times: of"
            " several decisions about a picture, the newest counts.",
        ),
    ] = None,
    list_: Annotated[
        str | None,
        typer.Option(
            "--list",
            metavar="STATE",
            help="Print the ids of the pictures that are keep, discard, redo, undecided or flagged. The exit"
            " code of --list undecided is 0 if there is none, else 7.",
        ),
    ] = None,
    flag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="Another threshold of a flag, as in background=0.5; light=off turns a flag off. May be given"
            " several times.",
        ),
    ] = None,
    journal: _Journal = None,
    as_json: Json = False,
) -> None:
    """Runs `review`."""
    from .. import _review_commands

    _review_commands.review(
        out,
        journal=journal,
        serve=serve,
        port=port,
        apply=apply or [],
        listed=list_,
        flags=flag or [],
        as_json=as_json,
    )


@app.command(cls=Command, epilog="Example: segmind-swap export out --to delivery")
def export(
    out: _Out,
    to: Annotated[Path, typer.Option(help="The new folder, or with --zip the new file.", show_default=False)],
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Which pictures: keep, undecided or redo. May be given several times. Discarded ones never.",
            show_default="keep",
        ),
    ] = None,
    as_zip: Annotated[bool, typer.Option("--zip", help="Write one ZIP file.")] = False,
    journal: _Journal = None,
    as_json: Json = False,
) -> None:
    """Hand on the kept pictures: copies, a page, a manifest and checksums. Free, offline.

    The folder is complete, or does not exist. An existing one is never changed.
    """
    from .. import _review_commands

    _review_commands.export(out, journal=journal, to=to, only=only or [], as_zip=as_zip, as_json=as_json)
