"""What the commands do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from segmind_swap import PollPolicy, RetryPolicy, SwapClient, SwapJob, SwapResult

from ._batch import Options, run_batch
from ._batch_plan import Limits
from ._connect import new_emulator, read_faults, service
from ._demo import run_demo
from ._emulator_engine import Engine, best_engine
from ._exit_codes import Exit, endings_told, give_up
from ._journal_commands import JOURNAL, settle, show_status
from ._pairs_file import read_pairs
from ._swap_progress import LiveLine


def swap(
    reference: str,
    scene: str,
    *,
    out: Path,
    overwrite: bool,
    strict: bool,
    emulator: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Makes one swap."""
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


def wait(job: str, *, out: Path, overwrite: bool, timeout: float, as_json: bool) -> None:
    """Waits for a job."""
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


def batch(
    pairs: Path,
    *,
    reference: str | None,
    out: Path,
    journal: Path | None,
    concurrency: int,
    rpm: float | None,
    budget_usd: float | None,
    price_usd: float,
    poll_interval: float | None,
    strict: bool,
    timeout: float,
    retry_failed: bool,
    dry_run: bool,
    emulator: bool,
    as_json: bool,
) -> None:
    """Makes many swaps."""
    with endings_told(as_json=as_json):
        options = Options(
            out=out,
            journal=journal or out / JOURNAL,
            limits=Limits(concurrency=concurrency, rpm=rpm, budget_usd=budget_usd, price_usd=price_usd),
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


def status(journal: Path, *, as_json: bool) -> None:
    """Shows how far a batch is."""
    with endings_told(as_json=as_json):
        show_status(journal, as_json=as_json)


def resolve(
    journal: Path, id: str, *, resubmit: bool, abandon: bool, wait_again: bool, poll_url: str | None
) -> None:
    """Writes a decision down."""
    with endings_told():
        settle(journal, id, resubmit=resubmit, abandon=abandon, wait_again=wait_again, poll_url=poll_url)


def credits(*, as_json: bool) -> None:
    """Shows what is left on the account."""

    async def run(settings: dict[str, Any]) -> None:
        async with SwapClient(**settings) as client:
            left = await client.credits()
        print(
            left.model_dump_json() if as_json else f"${left.credits:.2f}, and ${left.free_credits:.2f} free"
        )

    _run(run, as_json=as_json)


def upload(pictures: Sequence[str], *, as_json: bool) -> None:
    """Uploads pictures, and prints their URLs."""

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


def serve_emulator(
    *,
    port: int,
    speed: float,
    host: str,
    allow_remote: bool,
    faults: Sequence[str],
    rate_limit: int | None,
    count_polls: bool,
    credits_usd: float,
    seed: int,
    engine: Engine | None,
) -> None:
    """Serves an emulator until Ctrl-C."""
    console = Console(highlight=False)
    local = new_emulator(
        speed=speed,
        faults=read_faults(faults),
        credits_usd=credits_usd,
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


def demo(out: Path, *, keep: bool) -> None:
    """Makes six swaps on an emulator, and a page of them."""
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
