"""`redo` and `cost`. The work of a command is imported when the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmind_swap import PRICE_USD

from .._batch.options import BatchOptions
from .._help import Command
from .._options import (
    AllowHttp,
    Concurrency,
    FailedIsFree,
    Json,
    MaxFailed,
    MaxFutile,
    PollInterval,
    Price,
    Rpm,
    Strict,
    Timeout,
)
from .._redo.options import RedoOptions
from .._terminal.text import format_usd
from .root import app

_PRICE = f"about {format_usd(PRICE_USD)}"

Folder = Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the batch, which was its --out.")]


@app.command(
    cls=Command,
    help=f"""Make swaps of a batch again, as their next version. Each is paid AGAIN, {_PRICE}.

    Without ids, the swaps that are marked to be redone in a review. The picture of the version before is
    kept in OUT/versions. Refuses to pay without --pay-again, or the number of swaps typed on a terminal.

    The same command again finishes the versions that it has begun, and begins none.
    """,
    epilog="Example: segmind-swap redo out scene-012 scene-023 --reference hero2.png --pay-again",
)
def redo(
    out: Folder,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID",
            help="The ids of the swaps. ID alone makes its first version again, and ID:2 its second.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="The picture of who goes in: a path or URL.", show_default="the same as before"),
    ] = None,
    pay_again: Annotated[
        bool, typer.Option("--pay-again", help="Pay for the swaps again, without a question.")
    ] = False,
    journal: Annotated[
        Path | None, typer.Option(help="The journal of the batch; by default journal.db in OUT.")
    ] = None,
    concurrency: Concurrency = 64,
    rpm: Rpm = None,
    budget: Annotated[
        float | None,
        typer.Option(help="The most that the batch may cost, in dollars, with all versions of all swaps."),
    ] = None,
    price: Price = PRICE_USD,
    failed_is_free: FailedIsFree = False,
    poll_interval: PollInterval = None,
    strict: Strict = False,
    timeout: Timeout = 900.0,
    max_futile: MaxFutile = 5,
    max_failed: MaxFailed = 20,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the swaps, print what they cost, and send nothing.")
    ] = False,
    allow_http: AllowHttp = False,
    as_json: Json = False,
) -> None:
    """Runs `redo`."""
    from .._redo import command

    command.redo(
        RedoOptions(
            swaps=ids or (),
            pay_again=pay_again,
            batch=BatchOptions(
                pairs=out,
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
                retry_failed=False,
                once_per_picture=False,
                skip_bad=False,
                recursive=False,
                max_futile=max_futile,
                max_failed=max_failed,
                dry_run=dry_run,
                emulator=False,
                allow_http=allow_http,
                as_json=as_json,
            ),
        )
    )


@app.command(cls=Command, epilog="Example: segmind-swap cost out --csv bill.csv")
def cost(
    outs: Annotated[
        list[Path],
        typer.Argument(metavar="OUT", help="The folders of batches, or their journals."),
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a line for each version into a table.")
    ] = None,
    credits_before: Annotated[
        float | None,
        typer.Option(
            help="What the account had before the batches, in dollars: compare with what it has now."
        ),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            help="The price of a swap, in dollars, where the service reported none.",
            show_default="the price of the last run",
        ),
    ] = None,
    allow_http: AllowHttp = False,
    as_json: Json = False,
) -> None:
    """Tell what batches cost: certainly, and at most, with all versions. Free, also during a run."""
    from .._cost import command

    command.cost(
        outs, csv=csv, credits_before=credits_before, price=price, allow_http=allow_http, as_json=as_json
    )
