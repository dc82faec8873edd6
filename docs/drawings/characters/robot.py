"""A round tin robot with a warm heart."""

from ..brush import Brush, fade
from ..people import INK
from ..shapes import arc, both, box, ellipse, join, poly, ribbon, star, turned

TEAL = fade("#7fe0d0", "#3aa8ad", angle=60)
DEEP = fade("#4a8fa6", "#2f6687", angle=60)
GOLD = fade("#ffd977", "#eda93c")
CORAL = fade("#ff8d78", "#e9574f")


def robot() -> Brush:
    """The picture of the robot."""
    sheet = Brush(768, 960, fade("#dfe0f7", "#ece4f6", "#f6e6ee"))
    _town(sheet)
    b = sheet.at(384, 0)
    b.cast(0, 886, 190, 24)
    _legs(b)
    _arms(b)
    _body(b)
    _head(b.at(0, 292, 1.0, -4))
    return sheet


def _town(b: Brush) -> None:
    for x, turn, r in ((80, 0, 50), (710, 12, 60)):
        _gear(b, x, 150 if x < 600 else 90, r, turn)
    blocks = ((-10, 80, 690), (70, 70, 716), (150, 60, 700), (560, 70, 706), (630, 70, 690), (700, 80, 712))
    for x, wide, top in blocks:
        b.form(box(x, top, x + wide, 800, 6), fade("#d9cdec", "#d0bfe2"), depth=14, strength=0.25)
        for row in range(int((760 - top) / 50)):
            b.paint(
                join(
                    box(x + 16 + 28 * k, top + 28 + row * 50, x + 30 + 28 * k, top + 52 + row * 50, 3)
                    for k in range(int((wide - 20) / 28))
                ),
                "#f3e6f2",
                alpha=0.5,
            )
    b.paint(box(-10, 772, 780, 970), fade("#b9a4d2", "#9a82b8"))
    b.paint(box(-10, 772, 780, 782), "#d3c2e4")


def _gear(b: Brush, x: float, y: float, r: float, turn: float) -> None:
    teeth = join(
        turned(box(x - r * 0.16, y - r * 1.2, x + r * 0.16, y - r * 0.7, 5), turn + 45 * k, (x, y))
        for k in range(8)
    )
    b.paint(teeth + ellipse(x, y, r), "#d3cbee", alpha=0.5, outside=ellipse(x, y, r * 0.42))


def _legs(b: Brush) -> None:
    for side in (-1, 1):
        x = 66 * side
        b.form(box(x - 26, 700, x + 26, 850), DEEP, depth=8)
        b.paint(join(box(x - 28, y, x + 28, y + 8, 4) for y in range(726, 840, 22)), "#244f70", alpha=0.7)
        b.form(arc(x + 10 * side, 884, 66, 56, 180, 360), CORAL, depth=10, light=0.3)
        b.paint(box(x + 10 * side - 68, 874, x + 10 * side + 68, 890, 7), "#7a2f58")


def _arms(b: Brush) -> None:
    for points in ([(-140, 500), (-226, 540), (-240, 640)], [(140, 500), (220, 470), (236, 372)]):
        b.form(ribbon(points, 48), TEAL, depth=8)
        (x, y), (x2, y2) = points[1], points[2]
        b.form(ellipse(x, y, 28), GOLD, depth=6)
        ring = ((x + 2 * x2) / 3, (y + 2 * y2) / 3)
        b.paint(ellipse(*ring, 30, 8), "#244f70", alpha=0.6, inside=ribbon(points, 44))
    for x, y, turn in ((-242, 676, 180), (238, 336, 8)):
        claw = ribbon(
            [(x - 30, y - 40), (x - 42, y - 8), (x, y + 26), (x + 42, y - 8), (x + 30, y - 40)],
            24,
            28,
            34,
            28,
            24,
        )
        b.form(turned(claw, turn, (x, y)), CORAL, depth=8)
    _flower(b.at(240, 306, 1.0, 10))


