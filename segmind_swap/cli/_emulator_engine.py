"""The choice of the engine that draws the emulator's pictures."""

from __future__ import annotations

from enum import StrEnum


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
