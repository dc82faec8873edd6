"""The commands."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from segmind_swap import PollPolicy, RetryPolicy, SwapClient, SwapError, SwapJob, SwapResult

from ._live import LiveLine

app = typer.Typer(
    help="Swap characters in pictures through Segmind's API, or on an emulator of it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

_EMULATOR_SPEED = 20.0
_EMULATOR_POLLS = 0.25
_FAILED = 1
_INTERRUPTED = 130


@app.command(epilog="Example: segmind-swap swap --reference hero.png --scene street.jpg --out out.png")
def swap(
    reference: Annotated[str, typer.Option(help="Who goes in: a picture's path or URL.")],
    scene: Annotated[str, typer.Option(help="The scene, whose character is replaced: a path or URL.")],
    out: Annotated[Path, typer.Option(help="Where to save the result.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Never submit again after a 502, 503 or 504: it might pay twice.")
    ] = False,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Use a local emulator: no key, no network, no bill.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds the swap may take once it is accepted.")] = 900.0,
) -> None:
    """Make one swap, and save its picture. Paid once it is accepted, about $0.15."""
    console = Console(highlight=False)
    line = LiveLine(console)

    async def run(service: dict[str, Any]) -> SwapResult:
        retry = RetryPolicy(submit="strict" if strict else "documented")
        async with SwapClient(**service, retry=retry, on_event=line) as client:
            return await client.swap(
                reference_character_image=reference,
                character_image=scene,
                save_to=out,
                overwrite=overwrite,
                timeout=timeout,
            )

    try:
        with _errors_told(), _service(emulator=emulator, console=console) as service, line:
            result = asyncio.run(run(service))
    except KeyboardInterrupt:
        job = None if emulator else line.job
        _complain("interrupted" if job is None else f"interrupted; {_how_to_wait(job)}")
        raise typer.Exit(_INTERRUPTED) from None
    cost = "nothing: it ran on the emulator" if emulator else _cost(result)
    console.print(
        f"[green]saved[/green] {escape(str(result.path))}  ({result.seconds:.0f} s; cost {cost})",
        soft_wrap=True,
    )


@app.command("emulator", epilog="Example: segmind-swap emulator --port 8765 --speed 20")
def serve_emulator(
    port: Annotated[int, typer.Option(help="The port; 0 for any that is free.")] = 8765,
    speed: Annotated[float, typer.Option(help="How many times faster than the service jobs run.")] = 1.0,
    host: Annotated[str, typer.Option(help="The address to bind to.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow an address that other machines can reach.")
    ] = False,
) -> None:
    """Serve a local emulator of the API: it bills nobody, and returns labelled pictures."""
    console = Console(highlight=False)
    emulator = _emulator(speed)

    def ready(url: str) -> None:
        console.print(f"the emulator listens at [bold]{url}[/bold]  (Ctrl-C ends it)")
        console.print("use it from another terminal with:")
        console.print(f"  export SEGMIND_BASE_URL={url} SEGMIND_API_KEY=emulator-key", soft_wrap=True)

    try:
        emulator.run(host=host, port=port, on_ready=ready, allow_remote=allow_remote)
    except (ValueError, OSError) as exc:
        _complain(str(exc))
        raise typer.Exit(_FAILED) from None


@contextmanager
def _service(*, emulator: bool, console: Console) -> Iterator[dict[str, Any]]:
    """The client's settings for the service that was asked for."""
    if not emulator:
        yield {}
        return
    local = _emulator(_EMULATOR_SPEED)
    with local.serve() as url:
        console.print(f"[dim]emulator at {url}; nothing is paid[/dim]")
        yield {
            "api_key": "emulator-key",
            "base_url": url,
            "polling": PollPolicy(interval=_EMULATOR_POLLS),
        }


def _emulator(speed: float) -> Any:
    """An emulator; it is imported only when it is asked for, as it needs an extra of its own."""
    try:
        from segmind_swap.emulator import Emulator  # noqa: PLC0415
    except ImportError:
        _complain("the emulator needs: pip install 'segmind-swap[emulator]'")
        raise typer.Exit(_FAILED) from None
    try:
        return Emulator(speed=speed)
    except ValueError as exc:
        _complain(str(exc))
        raise typer.Exit(_FAILED) from None


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except SwapError as exc:
        _complain(str(exc))
        if exc.job is not None:
            _complain(_how_to_wait(exc.job))
        raise typer.Exit(_FAILED) from None


def _how_to_wait(job: SwapJob) -> str:
    return (
        "the job was accepted and is billed; SwapClient.wait brings its picture, given\n"
        f"SwapJob.model_validate_json('{job.model_dump_json()}')"
    )


def _cost(result: SwapResult) -> str:
    return "about $0.15" if result.cost_usd is None else f"${result.cost_usd:.4f}"


def _complain(text: str) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[red]segmind-swap:[/red] {escape(text)}", soft_wrap=True)
    sys.stderr.flush()
