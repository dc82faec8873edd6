"""A young knight with a red plume, before green hills."""

from ..brush import Brush, fade
from ..people import face
from ..scenery import cloud, tree
from ..shapes import arc, blob, both, box, ellipse, join, poly, ribbon, ridge, star

STEEL = fade("#eef3fa", "#b4c1d6", angle=60)
DARK_STEEL = fade("#b9c6da", "#8494b3", angle=60)
RED = fade("#f0604f", "#cf3550")
GOLD = fade("#ffd977", "#eda93c")


def knight() -> Brush:
    """The picture of the knight."""
    sheet = Brush(768, 960, fade("#5aa6d6", "#8fcbe6", "#d9f0e4"))
    _hills(sheet)
    b = sheet.at(384, 0)
    b.cast(0, 884, 190, 26)
    _sword(b)
    _legs(b)
    _body(b)
    _head(b.at(0, 322, 1.16, -3))
    _shield(b.at(138, 650, 1.0, 6))
    return sheet


def _hills(b: Brush) -> None:
    b.glow(150, 170, 260, "#fffbe0", 0.9)
    b.paint(ellipse(150, 170, 62), "#fffbe6")
    cloud(b, 690, 360, 60, alpha=0.6)
    cloud(b, 90, 60, 70, alpha=0.6)
    b.paint(
        ridge([(-20, 560), (140, 470), (300, 540), (470, 450), (640, 520), (790, 440)], 960),
        fade("#a8d8c2", "#8cc9ae"),
    )
    _castle(b.at(620, 506))
    b.paint(
        ridge([(-20, 620), (180, 590), (400, 640), (620, 560), (790, 610)], 960), fade("#7fc49a", "#6ab58b")
    )
    tree(b, 92, 668, 170, fade("#5fb083", "#3f8f72"))
    tree(b, 700, 690, 130, fade("#6cbb84", "#4b9c75"))
    b.paint(
        ridge([(-20, 760), (160, 720), (400, 760), (620, 730), (790, 770)], 960), fade("#9bd184", "#62ad74")
    )


def _castle(b: Brush) -> None:
    stone = fade("#d7cfe6", "#b3a9d0", angle=30)
    for x, wide, high in ((-62, 34, 110), (58, 34, 130), (0, 60, 84)):
        b.form(box(x - wide / 2, -high, x + wide / 2, 20), stone, depth=6)
        teeth = join(
            box(x - wide / 2 + k * wide / 2.5, -high - 12, x - wide / 2 + (k + 0.5) * wide / 2.5, -high + 1)
            for k in range(3)
        )
        b.paint(teeth, "#cfc6e2")
    b.form(box(-92, -50, 92, 24), stone, depth=6)
    b.paint(box(-16, -26, 16, 60, 15), "#7d6f9f", inside=box(-92, -50, 92, 24))
    b.paint(ribbon([(58, -140), (58, -182)], 3), "#7d6f9f")
    b.paint(poly((58, -182), (96, -170), (58, -158)), "#e8574f")


def _legs(b: Brush) -> None:
    for side in (-1, 1):
        x = 62 * side
        b.form(ribbon([(x * 0.8, 690), (x, 770), (x, 836)], 84, 72, 66), DARK_STEEL)
        b.form(
            blob(
                (x - 42, 878),
                (x - 38, 846),
                (x, 834),
                (x + 36 + 8 * side, 848),
                (x + 46 + 10 * side, 878),
                (x, 884),
            ),
            STEEL,
            depth=9,
        )
        b.form(ellipse(x, 776, 45, 38), STEEL, depth=9, light=0.5)
        b.paint(ribbon([(x - 33, 836), (x, 844), (x + 33, 836)], 6), GOLD)


def _body(b: Brush) -> None:
    arms = ribbon([(-128, 492), (-182, 560), (-170, 640)], 74, 62, 56)
    b.form(arms, DARK_STEEL)
    b.form(ribbon([(128, 492), (172, 560), (150, 640)], 74, 62, 56), DARK_STEEL)
    chest = blob(
        (-60, 430),
        (60, 430),
        (140, 478),
        (132, 580),
        (112, 690),
        (0, 712),
        (-112, 690),
        (-132, 580),
        (-140, 478),
    )
    b.form(chest, STEEL, depth=20)
    tabard = blob(
        (-84, 452),
        (0, 470),
        (84, 452),
        (98, 560),
        (96, 660),
        (126, 770),
        (60, 792),
        (0, 782),
        (-60, 792),
        (-126, 770),
        (-96, 660),
        (-98, 560),
    )
    b.form(tabard, RED, depth=18)
    b.paint(box(0, 400, 200, 900), "#fff0d4", inside=tabard, alpha=0.95)
    b.paint(blob((30, 470), (160, 470), (160, 800), (60, 800)), "#8a2a58", alpha=0.2, inside=tabard, blur=16)
    b.paint(star(-50, 560, 27, 12), GOLD)
    b.paint(star(50, 560, 27, 12), RED)
    b.paint(ribbon([(-126, 762), (-60, 783), (0, 773), (60, 783), (126, 762)], 8), GOLD, inside=tabard)
    b.form(ribbon([(-120, 664), (0, 684), (120, 664)], 30), "#8a5140", depth=6, inside=chest + tabard)
    b.form(box(-24, 658, 24, 702, 9), GOLD, depth=5)
    b.paint(box(-12, 669, 12, 691, 4), "#8a5140")
    for side in (-1, 1):
        b.form(
            blob(
                (74 * side, 440),
                (128 * side, 424),
                (182 * side, 462),
                (186 * side, 514),
                (132 * side, 528),
                (86 * side, 490),
            ),
            STEEL,
            depth=12,
            light=0.6,
        )
        b.paint(ribbon([(96 * side, 500), (136 * side, 514), (180 * side, 506)], 7), GOLD)
    b.form(ellipse(-170, 646, 43, 41), STEEL, depth=10, light=0.4)
    b.paint(ribbon([(-206, 626), (-172, 614), (-136, 624)], 9), GOLD)