def _flower(b: Brush) -> None:
    b.paint(ribbon([(0, 40), (4, -30), (0, -96)], 9), "#3f9a6b")
    b.form(ellipse(22, -22, 22, 10, -30), "#56b57a", depth=4)
    petals = join(ellipse(*p, 21) for p in star(0, -112, 30, 30, 6)[0][::2])
    b.form(petals, "#ffffff", depth=7, strength=0.22)
    b.form(ellipse(0, -112, 18), "#ffd04f", depth=5)


def _body(b: Brush) -> None:
    b.form(box(-46, 400, 46, 460), DEEP, depth=8)
    b.paint(join(box(-50, y, 50, y + 7, 3) for y in range(410, 440, 15)), "#244f70", alpha=0.7)
    b.form(both(ellipse(146, 500, 42), 0), GOLD, depth=9)
    trunk = box(-150, 432, 150, 740, 66)
    b.form(trunk, TEAL, depth=26, light=0.4)
    b.paint(box(-200, 660, 200, 676), "#2f8a96", alpha=0.5, inside=trunk)
    b.paint(join(ellipse(x, 700, 6) for x in (-90, -45, 0, 45, 90)), "#ffe9ad")
    panel = box(-92, 490, 92, 636, 26)
    b.form(panel, fade("#fff3d6", "#ffd9a8"), depth=9, strength=0.2)
    b.glow(-34, 552, 80, "#ff7a70", 0.55)
    heart = ellipse(-49, 546, 19) + ellipse(-19, 546, 19) + poly((-66, 555), (-2, 555), (-34, 596))
    b.form(heart, CORAL, depth=6)
    dial = ellipse(46, 540, 31)
    b.form(dial, "#ffffff", depth=5, strength=0.2)
    b.paint(arc(46, 540, 25, 25, 180, 300), "#8fdccf")
    b.paint(arc(46, 540, 25, 25, 300, 360), "#ff8d78")
    b.paint(box(14, 540, 80, 572), "#ffffff", inside=dial)
    b.paint(ribbon([(46, 546), (58, 524)], 6, 3), INK)
    b.paint(ellipse(46, 546, 6), INK)
    b.form(box(16, 592, 76, 612, 9), GOLD, depth=3)
    b.paint(both(ellipse(124, 470, 7), 0) + both(ellipse(128, 640, 7), 0), "#2f8a96")


def _head(b: Brush) -> None:
    b.paint(ribbon([(0, -126), (0, -190)], 11), "#2f6687")
    b.glow(0, -206, 80, "#ffe08a", 0.7)
    b.form(ellipse(0, -206, 24), CORAL, depth=7, light=0.6)
    b.form(both(box(160, -46, 194, 52, 14), 0), GOLD, depth=8)
    shell = box(-168, -134, 168, 124, 96)
    b.form(shell, TEAL, depth=24, light=0.45)
    b.paint(ribbon([(-136, -50), (-112, -98), (-60, -116)], 12, 18, 10), "#ffffff", alpha=0.35, inside=shell)
    screen = box(-130, -76, 130, 94, 66)
    b.paint(box(-138, -84, 138, 102, 72), "#2f8a96", alpha=0.7)
    b.form(screen, fade("#2a2f63", "#3b3f83"), depth=12)
    for x in (-56, 56):
        b.glow(x, -10, 60, "#8ff5ff", 0.4)
        b.paint(ellipse(x, -10, 25, 29), fade("#d9fdff", "#6fe3f2"))
        b.paint(ellipse(x + 3, -8, 12, 15), INK)
        b.paint(ellipse(x - 2, -16, 6), "#ffffff")
    b.paint(ribbon([(-30, 48), (0, 64), (30, 48)], 7, 9, 7), "#8ff5ff")
    b.paint(both(ellipse(88, 36, 17, 10), 0), "#ff8d9a", alpha=0.7, blur=4)
