"""The demo: bundled pictures, swapped on a local emulator, with two failures survived on the way."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from rich.console import Console
from rich.markup import escape

from segmind_swap import SwapClient, SwapError

from ._connect import new_emulator, settings_for
from ._demo_progress import Board
from ._emulator_engine import Engine, best_engine
from ._exit_codes import Exit, give_up
from ._report import Exhibit, write_report

if TYPE_CHECKING:
    from segmind_swap.emulator import Emulator

# A job takes about seven seconds: long enough to watch.
_SPEED = 10.0


def run_demo(folder: Path, *, keep: bool) -> None:
    """Makes the pictures, the swaps and the page; with `keep` the emulator runs on until Ctrl-C."""
    try:
        from segmind_swap.emulator import Fault  # noqa: PLC0415 - an extra of its own
        from segmind_swap.gallery import PAIRS, draw  # noqa: PLC0415
    except ImportError:
        give_up(Exit.USAGE, "the demo needs: pip install 'segmind-swap[demo]'")
    console = Console(highlight=False)
    started = time.monotonic()
    inputs = folder / "inputs"
    try:
        inputs.mkdir(parents=True, exist_ok=True)
        with console.status("drawing the pictures"):
            for name in sorted({name for pair in PAIRS for name in pair}):
                draw(name).save(inputs / f"{name}.png")
    except OSError as exc:
        give_up(Exit.USAGE, f"cannot write to {folder}: {exc.strerror or exc}")

    swaps = {f"{character}-{scene}": (character, scene) for character, scene in PAIRS}
    board = Board(swaps)
    engine = best_engine()
    emulator = new_emulator(
        speed=_SPEED,
        engine=engine,
        faults=(
            Fault(on="submit", calls=(3,), status=429, headers={"retry-after": "2"}),
            Fault(on="poll", calls=(9,), status=502),
        ),
    )

    async def run(url: str) -> None:
        async with SwapClient(**settings_for(url), on_event=board) as client:

            async def one(id: str, character: str, scene: str) -> None:
                try:
                    await client.swap(
                        reference_character_image=inputs / f"{character}.png",
                        character_image=inputs / f"{scene}.png",
                        id=id,
                        save_to=folder / f"{id}.png",
                        overwrite=True,
                    )
                except SwapError:
                    return  # the board has been told

            async with anyio.create_task_group() as group:
                for id, (character, scene) in swaps.items():
                    group.start_soon(one, id, character, scene)

    with emulator.serve() as url:
        console.print("six swaps on a local emulator: no key, no network, no bill")
        console.print(f"they can be watched at [bold]{url}[/bold] while they run", soft_wrap=True)
        with board.screen:
            asyncio.run(run(url))
        _report(console, folder, swaps, board, emulator, engine, started)
        if keep:
            _wait_for_ctrl_c(console, url)
    if any(row.state != "saved" for row in board.rows.values()):
        raise SystemExit(Exit.FAILED)


def _wait_for_ctrl_c(console: Console, url: str) -> None:
    with suppress(KeyboardInterrupt):
        console.print(f"the emulator runs on at [bold]{url}[/bold]  (Ctrl-C ends it)", soft_wrap=True)
        while True:
            time.sleep(3600)


def _report(
    console: Console,
    folder: Path,
    swaps: dict[str, tuple[str, str]],
    board: Board,
    emulator: Emulator,
    engine: Engine,
    started: float,
) -> None:
    exhibits = [_exhibit(id, *swaps[id], board) for id in swaps]
    saved = sum(row.state == "saved" for row in board.rows.values())
    totals = (
        ("saved", f"{saved} of {len(swaps)}"),
        ("charges", str(len(emulator.ledger))),
        ("paid twice", str(len(emulator.paid_twice()))),
        ("faults survived", str(board.survived.total())),
    )
    write_report(
        folder / "report.html", title="Six swaps", lead=_LEADS[engine], exhibits=exhibits, totals=totals
    )
    survived = ", ".join(f"{count} {what}" for what, count in board.survived.items())
    console.print(
        f"\n[green]{saved} of {len(swaps)} saved[/green] in {time.monotonic() - started:.0f} s;"
        f" survived: {survived or 'nothing'}"
    )
    console.print(
        f"the emulator's ledger has {len(emulator.ledger)} charges, {len(emulator.paid_twice())} paid twice"
    )
    console.print(f"open [bold]{escape(str(folder / 'report.html'))}[/bold] to look at them", soft_wrap=True)


_REST = (
    " Everything else is as with the service: uploads, jobs, polls, the rate limit and the gateway error that"
    " were survived, and the ledger."
)
_LEADS = {
    Engine.PREVIEW: "Made on the local emulator, by cut-and-paste on this machine: each result is a local"
    " preview, and shows which picture plays which part. The service draws scene and character anew." + _REST,
    Engine.SHEET: "Made on the local emulator, which swaps nothing: each result is a plainly labelled sheet"
    " of its two inputs, and shows which picture plays which part." + _REST,
}


def _exhibit(id: str, character: str, scene: str, board: Board) -> Exhibit:
    row = board.rows[id]
    seconds = row.seconds(time.monotonic())
    took = () if seconds is None else (f"{seconds:.1f} s",)
    # What a swap failed of is the last that is noted of it.
    *notes, reason = row.notes if row.state == "failed" else (*row.notes, "")
    return Exhibit(
        title=f"{character} → {scene}",
        reference=f"inputs/{character}.png",
        scene=f"inputs/{scene}.png",
        result=f"{id}.png" if row.state == "saved" else None,
        state=row.state,
        facts=(*took, *notes),
        reason=reason,
    )
