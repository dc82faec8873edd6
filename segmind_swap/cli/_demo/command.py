"""The demo: swap six bundled pairs on a local emulator with two faults, and write a report."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from rich.console import Console
from rich.markup import escape

from segmind_swap import SwapClient, SwapError, gallery

from .._connect import emulator_settings, needs_extra, new_emulator
from .._emulator_engine import LEADS, Engine, best_engine
from .._report.page import ReportItem, write_report
from .._terminal.console import console
from .._terminal.errors import exit_code_of, exit_with_error, print_error
from .._terminal.exit_codes import ExitCode, most_urgent
from .._terminal.text import printable
from .progress import DemoProgress

if TYPE_CHECKING:
    from segmind_swap.emulator import Emulator

# A job takes about seven seconds, which is long enough to watch.
_SPEED = 10.0


def run_demo(folder: Path, *, keep: bool) -> ExitCode:
    """Copies the inputs, runs the swaps and writes the report; with `keep`, the emulator runs until Ctrl-C.

    Returns:
        The code of the most urgent swap, as of a batch.
    """
    with needs_extra("the demo", "demo"):
        from segmind_swap.emulator import Fault  # noqa: PLC0415
    out = console()
    started = time.monotonic()
    inputs = folder / "inputs"
    try:
        inputs.mkdir(parents=True, exist_ok=True)
        # The report refers to its pictures beside it, so that the folder can be moved.
        for name in (*gallery.CHARACTERS, *gallery.SCENES):
            shutil.copyfile(gallery.path(name), inputs / f"{name}.webp")
    except OSError as exc:
        exit_with_error(ExitCode.USAGE, f"cannot write to {folder}: {exc.strerror or exc}")

    swaps = {f"{character}-{scene}": (character, scene) for character, scene in gallery.PAIRS}
    progress = DemoProgress(swaps)
    engine = best_engine()
    emulator = new_emulator(
        speed=_SPEED,
        engine=engine,
        faults=(
            Fault(on="submit", calls=(3,), status=429, headers={"retry-after": "2"}),
            Fault(on="poll", calls=(9,), status=502),
        ),
    )

    codes: list[ExitCode] = []

    async def run(url: str) -> None:
        async with SwapClient(**emulator_settings(url), on_event=progress) as client:

            async def swap(id: str, character: str, scene: str) -> None:
                # `progress` has received the error as an event, and shows it. The other swaps continue.
                try:
                    await client.swap(
                        reference_character_image=inputs / f"{character}.webp",
                        character_image=inputs / f"{scene}.webp",
                        id=id,
                        save_to=folder / f"{id}.png",
                        overwrite=True,
                    )
                except SwapError as exc:
                    codes.append(exit_code_of(exc))

            async with anyio.create_task_group() as group:
                for id, (character, scene) in swaps.items():
                    group.start_soon(swap, id, character, scene)

    with emulator.serve() as url:
        out.print("six swaps on a local emulator: no key, no network, no bill")
        out.print(f"to watch the emulator, open [bold]{url}[/bold]")
        with progress.display:
            asyncio.run(run(url))
        _write_report(out, folder, swaps, progress, emulator, engine, started)
        if keep:
            _wait_for_ctrl_c(out, url)
    return most_urgent(codes)


def _wait_for_ctrl_c(out: Console, url: str) -> None:
    with suppress(KeyboardInterrupt):
        out.print(f"the emulator still runs at [bold]{url}[/bold]  (Ctrl-C ends it)")
        while True:
            time.sleep(3600)


def _write_report(
    out: Console,
    folder: Path,
    swaps: dict[str, tuple[str, str]],
    progress: DemoProgress,
    emulator: Emulator,
    engine: Engine,
    started: float,
) -> None:
    items = [_report_item(id, *swaps[id], progress) for id in swaps]
    saved = sum(row.state == "saved" for row in progress.rows.values())
    totals = (
        ("saved", f"{saved} of {len(swaps)}"),
        ("charges", str(len(emulator.ledger))),
        ("paid twice", str(len(emulator.paid_twice()))),
        ("faults survived", str(progress.faults_survived.total())),
    )
    page = folder / "report.html"
    lead = LEADS[engine] + _LIKE_THE_SERVICE
    try:
        write_report(page, title="Six swaps", lead=lead, items=items, totals=totals)
    except OSError as exc:
        print_error(f"the report could not be written: {exc}")
    survived = ", ".join(f"{count} {fault}" for fault, count in progress.faults_survived.items())
    out.print(
        f"\n[green]{saved} of {len(swaps)} saved[/green] in {time.monotonic() - started:.0f} s;"
        f" survived: {survived or 'nothing'}"
    )
    out.print(
        f"the emulator's ledger has {len(emulator.ledger)} charges, {len(emulator.paid_twice())} paid twice"
    )
    out.print(f"to see the pictures, open [bold]{escape(printable(str(page)))}[/bold]")


_LIKE_THE_SERVICE = (
    " Everything else is as with the service: uploads, jobs, polls, the rate limit and the gateway error that"
    " the client survived, and the ledger."
)


def _report_item(id: str, character: str, scene: str, progress: DemoProgress) -> ReportItem:
    row = progress.rows[id]
    seconds = row.seconds(time.monotonic())
    duration = () if seconds is None else (f"{seconds:.1f} s",)
    # The last note of a failed swap is the reason of the failure.
    *notes, reason = row.notes if row.state == "failed" else (*row.notes, "")
    return ReportItem(
        title=f"{character} → {scene}",
        reference=f"inputs/{character}.webp",
        scene=f"inputs/{scene}.webp",
        result=f"{id}.png" if row.state == "saved" else None,
        state=row.state,
        facts=(*duration, *notes),
        reason=reason,
    )
