"""Where the new character goes, and how large: as the old one stood, as far as both can be seen."""

from dataclasses import dataclass

_WIDTHS = (0.6, 1.6)
"""The new character is between so many times as wide as the old one."""

_LEAST_HEIGHT, _MOST_HEIGHT = 0.8, 1.25
"""... for which its height may change by so much."""

_BUST_GROWS = 1.4
"""A figure that its own picture cuts off grows at most so much to reach the scene's lower edge."""

_FIGURE_GROWS = 2.2
"""A whole figure may be so much higher than the part that is seen of the old one."""

_NEAR_EDGE = 0.012
"""A figure that ends so near to its picture's edge, as a share of the picture's side, is cut off by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Where a figure is in its picture, in that picture's pixels; ``middle`` is where most of it is."""

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
    """The new character's box in the scene. ``stands`` is whether its feet are seen on the ground."""

    left: float
    top: float
    scale: float
    stands: bool


def place_character(new: Extent, old: Extent) -> Placement:
    """Put the new character where the old one is."""
    scale = old.height / new.height
    scale *= min(max(_WIDTHS[1] * old.width / (new.width * scale), _LEAST_HEIGHT), 1.0)
    scale *= max(min(_WIDTHS[0] * old.width / (new.width * scale), _MOST_HEIGHT), 1.0)
    below = old.bottom
    if old.cut_below:
        below = old.picture[1]
        if new.cut_below:
            # Both end at the lower edge, the new one no lower than the old one's head.
            scale = max(scale, (below - old.top) / new.height)
        else:
            # A whole figure in a portrait: as wide as the old one, and the edge cuts it off.
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
