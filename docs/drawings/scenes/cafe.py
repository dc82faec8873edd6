"""Somebody with a cup of coffee outside a café, when the lights come on."""

from ..brush import Brush, fade
from ..people import face, hand, head
from ..scenery import lamp_light
from ..shapes import arc, blob, both, box, curve, dots, ellipse, join, poly, ribbon

SKIN = "#f6cba8"
HAIR = "#3b2440"


def cafe() -> Brush:
    """The picture of the café."""
    sheet = Brush(1152, 768, fade("#4a3f8f", "#a05a9e", "#f08a7f", "#ffc98a"))
    _street(sheet)
    _front(sheet)
    _ground(sheet)
    _plant(sheet.at(150, 700))
    _guest(sheet.at(560, 716, 0.82))
    _bulbs(sheet)
    return sheet


def _street(b: Brush) -> None:
    b.glow(940, 470, 330, "#ffe0a0", 0.8)
    for x, wide, top, colour in (
        (830, 90, 330, "#c9708f"),
        (910, 70, 380, "#d98088"),
        (975, 80, 300, "#b8638f"),
        (1050, 120, 220, "#8f4f8a"),
    ):
        b.paint(box(x, top, x + wide, 640), fade(colour, "#e8908a"))
        b.paint(poly((x - 6, top), (x + wide / 2, top - 44), (x + wide + 6, top)), "#7a3f7a")
        for row in range(4):
            b.paint(
                join(
                    box(x + 16 + 30 * k, top + 26 + row * 56, x + 30 + 30 * k, top + 54 + row * 56, 5)
                    for k in range(int((wide - 12) / 30))
                ),
                "#ffe0a0",
                alpha=0.9 if row % 2 else 0.5,
            )
    lamp = b.at(948, 650)
    lamp.paint(box(-5, -300, 5, 0), "#3a2a5a")
    lamp.paint(poly((-18, 0), (-8, -40), (8, -40), (18, 0)), "#3a2a5a")
    lamp.glow(0, -328, 150, "#ffdf9a", 0.85)
    lamp.paint(poly((-18, -356), (18, -356), (12, -300), (-12, -300)), fade("#fffbe0", "#ffd27a"))
    lamp.paint(poly((-24, -354), (0, -380), (24, -354)), "#3a2a5a")


def _front(b: Brush) -> None:
    b.form(box(-10, -10, 800, 650), fade("#3f7f86", "#2f5f78"), depth=14, strength=0.3)
    b.paint(box(-10, 60, 800, 78), "#2a5068")
    for x0, x1 in ((40, 330), (380, 640)):
        b.paint(box(x0 - 12, 228, x1 + 12, 596, 12), "#2a5068")
        glass = box(x0, 240, x1, 584, 6)
        b.paint(glass, fade("#fff0bd", "#ffc87a", "#f09a5f"))
        b.paint(box(x0, 470, x1, 476), "#c9704f", alpha=0.6)
        for k in range(4):
            bx = x0 + 30 + k * 66
            b.paint(
                box(bx, 428, bx + 22, 470, 6) + box(bx + 7, 412, bx + 15, 430),
                ("#e2674c", "#6fa88a", "#a9568a", "#e8a24a")[k],
                alpha=0.6,
                inside=glass,
            )
        for k in range(2):
            lx = x0 + 80 + k * 120
            b.paint(ribbon([(lx, 230), (lx, 320)], 3), "#8a4f48", inside=glass)
            b.paint(arc(lx, 346, 32, 30, 180, 360), "#d9574f", inside=glass)
            b.glow(lx, 356, 70, "#fffbe0", 0.8)
        b.paint(
            poly((x0 + 40, 240), (x0 + 120, 240), (x0 + 10, 584), (x0 - 70, 584)),
            "#ffffff",
            alpha=0.16,
            inside=glass,
        )
    b.form(box(668, 240, 780, 650, 10), fade("#d9574f", "#a93a55"), depth=8)
    b.paint(box(688, 262, 760, 500, 8), fade("#fff0bd", "#f5ab66"))
    b.form(ellipse(762, 540, 9), "#ffd977", depth=2)
    sign = box(232, 18, 548, 110, 26)
    b.form(sign, fade("#fff3d6", "#ffdca6"), depth=6, strength=0.2)
    cup = b.at(390, 66, 0.9)
    cup.form(arc(0, -16, 36, 44, 0, 180), "#d9574f", depth=5)
    cup.paint(ellipse(40, -2, 14), "#d9574f", outside=ellipse(40, -2, 7))
    cup.paint(box(-44, 30, 44, 36, 3), "#a93a55")
    b.paint(
        both(ribbon([(70 + 390, 64), (130 + 390, 64)], 5), 390) + both(ellipse(390 + 94, 64, 11), 390),
        "#d9a05f",
    )
    _awning(b)


