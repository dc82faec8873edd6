"""The programs that draw the bundled pictures of `segmind_swap.gallery`, with Pillow and no input files.

The package ships the finished pictures. To draw the pictures again after a change, install
`segmind-swap[emulator]`, which includes Pillow, and run:

    cd docs
    python -m drawings                  # writes all twelve files into segmind_swap/gallery
    python -m drawings knight cafe      # writes two of them
    python -m drawings --to /tmp/look   # writes them somewhere else

A name always gives the same picture. `tests/test_gallery.py` draws each picture and compares the drawing with
the shipped file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from PIL import Image

from .brush import Brush
from .characters import astronaut, fox, knight, pirate, robot, wizard
from .scenes import beach, cafe, library, market, mountain, train

__all__ = ["PICTURES", "draw", "write"]

PICTURES: Mapping[str, Callable[[], Brush]] = MappingProxyType(
    {
        "knight": knight,
        "astronaut": astronaut,
        "fox": fox,
        "robot": robot,
        "wizard": wizard,
        "pirate": pirate,
        "cafe": cafe,
        "beach": beach,
        "library": library,
        "market": market,
        "train": train,
        "mountain": mountain,
    }
)
"""The function that draws each picture, by the picture's name."""


def draw(name: str) -> Image.Image:
    """Draws one picture: RGB; 768 x 960 pixels for a character, 1152 x 768 for a scene.

    Raises:
        KeyError: No picture has this name.
    """
    return PICTURES[name]().picture()


def write(name: str, folder: Path) -> Path:
    """Draws one picture and writes it as `<name>.webp` into a folder; replaces a file of that name.

    At quality 100 no difference from the drawing is visible. At quality 95 none is visible either, but the
    emulator's preview of the knight in the cafe becomes worse. The twelve files take 1.1 MB. Lossless files
    would take 2.5 MB, as much as the rest of the wheel.
    """
    path = folder / f"{name}.webp"
    draw(name).save(path, "WEBP", quality=100, method=6)
    return path
