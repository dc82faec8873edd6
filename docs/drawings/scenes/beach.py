"""Somebody with a kite on the beach below the lighthouse."""

from math import cos, radians, sin

from ..brush import Brush, fade
from ..people import face, hand, head
from ..scenery import cloud, grass
from ..shapes import blob, both, box, ellipse, join, poly, ribbon, ridge, scatter

SKIN = "#f3bd95"


def beach() -> Brush:
    """The picture of the beach."""
    sheet = Brush(1152, 768, fade("#4fb0e6", "#8fd3f0", "#d9f2ee"))
    _sea(sheet)
    _lighthouse(sheet)
    _sand(sheet)
    _kite(sheet)
    _visitor(sheet.at(520, 722, 0.66))
    return sheet


def _sea(b: Brush) -> None:
    b.glow(140, 120, 260, "#fffbe0", 0.9)
    b.paint(ellipse(140, 120, 58), "#fffbe0")
    cloud(b, 420, 130, 110)
    cloud(b, 640, 230, 80, alpha=0.8)
    cloud(b, 60, 290, 90, alpha=0.75)
    b.paint(box(-10, 410, 1170, 700), fade("#2f8fc4", "#4fc0c9", "#a0e6d6"))
    for row in range(5):
        y = 430 + row * 30
        b.paint(
            join(
                ribbon([(x, y), (x + 26, y - 5), (x + 52, y)], 1.5, 4, 1.5)
                for x in range(-40 + row * 53 % 90, 1170, 150)
            ),
            "#e6fbf6",
            alpha=0.6,
        )
    s = b.at(250, 432, 0.8)
    s.form(blob((-60, -16), (64, -16), (44, 12), (-42, 12)), "#d9574f", depth=5)
    s.form(poly((-4, -24), (-4, -150), (-70, -24)), "#fff8ea", depth=5)
    s.form(poly((6, -24), (6, -130), (60, -24)), "#ffd98a", depth=5)
    for x, y, r in ((330, 250, 20), (400, 280, 15), (720, 120, 18)):
        b.paint(
            ribbon(
                [(x - r, y - 4), (x - r / 2, y - r * 0.5), (x, y), (x + r / 2, y - r * 0.5), (x + r, y - 4)],
                2,
                4.5,
                4,
                4.5,
                2,
            ),
            "#ffffff",
        )


def _lighthouse(b: Brush) -> None:
    b.form(
        ridge([(720, 620), (760, 520), (830, 450), (930, 410), (1060, 400), (1170, 380)], 700),
        fade("#9fbf7a", "#b08f6f", "#8a6a68"),
        depth=16,
    )
    b.paint(
        blob((800, 470), (860, 436), (960, 404), (1180, 376), (1180, 424), (1000, 444), (900, 460)),
        fade("#a9d67f", "#7fb86f"),
    )
    for x, y, r in ((850, 540, 34), (960, 580, 26), (1050, 530, 40), (800, 596, 20), (1130, 590, 30)):
        b.paint(ellipse(x, y, r, r * 0.34, -8), "#6f5562", alpha=0.28)
        b.paint(ellipse(x - 3, y - 4, r * 0.9, r * 0.28, -8), "#c9a988", alpha=0.5)
    t = b.at(970, 430)
    t.glow(0, -300, 190, "#fff6c9", 0.8)
    tower = poly((-40, -262), (40, -262), (60, 4), (-60, 4))
    t.form(tower, "#fffaf0", depth=18, strength=0.3)
    for y0, y1 in ((-206, -152), (-98, -44)):
        band = box(-80, y0, 80, y1)
        t.form(tower, fade("#f0604f", "#d9415a"), depth=18, strength=0.3, inside=band)
    t.form(box(-54, -276, 54, -258, 6), "#4a4478", depth=4)
    t.paint(box(-30, -326, 30, -276), fade("#fff6bd", "#ffcf5f"))
    t.paint(join(box(x - 2, -326, x + 2, -276) for x in (-28, -10, 10, 28)), "#4a4478")
    t.form(poly((-44, -324), (0, -374), (44, -324)), fade("#f0604f", "#cf3550"), depth=7)
    t.form(ellipse(0, -378, 8), "#ffd977", depth=2)
    t.paint(box(-15, -34, 15, 4, 14) + box(-9, -136, 9, -112, 8), "#4a4478")
    t.form(box(78, -70, 170, 6), "#fffaf0", depth=8, strength=0.2)
    t.form(poly((66, -66), (124, -120), (182, -66)), fade("#f0806a", "#d9575a"), depth=6)
    t.paint(box(108, -46, 132, -18, 3), "#6fb3d0")


