"""The pictures by name, and which of them go well together."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image

from ._brush import Brush
from ._characters import astronaut, fox, knight, pirate, robot, wizard
from ._scenes import beach, cafe, library, market, mountain, train

_CHARACTERS: Mapping[str, Callable[[], Brush]] = MappingProxyType(
    {
        "knight": knight,
        "astronaut": astronaut,
        "fox": fox,
        "robot": robot,
        "wizard": wizard,
        "pirate": pirate,
    }
)
_SCENES: Mapping[str, Callable[[], Brush]] = MappingProxyType(
    {
        "cafe": cafe,
        "beach": beach,
        "library": library,
        "market": market,
        "train": train,
        "mountain": mountain,
    }
)

CHARACTERS: tuple[str, ...] = tuple(_CHARACTERS)
"""Names of the pictures of one character each, 768 pixels wide and 960 high."""

SCENES: tuple[str, ...] = tuple(_SCENES)
"""Names of the pictures of a place with exactly one person in it, 1152 pixels wide and 768 high."""

PAIRS: tuple[tuple[str, str], ...] = tuple(zip(CHARACTERS, SCENES, strict=True))
"""A character and a scene that please together: each name once, the best pair first."""


def draw(name: str) -> Image.Image:
    """Draws the picture of that name: RGB, the same every time.

    Args:
        name: One of `CHARACTERS` or `SCENES`.

    Raises:
        ValueError: There is no such picture.
    """
    painter = _CHARACTERS.get(name) or _SCENES.get(name)
    if painter is None:
        known = ", ".join((*CHARACTERS, *SCENES))
        raise ValueError(f"there is no picture called {name!r}; there are: {known}")
    return painter().picture()
