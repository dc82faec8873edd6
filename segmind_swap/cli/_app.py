"""The names, options and help of the commands. The work of a command is imported when the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmind_swap import PRICE_USD, PollPolicy

from ._batch.options import BatchOptions
from ._emulator_engine import PREVIEWS_AT_MOST, Engine
from ._help import Command, Group
from ._options import (
    AllowHttp,
    EmulatorEngine,
    JournalPath,
    Json,
    Out,
    Overwrite,
    Strict,
    Timeout,
    UseEmulator,
)
from ._terminal.exit_codes import ExitCode
from ._terminal.text import format_usd

_PRICE = f"about {format_usd(PRICE_USD)}"

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

        from ._terminal.console import print_text

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
    from . import _commands

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
    from . import _commands

    _commands.wait(job, out=out, overwrite=overwrite, allow_http=allow_http, timeout=timeout, as_json=as_json)


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
    concurrency: Annotated[int, typer.Option(min=1, help="How many swaps run at the same time.")] = 64,
    rpm: Annotated[
        float | None, typer.Option(help="Submits a minute; by default the client learns the limit from 429s.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(help="The most that may be spent, in dollars, earlier runs and failed runs included."),
    ] = None,
    price: Annotated[float, typer.Option(help="The assumed price of a swap, in dollars.")] = PRICE_USD,
    failed_is_free: Annotated[
        bool,
        typer.Option("--failed-is-free", help="Count failed runs as free; by default they count as paid."),
    ] = False,
    poll_interval: Annotated[
        float | None,
        typer.Option(help=f"Seconds between two polls of a job; by default {PollPolicy().interval:g}."),
    ] = None,
    strict: Strict = False,
    timeout: Timeout = 900.0,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Submit again, and pay again, the swaps that failed or were rejected."
        ),
    ] = False,
    max_futile: Annotated[
        int,
        typer.Option(
            min=0,
            help="Stop after so many swaps in a row that may be paid and brought no picture; 0: no limit.",
        ),
    ] = 5,
    max_failed: Annotated[
        int, typer.Option(min=0, help="Stop after so many failed swaps in a row; 0: no limit.")
    ] = 20,
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
    from . import _commands

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
    """Show the progress of a batch: counts, money, and swaps to decide about. Free, also during a run."""
    from . import _commands

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
    from . import _commands

    _commands.resolve(
        journal,
        id,
        resubmit=resubmit,
        abandon=abandon,
        wait_again=wait_again,
        poll_url=poll_url,
    )


@app.command(cls=Command, epilog="Example: segmind-swap credits --json")
def credits(allow_http: AllowHttp = False, as_json: Json = False) -> None:
    """Show the credits of the account, in dollars. Free; also a check that the key works."""
    from . import _commands

    _commands.credits(allow_http=allow_http, as_json=as_json)


@app.command(cls=Command, epilog="Example: segmind-swap upload hero.png street.jpg")
def upload(
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE", help="JPEG, PNG or WebP files.")],
    allow_http: AllowHttp = False,
    as_json: Json = False,
) -> None:
    """Upload pictures, and print their URLs, one a line. Free."""
    from . import _commands

    _commands.upload(pictures, allow_http=allow_http, as_json=as_json)


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
    from . import _commands

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
    from . import _commands

    _commands.demo(out, keep=keep)


@app.command(cls=Command, epilog="Example: segmind-swap pictures pictures")
def pictures(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder; made if it is missing.")],
) -> None:
    """Copy six characters and six scenes into a folder, to try swaps with. Free, without key or network."""
    from . import _commands

    _commands.pictures(folder)
