"""Bundled pictures to try a swap with: six characters and six scenes, as WebP files.

The programs that draw the pictures are in `docs/drawings` of the source distribution.
"""

from importlib import resources
from pathlib import Path

__all__ = ["CHARACTERS", "PAIRS", "SCENES", "path"]

CHARACTERS: tuple[str, ...] = ("knight", "astronaut", "fox", "robot", "wizard", "pirate")
"""Names of the references: each shows one character, 768 pixels wide and 960 high."""

SCENES: tuple[str, ...] = ("cafe", "beach", "library", "market", "train", "mountain")
"""Names of the scenes: each shows a place with exactly one person, 1152 pixels wide and 768 high."""

PAIRS: tuple[tuple[str, str], ...] = tuple(zip(CHARACTERS, SCENES, strict=True))
"""Each character with the scene that suits it; every name occurs once, the best pair is first."""


def path(name: str) -> Path:
    """Returns the file of a picture, which `SwapClient.swap` takes as an input.

    Args:
        name: One of `CHARACTERS` or `SCENES`.

    Raises:
        ValueError: No picture has this name. The message lists the names.
    """
    if name not in {*CHARACTERS, *SCENES}:
        known = ", ".join((*CHARACTERS, *SCENES))
        raise ValueError(f"there is no picture called {name!r}; there are: {known}")
    return Path(str(resources.files(__name__).joinpath(f"{name}.webp")))
