"""The work of each command. `_app` imports this module when a command runs, and not for `--help`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from segmind_swap import (
    PRICE_USD,
    Credits,
    ImageError,
    PollPolicy,
    RetryPolicy,
    SwapClient,
    SwapError,
    SwapJob,
    SwapRequest,
    SwapResult,
)

from ._batch.command import run_batch
from ._batch.options import BatchOptions
from ._batch.pairs_file import read_pairs
from ._connect import client_settings, new_emulator, parse_faults, parse_switches, print_switches
from ._demo.command import run_demo
from ._emulator_engine import PREVIEW_CONCURRENCY, PREVIEWS_AT_MOST, Engine, best_engine, engine_for
from ._job_argument import read_job
from ._job_file import JobFile
from ._journal_commands import print_status, record_decision
from ._pictures import copy_pictures
from ._terminal.console import console, print_json, print_text
from ._terminal.errors import errors_as_exit_codes, exit_with_error, print_error, wait_command
from ._terminal.exit_codes import ExitCode
from ._terminal.swap_progress import SwapProgress
from ._terminal.text import format_usd, printable


def swap(
    reference: str,
    scene: str,
    *,
    out: Path,
    overwrite: bool,
    strict: bool,
    emulator: bool,
    engine: Engine | None,
    allow_http: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Makes one swap."""
    _check_engine(emulator, engine)
    job_file = JobFile(out)

    def keep(job: SwapJob) -> str | None:
        if emulator:
            return None  # The job ends with the emulator of this command, so it cannot be waited for later.
        job_file.write(job)
        return (
            "the job is billed; if this command ends before the picture is saved:\n"
            f"  {wait_command(job, out)}"
        )

    progress = SwapProgress(keep)

    async def run(settings: dict[str, Any]) -> SwapResult:
        retry = RetryPolicy(submit="strict" if strict else "documented")
        if not emulator:
            job_file.check()
        async with SwapClient(**settings, retry=retry, on_event=progress) as client:
            swapping = client.swap(
                reference_character_image=reference,
                character_image=scene,
                save_to=out,
                overwrite=overwrite,
                timeout=timeout,
            )
            return await (swapping if emulator else job_file.removed_after(swapping))

    with errors_as_exit_codes(
        out,
        current_job=lambda: None if emulator else progress.job,
        is_submitting=lambda: progress.is_submitting,
        as_json=as_json,
    ):
        settings_of_client = client_settings(
            emulator=emulator,
            engine=engine_for(1, engine) if emulator else Engine.SHEET,
            allow_http=allow_http,
        )
        with settings_of_client as settings, progress.display:
            result = asyncio.run(run(settings))
    if emulator:
        cost = "nothing: the swap ran on the emulator"
    elif result.cost_usd is not None:
        cost = f"${result.cost_usd:.4f}"
    else:
        cost = f"not reported by the service; the average is about {format_usd(PRICE_USD)}"
    _print_result(result, f"{result.seconds:.0f} s; cost {cost}", as_json=as_json)


def wait(job: str, *, out: Path, overwrite: bool, allow_http: bool, timeout: float, as_json: bool) -> None:
    """Waits for a job."""
    with errors_as_exit_codes(as_json=as_json):
        accepted = read_job(job)
    progress = SwapProgress(state="asking about the job")

    async def run(settings: dict[str, Any]) -> SwapResult:
        # The job may be done already, so the first poll is not delayed.
        polling = PollPolicy(first_after=0.0)
        async with SwapClient(**settings, polling=polling, on_event=progress) as client:
            waiting = client.wait(accepted, timeout=timeout, save_to=out, overwrite=overwrite)
            return await JobFile(out).removed_after(waiting)

    with errors_as_exit_codes(out, current_job=lambda: accepted, as_json=as_json):
        with client_settings(allow_http=allow_http) as settings, progress.display:
            result = asyncio.run(run(settings))
    # `result.seconds` is the age of the job, which says nothing of this command.
    _print_result(result, f"waited {progress.seconds:.1f} s; waiting is free", as_json=as_json)


def batch(options: BatchOptions) -> None:
    """Makes many swaps."""
    _check_engine(options.emulator, options.engine)
    with errors_as_exit_codes(as_json=options.as_json):
        limits = options.limits()
        options.check_names()
        pairs = read_pairs(
            options.pairs,
            options.reference,
            out=options.out,
            journal=options.journal_path,
            recursive=options.recursive,
        )
        engine = Engine.SHEET
        if options.emulator and not options.dry_run:
            engine = engine_for(len(pairs.requests), options.engine)
            if options.engine is None and engine is not best_engine():
                print_error(
                    f"more than {PREVIEWS_AT_MOST} inputs: the emulator draws labelled sheets; --engine"
                    " preview makes local previews, which take some seconds each, one at a time"
                )
            options = replace(options, engine=engine)
        if engine is Engine.PREVIEW:
            limits = replace(limits, concurrency=min(limits.concurrency, PREVIEW_CONCURRENCY))
        with client_settings(
            emulator=options.emulator,
            engine=engine,
            allow_http=options.allow_http,
            needs_key=not options.dry_run,
        ) as settings:
            exit_code = run_batch(pairs, options, limits, settings)
    raise typer.Exit(exit_code)


