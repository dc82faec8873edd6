"""What makes an emulator's pictures."""

from __future__ import annotations

from enum import StrEnum


class Engine(StrEnum):
    """What makes an emulator's pictures."""

    PREVIEW = "preview"
    SHEET = "sheet"
    NONE = "none"


def best_engine() -> Engine:
    """What makes the pictures where they are made to be looked at: real swaps if the extra is there."""
    try:
        import segmind_swap.emulator.preview  # noqa: F401, PLC0415
    except ImportError:
        return Engine.SHEET
    return Engine.PREVIEW
