"""`swap` and `wait`: one swap. The work of a command is imported when the command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from segmind_swap import PRICE_USD

from .._help import Command
from .._options import (
    AllowHttp,
    EmulatorEngine,
    Json,
    Out,
    Overwrite,
    Strict,
    Timeout,
    UseEmulator,
)
from .._terminal.text import format_usd
from .root import app

_PRICE = f"about {format_usd(PRICE_USD)}"


@app.command(
    cls=Command,
    help=f"Make one swap, and save its picture. Paid when the job is accepted, {_PRICE}.",
    epilog="Example: segmind-swap swap --reference hero.png --scene street.jpg --out out.png",
)
def swap(
    reference: Annotated[str, typer.Option(help="The picture of who goes in: a path or URL.")],
    scene: Annotated[str, typer.Option(help="The picture whose character is replaced: a path or URL.")],
    out: Out,
    overwrite: Overwrite = False,
    strict: Strict = False,
    emulator: UseEmulator = False,
    engine: EmulatorEngine = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 900.0,
    as_json: Json = False,
) -> None:
    """Runs `swap`."""
    from .. import _commands

    _commands.swap(
        reference,
        scene,
        out=out,
        overwrite=overwrite,
        strict=strict,
        emulator=emulator,
        engine=engine,
        allow_http=allow_http,
        timeout=timeout,
        as_json=as_json,
    )


@app.command(
    cls=Command, epilog="Example: segmind-swap wait https://api.segmind.com/workflows/request/… --out out.png"
)
def wait(
    job: Annotated[
        str,
        typer.Argument(
            metavar="JOB",
            help="A poll URL, the JSON of a job, a file with either of them, or - for standard input.",
        ),
    ],
    out: Out,
    overwrite: Overwrite = False,
    allow_http: AllowHttp = False,
    timeout: Timeout = 900.0,
    as_json: Json = False,
) -> None:
    """Wait for an accepted job, and save its picture. Free, and may be repeated."""
    from .. import _commands

    _commands.wait(job, out=out, overwrite=overwrite, allow_http=allow_http, timeout=timeout, as_json=as_json)