def _sword(b: Brush) -> None:
    s = b.at(-176, 640, 1, -14)
    blade = poly((-17, -40), (-17, -330), (0, -372), (17, -330), (17, -40))
    s.form(blade, fade("#f6fbff", "#c5d3e6", angle=0), depth=4)
    s.paint(poly((0, -40), (0, -372), (17, -330), (17, -40)), "#a9bad3")
    s.form(box(-62, -60, 62, -38, 11), GOLD, depth=5)
    s.form(box(-11, -40, 11, 62, 8), "#8a5140", depth=4)
    s.form(ellipse(0, 68, 18), GOLD, depth=5)


def _head(b: Brush) -> None:
    plume = blob(
        (-6, -118),
        (20, -186),
        (86, -204),
        (150, -160),
        (168, -86),
        (150, -20),
        (128, -66),
        (98, -96),
        (50, -108),
    )
    b.form(plume, RED, depth=16, light=0.25)
    for points in (
        [(16, -132), (86, -168), (136, -110)],
        [(34, -124), (92, -140), (136, -70)],
        [(40, -172), (104, -176), (146, -130)],
    ):
        b.paint(ribbon(points, 2, 5, 2), "#a82348", alpha=0.45, inside=plume)
    b.form(
        blob(
            (0, -132),
            (76, -112),
            (122, -34),
            (116, 62),
            (84, 122),
            (0, 136),
            (-84, 122),
            (-116, 62),
            (-122, -34),
            (-76, -112),
        ),
        STEEL,
        depth=20,
    )
    b.at(0, 14, 0.88).paint(ellipse(0, 0, 108, 100), "#5e6c8f")
    f = b.at(0, 18, 0.88)
    opening = blob(
        (0, -84),
        (78, -70),
        (100, -8),
        (84, 62),
        (40, 92),
        (0, 98),
        (-40, 92),
        (-84, 62),
        (-100, -8),
        (-78, -70),
    )
    f.paint(opening, fade("#f7cba6", "#efb48f"))
    f.paint(
        blob((-100, -100), (100, -100), (96, -40), (40, -52), (10, -34), (-30, -50), (-60, -36), (-96, -34)),
        "#7b4632",
        inside=opening,
    )
    face(f.at(0, 6), "#f3bf99", "#5f3428", "laugh", look=(3, 0))
    f.paint(
        opening,
        "#46376b",
        outside=blob(*[(x * 0.96 + 8, y * 0.94 + 12) for x, y in opening[0][::10]]),
        alpha=0.32,
    )
    b.form(
        ribbon([(-112, 44), (-104, -40), (-64, -92), (0, -106), (64, -92), (104, -40), (112, 44)], 26),
        fade("#dfe7f2", "#a5b4cd", angle=60),
        depth=6,
    )
    b.form(blob((-14, -142), (14, -142), (16, -84), (0, -72), (-16, -84)), GOLD, depth=5)
    b.form(both(ellipse(114, 20, 21), 0), GOLD, depth=6)
    b.paint(both(ellipse(113, 19, 9), 0), "#b97a2c")
    b.form(arc(0, 62, 108, 82, 22, 158), fade("#dfe7f2", "#a5b4cd", angle=60), depth=8)
    b.paint(join(ellipse(x, y, 4.5) for x, y in ((-46, 116), (-16, 124), (16, 124), (46, 116))), "#7888aa")


def _shield(b: Brush) -> None:
    outline = blob((-92, -108), (0, -122), (92, -108), (98, -20), (66, 78), (0, 138), (-66, 78), (-98, -20))
    b.form(outline, GOLD, depth=10)
    s = b.at(0, 2, 0.85)
    s.form(outline, fade("#4f7fd0", "#3355a8"), depth=12)
    s.paint(poly((-120, 10), (0, -74), (120, 10), (120, 62), (0, -22), (-120, 62)), "#fff0d4", inside=outline)
    s.paint(star(0, 62, 30, 13), "#ffd977")
    s.paint(both(star(46, -66, 17, 7.5), 0), "#ffd977")
    b.paint(blob((-80, -92), (-30, -104), (-60, 0), (-84, -10)), "#ffffff", alpha=0.18, inside=outline)
