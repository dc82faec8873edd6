"""The choice of the engine that draws the emulator's pictures."""

from __future__ import annotations

from enum import StrEnum

PREVIEWS_AT_MOST = 24
"""The inputs of a batch up to which previews are made unless `--engine` says otherwise: some two minutes.

A preview takes four seconds of processor time or more, and one is made at a time: 300 take half an hour.
"""

PREVIEW_CONCURRENCY = 4
"""Swaps of a batch in flight at the same time with previews. More would wait for the one engine."""


class Engine(StrEnum):
    """The values of `--engine`. The emulator accepts them as the argument `engine`."""

    PREVIEW = "preview"
    SHEET = "sheet"
    NONE = "none"


def best_engine() -> Engine:
    """`PREVIEW` if the packages of the extra `preview` are installed, else `SHEET`."""
    try:
        import segmind_swap.emulator.preview  # noqa: F401, PLC0415
    except ImportError:
        return Engine.SHEET
    return Engine.PREVIEW


def engine_for(inputs: int, asked: Engine | None) -> Engine:
    """The engine of an emulator that is started for one command with so many swaps; `asked` is `--engine`."""
    if asked is not None:
        return asked
    return best_engine() if inputs <= PREVIEWS_AT_MOST else Engine.SHEET


LEADS = {
    Engine.PREVIEW: "Made on the local emulator, by cut-and-paste on this machine: each result is a local"
    " preview, and shows which picture is used for which part. The service draws scene and character anew.",
    Engine.SHEET: "Made on the local emulator, which swaps nothing: each result is a labelled sheet of its"
    " two inputs, and shows which picture is used for which part.",
    Engine.NONE: "Made on the local emulator, which swaps nothing: each result is the same dot.",
}
"""What a report says about the pictures of each engine."""