def _awning(b: Brush) -> None:
    cloth = poly((10, 146), (800, 146), (836, 236), (-26, 236))
    b.paint(box(-30, 236, 830, 286), "#2b1f4e", alpha=0.35, blur=10)
    width = 862 / 12
    scallops = join(arc(-26 + width * (k + 0.5), 234, width / 2, 28, 0, 180) for k in range(12))
    b.form(cloth + scallops, "#fff3dc", depth=8, strength=0.18)
    for k in range(0, 12, 2):
        bar = poly(
            (10 + 790 / 12 * k, 146),
            (10 + 790 / 12 * (k + 1), 146),
            (-26 + width * (k + 1), 236),
            (-26 + width * k, 236),
        ) + arc(-26 + width * (k + 0.5), 234, width / 2, 28, 0, 180)
        b.paint(bar, fade("#f0705f", "#d9475a"))
    b.paint(poly((10, 146), (800, 146), (806, 160), (5, 160)), "#2b1f4e", alpha=0.15)


def _ground(b: Brush) -> None:
    b.paint(box(-10, 640, 1170, 780), fade("#b8709a", "#7a4a8a"))
    b.paint(box(-10, 640, 1170, 650), "#5a3a78", alpha=0.6)
    for row in range(4):
        y = 668 + row * 28
        b.paint(
            join(ellipse(x, y, 27 + row * 3, 8 + row) for x in range(-20 + row % 2 * 36, 1180, 72)),
            "#d590a6",
            alpha=0.35,
        )
    for x in (185, 510):
        b.paint(
            poly((x - 130, 640), (x + 120, 640), (x + 60, 780), (x - 240, 780)),
            "#ffd08a",
            alpha=0.28,
            blur=14,
        )


def _plant(b: Brush) -> None:
    b.cast(0, 2, 66, 12)
    leaves = join(
        ellipse(x, y, r) for x, y, r in ((-40, -150, 44), (10, -180, 52), (46, -140, 42), (0, -120, 50))
    )
    b.form(leaves, fade("#6fb58a", "#3f8078"), depth=16)
    b.paint(
        join(ellipse(x, y, 8) for x, y in ((-50, -160), (-10, -200), (30, -170), (52, -130), (-20, -130))),
        "#ffb3c0",
    )
    b.form(poly((-50, -96), (50, -96), (38, 0), (-38, 0)), fade("#f0a06a", "#c9694f"), depth=9)
    b.form(box(-56, -104, 56, -82, 6), "#f0a06a", depth=4)


def _guest(b: Brush) -> None:
    b.cast(0, 2, 150, 20, 0.45)
    for x in (-44, 44):
        side = 1 if x > 0 else -1
        b.form(ribbon([(x, -190), (x * 1.1, -40)], 56, 46), fade("#4a4f86", "#373a6c"), depth=9)
        b.form(
            blob((x - 32, 0), (x - 30, -40), (x, -52), (x + 30, -40), (x + 34 + 12 * side, 0)),
            "#d9475a",
            depth=7,
        )
    h = b.at(0, -500, 1.08, -3)
    h.form(
        blob(
            (0, -120),
            (84, -100),
            (126, -20),
            (130, 70),
            (100, 122),
            (50, 110),
            (-50, 110),
            (-100, 122),
            (-130, 70),
            (-126, -20),
            (-84, -100),
        ),
        HAIR,
        depth=14,
    )
    top = blob(
        (-56, -400),
        (56, -400),
        (110, -364),
        (116, -250),
        (112, -180),
        (-112, -180),
        (-116, -250),
        (-110, -364),
    )
    yellow = fade("#ffcf5f", "#f0a03f")
    b.form(top, yellow, depth=16)
    b.paint(dots(-120, -400, 120, -180, 38, 7), "#fff6da", inside=top)
    b.form(ribbon([(-58, -398), (0, -378), (58, -398)], 34), "#fff3dc", depth=6, strength=0.2)
    head(h, SKIN)
    h.paint(
        blob(
            (-102, 0),
            (-100, -62),
            (-50, -110),
            (20, -112),
            (84, -84),
            (104, 0),
            (84, -30),
            (50, -56),
            (10, -60),
            (-20, -46),
            (-60, -38),
            (-86, -20),
        ),
        HAIR,
    )
    face(h.at(0, 12), SKIN, HAIR, "smile", look=(3, 2))
    h.form(both(ellipse(98, 44, 9), 0), "#ffd977", depth=2)
    for side in (-1, 1):
        b.form(
            ribbon([(98 * side, -350), (140 * side, -276), (70 * side, -242)], 68, 62, 50), yellow, depth=10
        )
    _cup(b)


def _cup(b: Brush) -> None:
    b.paint(ellipse(40, -246, 17), "#d9475a", outside=ellipse(40, -246, 9))
    b.form(arc(0, -272, 38, 62, 0, 180), fade("#ff8d78", "#e2574c", angle=0), depth=6)
    b.paint(ellipse(0, -272, 38, 9), "#7a3f3a")
    hand(b, -42, -240, 25, SKIN)
    hand(b, 42, -240, 25, SKIN)
    for x in (-9, 10):
        b.paint(
            ribbon([(x, -286), (x + 8, -306), (x - 4, -326), (x + 6, -346)], 7, 6, 2), "#ffffff", alpha=0.5
        )


def _bulbs(b: Brush) -> None:
    for points in (
        [(780, 110), (900, 170), (1030, 168), (1170, 100)],
        [(780, 30), (920, 76), (1060, 66), (1170, 10)],
    ):
        wire = curve(*points)
        b.paint(ribbon(wire[::3] + wire[-1:], 2.5, soft=False), "#3a2a5a")
        for x, y in wire[4::5]:
            lamp_light(b, x, y + 9, 7)
