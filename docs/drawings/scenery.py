"""What stands about in more than one picture: clouds, trees, stars, hills."""

# ruff: noqa: PLR0917  (x before y, left before right: coordinates read best in their own order)

from .brush import Brush, Fill, fade, mix
from .shapes import Shape, blob, box, ellipse, join, poly, ribbon, scatter, star


def cloud(b: Brush, x: float, y: float, size: float, colour: str = "#ffffff", alpha: float = 0.9) -> None:
    """A flat-bottomed cloud whose middle is at (x, y)."""
    puffs = join(
        ellipse(x + dx * size, y + dy * size, r * size)
        for dx, dy, r in ((-0.62, 0.02, 0.24), (-0.26, -0.16, 0.36), (0.2, -0.1, 0.42), (0.62, 0.04, 0.22))
    )
    shape = puffs + box(x - 0.8 * size, y + 0.02 * size, x + 0.8 * size, y + 0.26 * size, 0.12 * size)
    flat = box(x - size, y - size, x + size, y + 0.26 * size)
    b.paint(shape, colour, alpha=alpha, inside=flat)


def pine(b: Brush, x: float, y: float, high: float, colour: str, snow: str | None = None) -> None:
    """A fir tree standing at (x, y)."""
    b.paint(box(x - high * 0.03, y - high * 0.12, x + high * 0.03, y), mix(colour, "#3a2030", 0.6))
    for share, wide in ((0.1, 0.25), (0.34, 0.2), (0.58, 0.145)):
        low, top = y - high * share, y - high * min(share + 0.45, 1.0)
        w = high * wide
        tier = poly(
            (x, top),
            (x + w, low),
            (x + w * 0.4, low + high * 0.03),
            (x - w * 0.5, low + high * 0.03),
            (x - w, low),
        )
        b.form(tier, colour, depth=high * 0.05, strength=0.4)
        if snow:
            cap = poly(
                (x, top),
                (x + w * 0.5, (top + low) / 2),
                (x + w * 0.18, (top + low) / 2 - high * 0.02),
                (x - w * 0.1, (top + low) / 2 + high * 0.05),
                (x - w * 0.4, (top + low) / 2 + high * 0.01),
                (x - w * 0.62, (top * 0.38 + low * 0.62)),
            )
            b.paint(cap, snow, inside=tier)


def tree(b: Brush, x: float, y: float, high: float, leaf: Fill, bark: str = "#6b4450") -> None:
    """A round tree standing at (x, y)."""
    b.form(
        ribbon([(x, y), (x + high * 0.01, y - high * 0.3), (x, y - high * 0.55)], high * 0.08, high * 0.05),
        bark,
    )
    crown = blob(
        (x, y - high),
        (x + high * 0.24, y - high * 0.88),
        (x + high * 0.32, y - high * 0.6),
        (x + high * 0.18, y - high * 0.36),
        (x - high * 0.12, y - high * 0.34),
        (x - high * 0.31, y - high * 0.55),
        (x - high * 0.24, y - high * 0.86),
    )
    b.form(crown, leaf, depth=high * 0.12, strength=0.35, light=0.18)


def stars(b: Brush, count: int, x1: float, y1: float, colour: str = "#fff3cf") -> None:
    """A sky of stars of three sizes."""
    for index, (x, y) in enumerate(scatter(count, 0, 0, x1, y1)):
        if index % 7 == 3:
            b.paint(star(x, y, 8, 2.2, 4), colour)
        else:
            b.paint(ellipse(x, y, 1.3 + index % 3 * 0.7), colour, alpha=0.85)


def grass(x: float, y: float, size: float) -> Shape:
    """A tuft of three blades."""
    return join(
        poly(
            (x + dx * size - size * 0.12, y),
            (x + dx * size * 2.1, y - size * h),
            (x + dx * size + size * 0.12, y),
        )
        for dx, h in ((-0.3, 0.75), (0.0, 1.0), (0.3, 0.7))
    )


def lamp_light(b: Brush, x: float, y: float, r: float, colour: str = "#ffd27a") -> None:
    """A small bulb and its glow."""
    b.glow(x, y, r * 6, colour, 0.45)
    b.paint(ellipse(x, y, r), fade("#fffbe6", colour))
