"""Outlines: a shape is a union of polygons, so that shapes are joined with ``+``."""

# ruff: noqa: PLR0917  (x before y, left before right: coordinates read best in their own order)

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Shape: TypeAlias = tuple[tuple[Point, ...], ...]


def poly(*points: Point) -> Shape:
    """A polygon with straight sides."""
    return (points,)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Shape:
    """An ellipse round (x, y), or a circle; `turn` is in degrees, clockwise."""
    return turned(arc(x, y, rx, rx if ry is None else ry, 0, 360), turn, (x, y))


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Shape:
    """The part of an ellipse cut off by the chord between two angles (0 is right, 90 is down)."""
    steps = 4 * round(3 + min(math.sqrt(max(rx, ry)), 13))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return (tuple((x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles),)


def box(x0: float, y0: float, x1: float, y1: float, r: float = 0.0) -> Shape:
    """A rectangle, its corners rounded by `r`."""
    if not r:
        return poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    r = min(r, (x1 - x0) / 2, (y1 - y0) / 2)
    corners = ((x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180), (x1 - r, y0 + r, 270))
    return (tuple(p for x, y, start in corners for p in arc(x, y, r, r, start, start + 90)[0]),)


def curve(*points: Point, closed: bool = False, steps: int = 10) -> tuple[Point, ...]:
    """Points of a soft (Catmull-Rom) curve through the given ones; three open ones make a bow."""
    if len(points) == 3 and not closed:
        before, after = (
            (3 * a[0] - 3 * b[0] + c[0], 3 * a[1] - 3 * b[1] + c[1]) for a, b, c in (points, points[::-1])
        )
        return curve(before, *points, after, steps=steps)[steps : -steps or None]
    count = len(points)

    def at(index: int) -> Point:
        return points[index % count] if closed else points[min(max(index, 0), count - 1)]

    found: list[Point] = []
    for index in range(count if closed else count - 1):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = (at(index + shift) for shift in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            wa, wb = -t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3
            wc, wd = t + 4 * t**2 - 3 * t**3, t**3 - t**2
            found.append(
                (
                    (wa * ax + wb * bx + wc * cx + wd * dx) / 2,
                    (wa * ay + wb * by + wc * cy + wd * dy) / 2,
                )
            )
    return (*found, *(() if closed else (points[-1],)))


def blob(*points: Point) -> Shape:
    """A closed shape with a soft edge through the points."""
    return (curve(*points, closed=True),)


def ribbon(points: Sequence[Point], *widths: float, soft: bool = True) -> Shape:
    """A stroke with round ends along the points; its width goes evenly through `widths`."""
    path = curve(*points) if soft else tuple(points)
    last = len(path) - 1
    edges: list[tuple[Point, Point]] = []
    parts: list[tuple[Point, ...]] = []
    for index in range(last + 1):
        place = index / last * (len(widths) - 1)
        low = min(int(place), len(widths) - 2) if len(widths) > 1 else 0
        high = min(low + 1, len(widths) - 1)
        half = (widths[low] + (widths[high] - widths[low]) * (place - low)) / 2
        (x, y), (x0, y0), (x1, y1) = path[index], path[max(index - 1, 0)], path[min(index + 1, last)]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        nx, ny = (y0 - y1) / length * half, (x1 - x0) / length * half
        edges.append(((x + nx, y + ny), (x - nx, y - ny)))
        if index in {0, last} or not soft:
            parts += ellipse(x, y, half)
    parts += [(a, c, d, b) for (a, b), (c, d) in pairwise(edges)]
    return tuple(parts)


def ridge(points: Sequence[Point], bottom: float, *, soft: bool = True) -> Shape:
    """Ground or hills: everything below a line, down to `bottom`."""
    path = curve(*points) if soft else tuple(points)
    return (((path[0][0], bottom), *path, (path[-1][0], bottom)),)


def star(x: float, y: float, outer: float, inner: float, points: int = 5, turn: float = -90.0) -> Shape:
    """A star with that many points."""
    found = []
    for index in range(2 * points):
        angle = math.radians(turn + 180 * index / points)
        r = inner if index % 2 else outer
        found.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return (tuple(found),)


def turned(shape: Shape, degrees: float, about: Point) -> Shape:
    """The shape turned clockwise about a point."""
    if not degrees:
        return shape
    ax, ay = about
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return tuple(
        tuple((ax + (x - ax) * c - (y - ay) * s, ay + (x - ax) * s + (y - ay) * c) for x, y in path)
        for path in shape
    )


def mirrored(shape: Shape, x: float) -> Shape:
    """The shape seen in a mirror standing at `x`."""
    return tuple(tuple((2 * x - px, py) for px, py in path) for path in shape)


def both(shape: Shape, x: float) -> Shape:
    """The shape together with its mirror image."""
    return shape + mirrored(shape, x)


def join(shapes: Iterable[Shape]) -> Shape:
    """Many shapes as one."""
    return tuple(path for shape in shapes for path in shape)


def scatter(count: int, x0: float, y0: float, x1: float, y1: float) -> list[Point]:
    """That many points, spread evenly without looking ordered, and the same ones each time."""
    return [
        (
            x0 + (x1 - x0) * ((0.5 + 0.7548776662466927 * index) % 1),
            y0 + (y1 - y0) * ((0.5 + 0.5698402909980532 * index) % 1),
        )
        for index in range(count)
    ]


def stripes(x0: float, y0: float, x1: float, y1: float, step: float, width: float, turn: float = 0) -> Shape:
    """Bars across a rectangle, upright unless turned about its middle."""
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    bars = []
    x = x0
    while x < x1:
        bars.append(box(x, y0, min(x + width, x1), y1))
        x += step
    return turned(join(bars), turn, middle)


def dots(x0: float, y0: float, x1: float, y1: float, step: float, r: float) -> Shape:
    """Spots in offset rows."""
    rows = int((y1 - y0) / step) + 1
    columns = int((x1 - x0) / step) + 1
    return join(
        ellipse(x0 + step * (column + row % 2 / 2), y0 + step * row, r)
        for row in range(rows)
        for column in range(columns)
    )
