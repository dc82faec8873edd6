"""Bundled pictures, drawn by our own code: characters to put into scenes, and scenes with somebody in them.

There are no files and no fonts behind them, and a name always gives the same picture. Needs Pillow, which the
extra ``segmind-swap[emulator]`` brings.
"""

try:
    # Only to see that the extra is there.
    import PIL  # noqa: F401
except ImportError as _error:
    raise ImportError(
        "the gallery draws with Pillow, which is not installed: install `segmind-swap[emulator]`"
    ) from _error

from ._draw import CHARACTERS, PAIRS, SCENES, draw

__all__ = ["CHARACTERS", "PAIRS", "SCENES", "draw"]
