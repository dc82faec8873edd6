"""The commands."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from segmind_swap import PRICE_USD, PollPolicy, RetryPolicy, SwapClient, SwapJob, SwapResult

from ._batch import Options, run_batch
from ._demo import run_demo
from ._exits import Exit, endings_told, give_up
from ._live import LiveLine
from ._pairs import read_pairs
from ._plan import Limits
from ._service import Engine, best_engine, new_emulator, read_faults, service
from ._settle import JOURNAL, settle, show_status

app = typer.Typer(
    help="Swap characters in pictures through Segmind's API, or on an emulator of it.",
    epilog="Exit codes: 0 done · 1 refused or failed · 2 an input cannot be used, nothing was sent ·"
    " 3 paid but not finished: wait for it · 4 perhaps accepted and billed · 5 stopped before every input was"
    " submitted: the same command goes on · 130, 143 interrupted",
    no_args_is_help=True,
    rich_markup_mode="rich",
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


@app.command(epilog="Example: segmind-swap swap --reference hero.png --scene street.jpg --out out.png")
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
    line = LiveLine()

    async def run(settings: dict[str, Any]) -> SwapResult:
        retry = RetryPolicy(submit="strict" if strict else "documented")
        async with SwapClient(**settings, retry=retry, on_event=line) as client:
            return await client.swap(
                reference_character_image=reference,
                character_image=scene,
                save_to=out,
                overwrite=overwrite,
                timeout=timeout,
            )

    # An emulator's job ends with the emulator: there is nothing left to wait for.
    with endings_told(out, running=lambda: None if emulator else line.job, as_json=as_json):
        with service(emulator=emulator) as settings, line.screen:
            result = asyncio.run(run(settings))
    told = None if result.cost_usd is None else f"${result.cost_usd:.4f}"
    cost = "nothing: it ran on the emulator" if emulator else told or "not told; Segmind's is about $0.15"
    _show_result(result, f"cost {cost}", as_json=as_json)


@app.command(epilog="Example: segmind-swap wait https://api.segmind.com/workflows/request/… --out out.png")
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
    waited = _job_of(job)
    line = LiveLine()

    async def run(settings: dict[str, Any]) -> SwapResult:
        # It may be done already, so look at once.
        polling = PollPolicy(first_after=0.0)
        async with SwapClient(**settings, polling=polling, on_event=line) as client:
            return await client.wait(waited, timeout=timeout, save_to=out, overwrite=overwrite)

    with endings_told(out, running=lambda: waited, as_json=as_json):
        with service(emulator=False) as settings, line.screen:
            result = asyncio.run(run(settings))
    _show_result(result, "waiting is free", as_json=as_json)


@app.command(epilog="Example: segmind-swap batch pairs.csv --out out --budget 25")
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
    with endings_told(as_json=as_json):
        options = Options(
            out=out,
            journal=journal or out / JOURNAL,
            limits=Limits(concurrency=concurrency, rpm=rpm, budget_usd=budget, price_usd=price),
            poll_interval=poll_interval,
            strict=strict,
            timeout=timeout,
            retry_failed=retry_failed,
            dry_run=dry_run,
            emulator=emulator,
            as_json=as_json,
        )
        found = read_pairs(pairs, reference)
        with service(emulator=emulator, needs_key=not dry_run) as settings:
            code = run_batch(found, options, settings)
    raise typer.Exit(code)


@app.command(epilog="Example: segmind-swap status out")
def status(journal: JournalPath, as_json: Json = False) -> None:
    """Show how far a batch is: counts, money, and what waits for a decision. Free; also while it runs."""
    with endings_told(as_json=as_json):
        show_status(journal, as_json=as_json)


@app.command(epilog="Example: segmind-swap resolve out scene-017 --resubmit")
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
    with endings_told():
        settle(journal, id, resubmit=resubmit, abandon=abandon, wait_again=wait_again, poll_url=poll_url)


@app.command(epilog="Example: segmind-swap credits --json")
def credits(as_json: Json = False) -> None:
    """Show what is left on the account, in dollars. Free; also tells whether the key works."""

    async def run(settings: dict[str, Any]) -> None:
        async with SwapClient(**settings) as client:
            left = await client.credits()
        print(
            left.model_dump_json() if as_json else f"${left.credits:.2f}, and ${left.free_credits:.2f} free"
        )

    _run(run, as_json=as_json)


@app.command(epilog="Example: segmind-swap upload hero.png street.jpg")
def upload(
    pictures: Annotated[list[str], typer.Argument(help="JPEG, PNG or WebP files.")],
    as_json: Json = False,
) -> None:
    """Upload pictures, and print their URLs, one a line. Free."""

    async def run(settings: dict[str, Any]) -> None:
        urls = {}
        async with SwapClient(**settings) as client:
            for picture in pictures:
                urls[picture] = await client.upload(picture)
                if not as_json:
                    print(urls[picture])
        if as_json:
            print(json.dumps(urls))

    _run(run, as_json=as_json)


@app.command(
    "emulator", epilog="Example: segmind-swap emulator --speed 20 --fault poll:502:10% --rate-limit 60"
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
    console = Console(highlight=False)
    local = new_emulator(
        speed=speed,
        faults=read_faults(fault or []),
        credits_usd=credits,
        rate_limit=rate_limit,
        count_polls=count_polls,
        seed=seed,
        engine=engine or best_engine(),
    )

    def ready(url: str) -> None:
        console.print(f"the emulator listens at [bold]{url}[/bold]  (Ctrl-C ends it)")
        console.print("open that address in a browser to watch it, and to make things go wrong")
        console.print("use it from another terminal with:")
        console.print(f"  export SEGMIND_BASE_URL={url} SEGMIND_API_KEY=emulator-key", soft_wrap=True)

    try:
        local.run(host=host, port=port, on_ready=ready, allow_remote=allow_remote)
    except (ValueError, OSError) as exc:
        give_up(Exit.USAGE, str(exc))


@app.command(epilog="Example: segmind-swap demo --out demo")
def demo(
    out: Annotated[Path, typer.Option(help="The folder for the pictures and the report.")] = Path("demo"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the emulator and its page running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Swap six bundled pairs on a local emulator, and make a page to look at. Needs no key, costs nothing."""
    with endings_told():
        run_demo(out, keep=keep)


def _run(command: Any, *, as_json: bool) -> None:
    with endings_told(as_json=as_json), service(emulator=False) as settings:
        asyncio.run(command(settings))


def _job_of(text: str) -> SwapJob:
    """The job that was named on the command line."""
    if text.startswith(("http://", "https://")):
        return SwapJob(poll_url=text, workflow="", submitted_at=datetime.now(UTC))
    try:
        content = text
        if text == "-":
            content = sys.stdin.read()
        elif not text.lstrip().startswith("{"):
            content = Path(text).read_text()
        fields = json.loads(content)
        # What `swap --json` prints holds the job as well.
        return SwapJob.model_validate(fields.get("job", fields) if isinstance(fields, dict) else fields)
    except (OSError, ValueError):
        name = text if len(text) <= 80 else text[:79] + "…"
        give_up(
            Exit.USAGE,
            f"{name!r} is no job: give its poll URL, its JSON, or a file with its JSON",
        )


def _show_result(result: SwapResult, cost: str, *, as_json: bool) -> None:
    if as_json:
        print(result.model_dump_json())
        return
    Console(highlight=False).print(
        f"[green]saved[/green] {escape(str(result.path))}  ({result.seconds:.0f} s; {cost})", soft_wrap=True
    )