def _sand(b: Brush) -> None:
    b.paint(
        ridge([(-20, 590), (200, 568), (440, 596), (700, 570), (900, 610), (1170, 590)], 790),
        "#ffffff",
        alpha=0.75,
    )
    b.form(
        ridge([(-20, 606), (200, 582), (440, 612), (700, 586), (900, 622), (1170, 604)], 790),
        fade("#ffe9b8", "#f2c98a"),
        depth=0,
    )
    for x, y in scatter(60, 0, 630, 1152, 760):
        b.paint(ellipse(x, y, 2.4, 1.6), "#d9a870", alpha=0.7)
    b.paint(
        join(grass(x, y, 34) for x, y in ((60, 690), (96, 704), (1080, 650), (1110, 668), (840, 640))),
        "#8fb56a",
    )
    p = b.at(250, 692)
    p.cast(10, 18, 96, 18, 0.3)
    outer, hole = ellipse(0, 0, 92, 34), ellipse(0, -6, 46, 12)
    p.form(outer, fade("#ff9a80", "#e2574c"), depth=10)
    for start in range(15, 360, 60):
        ends = [(130 * cos(radians(angle)), 50 * sin(radians(angle)) - 4) for angle in (start, start + 30)]
        p.paint(poly((0, -4), *ends), "#fff8ea", alpha=0.92, inside=outer)
    p.paint(hole, fade("#d9a870", "#f2cf95"))
    p.paint(outer, "#2b1f4e", alpha=0.16, outside=ellipse(-6, -8, 90, 32))
    bucket = b.at(820, 720)
    bucket.cast(0, 0, 46, 9, 0.3)
    bucket.paint(ribbon([(-34, -58), (-20, -92), (20, -92), (34, -58)], 5), "#4a4478")
    bucket.form(poly((-38, -60), (38, -60), (28, 0), (-28, 0)), fade("#5fa8e0", "#3f7fc4"), depth=7)
    bucket.form(ellipse(0, -60, 38, 10), "#ffe0a0", depth=3)
    star_fish = join(
        ribbon([(0, 0), (dx, dy)], 13, 5) for dx, dy in ((0, -20), (19, -6), (12, 16), (-12, 16), (-19, -6))
    )
    b.at(930, 726, 1.1, 12).form(star_fish, "#f0705f", depth=3)


def _kite(b: Brush) -> None:
    b.paint(ribbon([(668, 478), (700, 380), (690, 250), (640, 150)], 2), "#5a4a6a")
    k = b.at(640, 110, 1.0, -24)
    k.form(poly((0, -84), (58, -10), (0, 96), (-58, -10)), fade("#ffd95f", "#f2a03f"), depth=6)
    k.paint(
        poly((0, -84), (58, -10), (0, -10)) + poly((0, -10), (-58, -10), (0, 96)), fade("#f0604f", "#d9415a")
    )
    k.paint(ribbon([(0, 96), (16, 130), (-8, 160), (14, 192)], 3), "#5a4a6a")
    for x, y in ((10, 128), (-4, 160), (12, 190)):
        k.paint(both(poly((x, y), (x + 18, y - 10), (x + 18, y + 10)), x), "#3fa79a")


def _visitor(b: Brush) -> None:
    b.cast(20, 4, 170, 20, 0.32)
    for x in (-50, 50):
        b.form(ribbon([(x, -160), (x, -30)], 48, 42), SKIN, depth=7)
        b.form(
            blob((x - 28, 2), (x - 26, -30), (x, -40), (x + 26, -30), (x + (40 if x > 0 else 28), 2)),
            SKIN,
            depth=6,
        )
    shorts = poly((-108, -250), (108, -250), (112, -104), (12, -104), (0, -150), (-12, -104), (-112, -104))
    b.form(shorts, fade("#4f7fc4", "#35599f"), depth=12)
    b.paint(both(box(8, -124, 114, -104), 0), "#8fb5e6", inside=shorts)
    b.form(ribbon([(-104, -430), (-166, -350), (-140, -262)], 76, 66, 52), SKIN, depth=10)
    b.form(ribbon([(-104, -432), (-150, -376)], 86, 78), "#fffaf0", depth=10, strength=0.25)
    hand(b, -132, -240, 31, SKIN)
    shirt = blob(
        (-58, -470),
        (58, -470),
        (114, -430),
        (112, -320),
        (114, -226),
        (0, -218),
        (-114, -226),
        (-112, -320),
        (-114, -430),
    )
    b.form(shirt, "#fffaf0", depth=18, strength=0.25)
    b.paint(join(box(-140, y, 140, y + 18) for y in range(-430, -220, 42)), "#3f6fb8", inside=shirt)
    b.paint(box(64, -480, 160, -200), "#2b1f4e", alpha=0.18, inside=shirt, blur=16)
    b.form(ribbon([(100, -432), (182, -400), (218, -350)], 72, 62, 50), SKIN, depth=9)
    b.form(ribbon([(100, -434), (150, -414)], 84, 76), "#fffaf0", depth=9, strength=0.25)
    hand(b, 222, -360, 31, SKIN)
    h = b.at(0, -562, 1.08, 4)
    h.form(both(blob((60, -70), (112, -10), (108, 60), (84, 70)), 0), "#d98a3f", depth=6)
    head(h, SKIN)
    h.paint(
        blob((-98, -10), (-90, -70), (90, -70), (98, -10), (70, -46), (20, -58), (-40, -46), (-76, -30)),
        "#d98a3f",
    )
    face(h.at(0, 12), SKIN, "#b56a30", "laugh", look=(4, -3))
    h.paint(
        join(ellipse(x, y, 2.6) for x, y in ((-58, 20), (-48, 28), (-66, 30), (50, 22), (60, 30), (44, 32))),
        "#c9764f",
        alpha=0.7,
    )
    straw = fade("#ffe6a8", "#eebd6a")
    h.form(ellipse(0, -64, 176, 36), straw, depth=8)
    h.form(blob((-92, -66), (-84, -140), (0, -166), (84, -140), (92, -66), (0, -54)), straw, depth=13)
    h.paint(
        ribbon([(-90, -84), (0, -70), (90, -84)], 26),
        fade("#f0604f", "#d9415a"),
        inside=box(-94, -140, 94, -40),
    )