def _check_engine(emulator: bool, engine: Engine | None) -> None:
    if engine is not None and not emulator:
        exit_with_error(
            ExitCode.USAGE, "--engine is for --emulator; Segmind's service draws its own pictures"
        )


def status(journal: Path, *, as_json: bool) -> None:
    """Shows the progress of a batch."""
    with errors_as_exit_codes(as_json=as_json):
        print_status(journal, as_json=as_json)


def resolve(
    journal: Path, id: str, *, resubmit: bool, abandon: bool, wait_again: bool, poll_url: str | None
) -> None:
    """Records a decision about a swap."""
    with errors_as_exit_codes():
        record_decision(
            journal, id, resubmit=resubmit, abandon=abandon, wait_again=wait_again, poll_url=poll_url
        )


def credits(*, allow_http: bool, as_json: bool) -> None:
    """Prints the credits of the account."""
    progress = SwapProgress(state="asking for the credits")

    async def run(settings: dict[str, Any]) -> Credits:
        async with SwapClient(**settings, on_event=progress) as client:
            return await client.credits()

    with errors_as_exit_codes(as_json=as_json):
        with client_settings(allow_http=allow_http) as settings, progress.display:
            credits = asyncio.run(run(settings))
    if as_json:
        print_json(credits)
    else:
        print_text(f"{format_usd(credits.credits)}, and {format_usd(credits.free_credits)} free")


def upload(pictures: Sequence[str], *, allow_http: bool, as_json: bool) -> None:
    """Uploads pictures, and prints their URLs. No picture is uploaded if one of them cannot be used."""
    progress = SwapProgress()
    urls: dict[str, str] = {}

    async def run(settings: dict[str, Any]) -> None:
        async with SwapClient(**settings, on_event=progress) as client:
            await _check_pictures(client, pictures)
            for picture in pictures:
                urls[picture] = await client.upload(picture)

    with errors_as_exit_codes(as_json=as_json, more_json=lambda: {"urls": urls}):
        try:
            with client_settings(allow_http=allow_http) as settings, progress.display:
                asyncio.run(run(settings))
        except ImageError as exc:
            if not urls:
                raise
            # The file was changed after the check. Other pictures are uploaded, so this is no usage error.
            raise SwapError(str(exc)) from None
        finally:
            # After the display, which would take standard output for itself.
            if not as_json:
                for url in urls.values():
                    print_text(url)
            if 0 < len(urls) < len({*pictures}):
                print_error(f"uploaded before the command ended: {', '.join(urls)}")
    if as_json:
        print_json(urls)


async def _check_pictures(client: SwapClient, pictures: Sequence[str]) -> None:
    """Refuses pictures that cannot be uploaded.

    Raises:
        ImageError: Names each picture that cannot be used.
    """
    pairs = [SwapRequest(reference_character_image=name, character_image=name) for name in pictures]
    problems = [str(outcome.error) for outcome in await client.check(pairs)]
    if problems:
        raise ImageError("\n".join(dict.fromkeys(problems)), image=pictures[0])


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
    switches: Sequence[str],
    list_switches: bool,
) -> None:
    """Serves an emulator until Ctrl-C; with `list_switches`, prints the switches instead."""
    if list_switches:
        print_switches()
        return
    out = console()
    emulator = new_emulator(
        speed=speed,
        faults=parse_faults(faults),
        credits_usd=credits_usd,
        rate_limit=rate_limit,
        seed=seed,
        engine=engine or best_engine(),
        switches=parse_switches([*(["count_polls=yes"] if count_polls else []), *switches]),
    )

    def print_url(url: str) -> None:
        out.print(f"the emulator listens at [bold]{url}[/bold]  (Ctrl-C ends it)")
        out.print("open this address in a browser to watch the swaps, and to cause faults")
        out.print("to use the emulator from another terminal:")
        out.print(f"  {_exports(url)}")
        if allow_remote and _is_loopback(url):
            port = urlsplit(url).port
            out.print("to use it from another machine or container, with the name of this machine as HOST:")
            out.print(f"  {_exports(f'http://HOST:{port}')}")

    try:
        emulator.run(host=host, port=port, on_ready=print_url, allow_remote=allow_remote)
    except OSError as exc:
        exit_with_error(ExitCode.USAGE, exc.strerror or str(exc))
    except ValueError as exc:
        exit_with_error(ExitCode.USAGE, str(exc))


def _exports(url: str) -> str:
    """The shell command after which other commands use the emulator at a URL."""
    variables = f"SEGMIND_BASE_URL={url} SEGMIND_API_KEY=emulator-key"
    return f"export {variables}" if _is_loopback(url) else f"export {variables} SEGMIND_ALLOW_HTTP=1"


def _is_loopback(url: str) -> bool:
    try:
        return ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


def demo(out: Path, *, keep: bool) -> None:
    """Makes six swaps on an emulator, and a report."""
    with errors_as_exit_codes():
        exit_code = run_demo(out, keep=keep)
    raise typer.Exit(exit_code)


def pictures(folder: Path) -> None:
    """Copies the bundled pictures into a folder."""
    with errors_as_exit_codes():
        copy_pictures(folder)


def _print_result(result: SwapResult, facts: str, *, as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    console().print(f"[green]saved[/green] {escape(printable(str(result.path)))}  ({facts})")
