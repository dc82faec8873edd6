"""The options and arguments that several commands share, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmind_swap import PollPolicy

from ._emulator_engine import Engine

Out = Annotated[
    Path,
    typer.Option(
        help="Where to save the picture. A name without the suffix of a picture gets that of its type."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for a job after it was accepted.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Never submit again after a 502, 503 or 504, which might pay twice.")
]
UseEmulator = Annotated[
    bool, typer.Option("--emulator", help="Use a local emulator: no key, no network, no bill.")
]
EmulatorEngine = Annotated[
    Engine | None,
    typer.Option(
        "--engine",
        help="With --emulator, what draws the pictures: a local preview of the swap, a sheet of both inputs,"
        " or a dot.",
        show_default="preview if it is installed, else sheet",
    ),
]
AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        help="Accept a SEGMIND_BASE_URL with http://, which sends the key in clear text: for an emulator on"
        " another machine or in a container. Not for Segmind's own hosts.",
    ),
]
JournalPath = Annotated[
    Path,
    typer.Argument(
        metavar="JOURNAL", help="The journal of a batch, or the folder that contains the journal."
    ),
]
Concurrency = Annotated[int, typer.Option(min=1, help="How many swaps run at the same time.")]
Rpm = Annotated[
    float | None, typer.Option(help="Submits a minute; by default the client learns the limit from 429s.")
]
Price = Annotated[float, typer.Option(help="The assumed price of a swap, in dollars.")]
FailedIsFree = Annotated[
    bool, typer.Option("--failed-is-free", help="Count failed runs as free; by default they count as paid.")
]
PollInterval = Annotated[
    float | None,
    typer.Option(help=f"Seconds between two polls of a job; by default {PollPolicy().interval:g}."),
]
MaxFutile = Annotated[
    int,
    typer.Option(
        min=0, help="Stop after so many swaps in a row that may be paid and brought no picture; 0: no limit."
    ),
]
MaxFailed = Annotated[int, typer.Option(min=0, help="Stop after so many failed swaps in a row; 0: no limit.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
