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

from ._connect import emulator_settings, new_emulator
from ._demo_progress import DemoProgress
from ._emulator_engine import Engine, best_engine
from ._report.page import ReportItem, write_report
from ._terminal.exit_codes import ExitCode, exit_with_error
from ._terminal.install_hint import install_hint

if TYPE_CHECKING:
    from segmind_swap.emulator import Emulator

# A job takes about seven seconds, which is long enough to watch.
_SPEED = 10.0


def run_demo(folder: Path, *, keep: bool) -> None:
    """Copies the inputs, runs the swaps and writes the report; with `keep`, the emulator runs until Ctrl-C.

    Raises:
        SystemExit: A swap failed.
    """
    try:
        from segmind_swap.emulator import Fault  # noqa: PLC0415 - needs the extra `demo`
    except ImportError:
        exit_with_error(ExitCode.USAGE, install_hint("the demo", "demo"))
    console = Console(highlight=False)
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

    async def run(url: str) -> None:
        async with SwapClient(**emulator_settings(url), on_event=progress) as client:

            async def swap(id: str, character: str, scene: str) -> None:
                # `progress` has received the error as an event, and shows it. The other swaps continue.
                with suppress(SwapError):
                    await client.swap(
                        reference_character_image=inputs / f"{character}.webp",
                        character_image=inputs / f"{scene}.webp",
                        id=id,
                        save_to=folder / f"{id}.png",
                        overwrite=True,
                    )

            async with anyio.create_task_group() as group:
                for id, (character, scene) in swaps.items():
                    group.start_soon(swap, id, character, scene)

    with emulator.serve() as url:
        console.print("six swaps on a local emulator: no key, no network, no bill")
        console.print(f"to watch the emulator, open [bold]{url}[/bold]", soft_wrap=True)
        with progress.display:
            asyncio.run(run(url))
        _write_report(console, folder, swaps, progress, emulator, engine, started)
        if keep:
            _wait_for_ctrl_c(console, url)
    if any(row.state != "saved" for row in progress.rows.values()):
        raise SystemExit(ExitCode.FAILED)


def _wait_for_ctrl_c(console: Console, url: str) -> None:
    with suppress(KeyboardInterrupt):
        console.print(f"the emulator still runs at [bold]{url}[/bold]  (Ctrl-C ends it)", soft_wrap=True)
        while True:
            time.sleep(3600)


def _write_report(
    console: Console,
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
    write_report(folder / "report.html", title="Six swaps", lead=_LEADS[engine], items=items, totals=totals)
    survived = ", ".join(f"{count} {fault}" for fault, count in progress.faults_survived.items())
    console.print(
        f"\n[green]{saved} of {len(swaps)} saved[/green] in {time.monotonic() - started:.0f} s;"
        f" survived: {survived or 'nothing'}"
    )
    console.print(
        f"the emulator's ledger has {len(emulator.ledger)} charges, {len(emulator.paid_twice())} paid twice"
    )
    console.print(
        f"to see the pictures, open [bold]{escape(str(folder / 'report.html'))}[/bold]", soft_wrap=True
    )


_LIKE_THE_SERVICE = (
    " Everything else is as with the service: uploads, jobs, polls, the rate limit and the gateway error that"
    " the client survived, and the ledger."
)
_LEADS = {
    Engine.PREVIEW: "Made on the local emulator, by cut-and-paste on this machine: each result is a local"
    " preview, and shows which picture is used for which part. The service draws scene and character anew."
    + _LIKE_THE_SERVICE,
    Engine.SHEET: "Made on the local emulator, which swaps nothing: each result is a labelled sheet of its"
    " two inputs, and shows which picture is used for which part." + _LIKE_THE_SERVICE,
}


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
