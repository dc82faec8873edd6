"""Parts that the figures share: faces, hands, limbs."""

# ruff: noqa: PLR0917  (x before y, left before right: coordinates read best in their own order)

from typing import Literal, TypeAlias

from .brush import Brush, mix
from .shapes import Point, Shape, arc, blob, both, ellipse, ribbon

INK = "#2a1d3f"
Mood: TypeAlias = Literal["smile", "laugh", "grin"]


def eyes(b: Brush, spread: float = 36, y: float = 0, size: float = 1.0, look: Point = (0, 0)) -> None:
    """Two round dark eyes with the light in them."""
    for x in (-spread, spread):
        b.paint(ellipse(x + look[0], y + look[1], 9.5 * size, 13 * size), INK)
        b.paint(ellipse(x + look[0] - 3 * size, y + look[1] - 5 * size, 3.8 * size), "#ffffff")
        b.paint(ellipse(x + look[0] + 3 * size, y + look[1] + 5 * size, 1.9 * size), "#ffffff", alpha=0.7)


def brows(
    b: Brush, colour: str, spread: float = 36, y: float = -30, lift: float = 6, wide: float = 7
) -> None:
    """Two brows."""
    b.paint(
        both(ribbon([(spread - 16, y - 1), (spread + 2, y - lift), (spread + 17, y + 4)], 3.5, wide, 3), 0),
        colour,
    )


def mouth(b: Brush, mood: Mood = "smile", y: float = 40, colour: str = "#8c2f3d") -> None:
    """A mouth about the middle of the face."""
    if mood in {"laugh", "grin"}:
        wide = 24 if mood == "laugh" else 19
        shape = arc(0, y - 4, wide, wide * 0.95, 0, 180)
        b.paint(shape, "#7a2338")
        b.paint(ellipse(0, y + wide * 0.8, wide * 0.62, wide * 0.4), "#f08a86", inside=shape)
        b.paint((((-wide, y - 4), (wide, y - 4), (wide, y + 2), (-wide, y + 2)),), "#ffffff", inside=shape)
    else:
        b.paint(ribbon([(-21, y - 5), (0, y + 7), (21, y - 5)], 4, 6, 4), colour)


def cheeks(b: Brush, colour: str = "#f2767a", spread: float = 56, y: float = 27, alpha: float = 0.5) -> None:
    """A little warmth in the face."""
    b.paint(both(ellipse(spread, y, 19, 13), 0), colour, alpha=alpha, blur=5)


def face(b: Brush, skin: str, brow: str, mood: Mood = "smile", look: Point = (0, 0)) -> None:
    """A whole face about the origin, for a head of radius 100; the head itself is not drawn."""
    cheeks(b, mix(skin, "#f0505f", 0.6))
    eyes(b, look=look)
    brows(b, brow)
    b.paint(
        ribbon([(-7 + look[0], 20), (2 + look[0], 25), (9 + look[0], 19)], 4, 6, 4),
        mix(skin, "#a0404a", 0.42),
    )
    mouth(b, mood)


def head(b: Brush, skin: str) -> Shape:
    """A head of radius 100 about the origin, ears and all; gives its outline."""
    ear = mix(skin, "#b0404a", 0.15)
    b.form(both(ellipse(95, 12, 17, 22), 0), ear, depth=6)
    outline = blob(
        (0, -100),
        (66, -78),
        (97, -14),
        (82, 52),
        (42, 92),
        (0, 101),
        (-42, 92),
        (-82, 52),
        (-97, -14),
        (-66, -78),
    )
    b.form(outline, skin, depth=16, strength=0.26)
    return outline


def hand(b: Brush, x: float, y: float, r: float, skin: str) -> None:
    """A mitten of a hand."""
    b.form(ellipse(x, y, r), skin, depth=6)
