"""`emulator`, `demo` and `pictures`: what needs no key. Their work is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._emulator_engine import Engine
from .._help import Command
from .root import app


@app.command(
    "emulator",
    cls=Command,
    epilog="Example: segmind-swap emulator --speed 20 --fault poll:502:10% --rate-limit 60",
)
def serve_emulator(
    port: Annotated[int, typer.Option(help="The port; 0 for any free port.")] = 8765,
    speed: Annotated[float, typer.Option(help="How many times faster jobs run than on the service.")] = 1.0,
    host: Annotated[str, typer.Option(help="The address to bind to.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Allow an address that other machines can reach, any name in the Host header, and a proxy's"
            " X-Forwarded-Proto and X-Forwarded-Host.",
        ),
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="A fault in one line: the kind of call, the failure and when it happens, as in poll:502:10%,"
            " submit:#3:cut or submit:504:billed:x1. May be given several times.",
        ),
    ] = None,
    rate_limit: Annotated[int | None, typer.Option(help="Submits a minute; more are answered 429.")] = None,
    count_polls: Annotated[
        bool, typer.Option("--count-polls", help="Polls count against the rate limit, too.")
    ] = False,
    credits: Annotated[float, typer.Option(help="Dollars of play money on the account.")] = 100.0,
    seed: Annotated[
        int, typer.Option(help="The random seed that selects the calls of a fault with a share such as 10%.")
    ] = 0,
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="What draws the pictures: a local preview of the swap, a sheet of both inputs, or a dot.",
            show_default="preview if it is installed, else sheet",
        ),
    ] = None,
    switch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="An answer to a question about the API that Segmind leaves open, as in output=url or"
            " refund_failed=yes. May be given several times. --list-switches names all.",
        ),
    ] = None,
    list_switches: Annotated[
        bool, typer.Option("--list-switches", help="Print the switches and their values, and serve nothing.")
    ] = False,
) -> None:
    """Serve a local emulator of the API, which bills nobody and returns labelled pictures.

    A page at the address of the emulator shows the swaps, and can cause faults.
    """
    from .. import _commands

    _commands.serve_emulator(
        port=port,
        speed=speed,
        host=host,
        allow_remote=allow_remote,
        faults=fault or [],
        rate_limit=rate_limit,
        count_polls=count_polls,
        credits_usd=credits,
        seed=seed,
        engine=engine,
        switches=switch or [],
        list_switches=list_switches,
    )


@app.command(cls=Command, epilog="Example: segmind-swap demo --out demo")
def demo(
    out: Annotated[Path, typer.Option(help="The folder for the pictures and the report.")] = Path("demo"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the emulator and its page running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Swap six bundled pairs on a local emulator, and write a report. Needs no key, costs nothing."""
    from .. import _commands

    _commands.demo(out, keep=keep)


@app.command(cls=Command, epilog="Example: segmind-swap pictures pictures")
def pictures(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder; made if it is missing.")],
) -> None:
    """Copy six characters and six scenes into a folder, to try swaps with. Free, without key or network."""
    from .. import _commands

    _commands.pictures(folder)
