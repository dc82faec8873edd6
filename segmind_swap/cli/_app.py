"""What the commands are called and take. What they do is imported when one is run, and not for `--help`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmind_swap import PRICE_USD

from ._emulator_engine import Engine
from ._help import Command, Group

app = typer.Typer(
    cls=Group,
    help="Swap characters in pictures through Segmind's API, or on an emulator of it.",
    # Click keeps the lines of a paragraph that begins so.
    epilog="""\b
Exit codes:
  0    done
  1    refused or failed
  2    an input cannot be used, nothing was sent
  3    paid but not finished: wait for it
  4    perhaps accepted and billed
  5    stopped before every input was submitted: the same command goes on
  130  interrupted; 143 by SIGTERM""",
    no_args_is_help=True,
    # Typer would load Rich's Markdown, its highlighter of code and its tracebacks, for help that needs none.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Out = Annotated[
    Path, typer.Option(help="Where to save the result; without a suffix it gets that of its type.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the job once it is accepted.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Never submit again after a 502, 503 or 504: it might pay twice.")
]
UseEmulator = Annotated[
    bool, typer.Option("--emulator", help="Use a local emulator: no key, no network, no bill.")
]
JournalPath = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="A batch's journal, or the folder that holds it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command(
    cls=Command, epilog="Example: segmind-swap swap --reference hero.png --scene street.jpg --out out.png"
)
def swap(
    reference: Annotated[str, typer.Option(help="Who goes in: a picture's path or URL.")],
    scene: Annotated[str, typer.Option(help="The scene, whose character is replaced: a path or URL.")],
    out: Out,
    overwrite: Overwrite = False,
    strict: Strict = False,
    emulator: UseEmulator = False,
    timeout: Timeout = 900.0,
    as_json: Json = False,
) -> None:
    """Make one swap, and save its picture. Paid once it is accepted, about $0.15."""
    from . import _commands

    _commands.swap(
        reference,
        scene,
        out=out,
        overwrite=overwrite,
        strict=strict,
        emulator=emulator,
        timeout=timeout,
        as_json=as_json,
    )


@app.command(
    cls=Command, epilog="Example: segmind-swap wait https://api.segmind.com/workflows/request/… --out out.png"
)
def wait(
    job: Annotated[
        str, typer.Argument(help="A poll URL, a job's JSON, a file that holds it, or - for standard input.")
    ],
    out: Out,
    overwrite: Overwrite = False,
    timeout: Timeout = 900.0,
    as_json: Json = False,
) -> None:
    """Wait for a job that was accepted before, and save its picture. Free, and may be repeated."""
    from . import _commands

    _commands.wait(job, out=out, overwrite=overwrite, timeout=timeout, as_json=as_json)


@app.command(cls=Command, epilog="Example: segmind-swap batch pairs.csv --out out --budget 25")
def batch(
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS",
            help="A .csv or .jsonl file with id, reference_character_image and character_image (paths from"
            " its own folder, or URLs); or a folder of scenes, with --reference.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="The folder for the pictures, as ID.png, .jpg or .webp, and for the report."),
    ],
    reference: Annotated[
        str | None, typer.Option(help="Who goes into each scene of a folder: a picture's path or URL.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Where each swap is written down; by default journal.db in --out.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="How many swaps at a time.")] = 64,
    rpm: Annotated[
        float | None, typer.Option(help="Submits a minute; by default it is found out from 429s.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Dollars that may be spent at most, earlier runs included.")
    ] = None,
    price: Annotated[float, typer.Option(help="Dollars that a swap is taken to cost.")] = PRICE_USD,
    poll_interval: Annotated[
        float | None, typer.Option(help="Seconds between two looks at a job; by default 7.")
    ] = None,
    strict: Strict = False,
    timeout: Timeout = 900.0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Submit, and pay, what failed or was rejected again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at every input, tell cost and time, and send nothing.")
    ] = False,
    emulator: UseEmulator = False,
    as_json: Json = False,
) -> None:
    """Make many swaps. Each is paid once it is accepted, about $0.15.

    All inputs are looked at before any is paid. Ctrl-C lets what is in flight finish; twice ends at once.

    The same command again goes on where the last run ended; what is done is not paid again.
    """
    from . import _commands

    _commands.batch(
        pairs,
        reference=reference,
        out=out,
        journal=journal,
        concurrency=concurrency,
        rpm=rpm,
        budget_usd=budget,
        price_usd=price,
        poll_interval=poll_interval,
        strict=strict,
        timeout=timeout,
        retry_failed=retry_failed,
        dry_run=dry_run,
        emulator=emulator,
        as_json=as_json,
    )


@app.command(cls=Command, epilog="Example: segmind-swap status out")
def status(journal: JournalPath, as_json: Json = False) -> None:
    """Show how far a batch is: counts, money, and what waits for a decision. Free; also while it runs."""
    from . import _commands

    _commands.status(journal, as_json=as_json)


@app.command(cls=Command, epilog="Example: segmind-swap resolve out scene-017 --resubmit")
def resolve(
    journal: JournalPath,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of the swap.")],
    resubmit: Annotated[
        bool, typer.Option("--resubmit", help="Submit it again, which is paid again.")
    ] = False,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Give it up; what it may have cost stays counted.")
    ] = False,
    wait_again: Annotated[
        bool, typer.Option("--wait-again", help="Wait for its job, which is free.")
    ] = False,
    poll_url: Annotated[
        str | None,
        typer.Option(help="Where its job is polled, by the account's history; with --wait-again."),
    ] = None,
) -> None:
    """Decide about a swap that a batch cannot decide about. The next run of the batch carries it out."""
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
def credits(as_json: Json = False) -> None:
    """Show what is left on the account, in dollars. Free; also tells whether the key works."""
    from . import _commands

    _commands.credits(as_json=as_json)


@app.command(cls=Command, epilog="Example: segmind-swap upload hero.png street.jpg")
def upload(
    pictures: Annotated[list[str], typer.Argument(help="JPEG, PNG or WebP files.")],
    as_json: Json = False,
) -> None:
    """Upload pictures, and print their URLs, one a line. Free."""
    from . import _commands

    _commands.upload(pictures, as_json=as_json)


@app.command(
    "emulator",
    cls=Command,
    epilog="Example: segmind-swap emulator --speed 20 --fault poll:502:10% --rate-limit 60",
)
def serve_emulator(
    port: Annotated[int, typer.Option(help="The port; 0 for any that is free.")] = 8765,
    speed: Annotated[float, typer.Option(help="How many times faster than the service jobs run.")] = 1.0,
    host: Annotated[str, typer.Option(help="The address to bind to.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Allow an address that other machines can reach, and any name in a request's Host.",
        ),
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="What goes wrong, in one line: the kind of call, what happens and when, as in poll:502:10%,"
            " submit:#3:cut or submit:504:billed:x1. May be given several times.",
        ),
    ] = None,
    rate_limit: Annotated[int | None, typer.Option(help="Submits a minute; beyond it come 429s.")] = None,
    count_polls: Annotated[
        bool, typer.Option("--count-polls", help="Polls use up the rate limit, too.")
    ] = False,
    credits: Annotated[float, typer.Option(help="Dollars of play money on the account.")] = 100.0,
    seed: Annotated[int, typer.Option(help="Decides which calls a share such as 10% hits.")] = 0,
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="What makes the pictures: a local preview of the swap, a sheet of both inputs, or a dot.",
            show_default="preview if it is installed, else sheet",
        ),
    ] = None,
) -> None:
    """Serve a local emulator of the API: it bills nobody, and returns labelled pictures.

    A page at its address shows swaps arriving and finishing, and lets you make things go wrong.
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
    )


@app.command(cls=Command, epilog="Example: segmind-swap demo --out demo")
def demo(
    out: Annotated[Path, typer.Option(help="The folder for the pictures and the report.")] = Path("demo"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the emulator and its page running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Swap six bundled pairs on a local emulator, and make a page to look at. Needs no key, costs nothing."""
    from . import _commands

    _commands.demo(out, keep=keep)
