"""`batch`, and the commands about its journal. The work of a command is imported when the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmind_swap import PRICE_USD

from .._batch.options import BatchOptions
from .._emulator_engine import PREVIEWS_AT_MOST, Engine
from .._help import Command
from .._options import (
    AllowHttp,
    Concurrency,
    FailedIsFree,
    JournalPath,
    Json,
    MaxFailed,
    MaxFutile,
    PollInterval,
    Price,
    Rpm,
    Strict,
    Timeout,
    UseEmulator,
)
from .._terminal.text import format_usd
from .root import app

_PRICE = f"about {format_usd(PRICE_USD)}"


@app.command(
    cls=Command,
    help=f"""Make many swaps. Each swap is paid when its job is accepted, {_PRICE}.

    All inputs are checked before any swap is paid. After the first Ctrl-C, nothing more is submitted and the
    swaps in flight finish; the second Ctrl-C ends at once.

    The same command again continues the batch: finished swaps are not paid again.
    """,
    epilog="Example: segmind-swap batch pairs.csv --out out --budget 25",
)
def batch(
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS",
            help="A table (.csv, .tsv, .jsonl; - for standard input) with the columns id, reference and scene"
            " (URLs, or paths relative to the folder of the file); or a folder of scenes, with --reference.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="The folder for the report and the pictures, named ID.png, .jpg or .webp."),
    ],
    reference: Annotated[
        str | None, typer.Option(help="The picture of who goes into every scene of a folder: a path or URL.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="The journal of all swaps; by default journal.db in --out.")
    ] = None,
    concurrency: Concurrency = 64,
    rpm: Rpm = None,
    budget: Annotated[
        float | None,
        typer.Option(help="The most that may be spent, in dollars, earlier runs and failed runs included."),
    ] = None,
    price: Price = PRICE_USD,
    failed_is_free: FailedIsFree = False,
    poll_interval: PollInterval = None,
    strict: Strict = False,
    timeout: Timeout = 900.0,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Submit again, and pay again, the swaps that failed or were rejected."
        ),
    ] = False,
    max_futile: MaxFutile = 5,
    max_failed: MaxFailed = 20,
    once_per_picture: Annotated[
        bool,
        typer.Option(
            "--once-per-picture",
            help="Pay once for inputs of which both pictures have the same content; the others get copies.",
        ),
    ] = False,
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Leave out inputs that cannot be used, and make the others."),
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="With a folder of scenes: read the folders below, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every input, print cost and time, and send nothing.")
    ] = False,
    emulator: UseEmulator = False,
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="With --emulator, what draws the pictures: local previews of the swaps, sheets of both"
            " inputs, or dots.",
            show_default=f"preview if it is installed and there are at most {PREVIEWS_AT_MOST} inputs, else"
            " sheet",
        ),
    ] = None,
    allow_http: AllowHttp = False,
    as_json: Json = False,
) -> None:
    """Runs `batch`."""
    from .. import _commands

    _commands.batch(
        BatchOptions(
            pairs=pairs,
            reference=reference,
            out=out,
            journal=journal,
            concurrency=concurrency,
            rpm=rpm,
            budget_usd=budget,
            price_usd=price,
            failed_is_free=failed_is_free,
            poll_interval=poll_interval,
            strict=strict,
            timeout=timeout,
            retry_failed=retry_failed,
            once_per_picture=once_per_picture,
            skip_bad=skip_bad,
            recursive=recursive,
            max_futile=max_futile,
            max_failed=max_failed,
            dry_run=dry_run,
            emulator=emulator,
            engine=engine,
            allow_http=allow_http,
            as_json=as_json,
        )
    )


@app.command(cls=Command, epilog="Example: segmind-swap status out")
def status(journal: JournalPath, as_json: Json = False) -> None:
    """Show how a batch stands: counts, money, rate limit, swaps to decide about. Free, also during a run."""
    from .. import _commands

    _commands.status(journal, as_json=as_json)


@app.command(cls=Command, epilog="Example: segmind-swap resolve out scene-017 --resubmit")
def resolve(
    journal: JournalPath,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of the swap.")],
    resubmit: Annotated[
        bool, typer.Option("--resubmit", help="Submit the swap again, which is paid again.")
    ] = False,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Give the swap up; what it may have cost stays counted.")
    ] = False,
    wait_again: Annotated[
        bool, typer.Option("--wait-again", help="Wait for the job of the swap, which is free.")
    ] = False,
    poll_url: Annotated[
        str | None,
        typer.Option(help="With --wait-again: the poll URL of the job, from the account's history."),
    ] = None,
) -> None:
    """Decide about a swap that a batch cannot decide about. The next run of the batch acts on it."""
    from .. import _commands

    _commands.resolve(
        journal,
        id,
        resubmit=resubmit,
        abandon=abandon,
        wait_again=wait_again,
        poll_url=poll_url,
    )
