"""The place and size of the new character: as the old character stood, as far as both are visible."""

from dataclasses import dataclass

_WIDTHS = (0.6, 1.6)
"""The smallest and largest width of the new character, in widths of the old character."""

_LEAST_HEIGHT, _MOST_HEIGHT = 0.8, 1.25
"""The factors by which its height may change to reach such a width."""

_BUST_GROWS = 1.4
"""The most that a bust grows to reach the scene's lower edge.

A bust is cut off by its picture's lower edge.
"""

_FIGURE_GROWS = 2.2
"""A whole figure may be this many times as high as the visible part of the old character."""

_NEAR_EDGE = 0.012
"""A figure that ends this near to the edge of its picture (a share of the side) is cut off by the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The box of a figure in its picture, in pixels. ``middle`` is the median column of its pixels."""

    left: float
    top: float
    right: float
    bottom: float
    middle: float
    picture: tuple[float, float]

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def cut_below(self) -> bool:
        return self.bottom > self.picture[1] * (1 - _NEAR_EDGE)

    @property
    def cut_left(self) -> bool:
        return self.left < self.picture[0] * _NEAR_EDGE

    @property
    def cut_right(self) -> bool:
        return self.right > self.picture[0] * (1 - _NEAR_EDGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The new character's place in the scene. ``stands``: its feet are visible on the ground."""

    left: float
    top: float
    scale: float
    stands: bool


def place_character(new: Extent, old: Extent) -> Placement:
    """The placement of the new character in the place of the old character."""
    scale = old.height / new.height
    scale *= min(max(_WIDTHS[1] * old.width / (new.width * scale), _LEAST_HEIGHT), 1.0)
    scale *= max(min(_WIDTHS[0] * old.width / (new.width * scale), _MOST_HEIGHT), 1.0)
    below = old.bottom
    if old.cut_below:
        below = old.picture[1]
        if new.cut_below:
            # Both end at the lower edge, and the new head is at least as high as the old head.
            scale = max(scale, (below - old.top) / new.height)
        else:
            # A whole figure in a portrait: as wide as the old character, and cut off by the lower edge.
            scale = max(scale, min(old.width / new.width, _FIGURE_GROWS * old.height / new.height))
        top = old.top
        below = top + new.height * scale
    elif new.cut_below:
        reach = (old.picture[1] - old.top) / (new.height * scale)
        if reach <= _BUST_GROWS:
            scale *= reach
            below = old.picture[1]
    if not old.cut_below:
        # The head stays in the picture.
        scale = min(scale, 0.98 * below / new.height)
    return Placement(
        left=old.middle - (new.middle - new.left) * scale,
        top=below - new.height * scale,
        scale=scale,
        stands=not (old.cut_below or new.cut_below),
    )
