"""A fox in a checked coat, out in the autumn."""

from ..brush import Brush, fade
from ..people import INK, cheeks
from ..scenery import tree
from ..shapes import (
    Shape,
    blob,
    both,
    box,
    ellipse,
    join,
    poly,
    ribbon,
    ridge,
    scatter,
    stripes,
    turned,
)

FUR = fade("#f79a4b", "#e5703a")
CREAM = "#fff1dc"
COAT = fade("#3f7f86", "#2b5a70")


def fox() -> Brush:
    """The picture of the fox."""
    sheet = Brush(768, 960, fade("#fbd9a0", "#fdeccb", "#fff5e0"))
    _woods(sheet)
    b = sheet.at(384, 0)
    b.cast(0, 886, 180, 24)
    _tail(b)
    _legs(b)
    _coat(b)
    _arms(b)
    _scarf(b)
    _head(b.at(0, 296, 1.2, 4))
    return sheet


def _woods(b: Brush) -> None:
    b.paint(
        ridge([(-20, 620), (150, 560), (380, 610), (600, 550), (790, 600)], 960), fade("#e9d9a8", "#d9c98f")
    )
    tree(b, 40, 660, 200, fade("#ecc98a", "#dcae74"))
    tree(b, 730, 640, 160, fade("#eed39a", "#dfb880"))
    b.paint(
        ridge([(-20, 730), (200, 700), (420, 730), (620, 700), (790, 740)], 960), fade("#c9c78f", "#98a06c")
    )
    for index, (x, y) in enumerate(scatter(30, 0, 770, 768, 950)):
        b.paint(_leaf(x, y, 15, index * 67), ("#f6c14f", "#e2603b", "#f49a45", "#a9483b")[index % 4])
    for x, y, turn in (
        (90, 190, 20),
        (660, 120, 80),
        (600, 300, 140),
        (150, 80, 200),
        (230, 250, 300),
        (700, 420, 10),
    ):
        b.form(_leaf(x, y, 22, turn), ("#e2603b", "#f0913f")[turn % 40 // 20], depth=5)


def _leaf(x: float, y: float, r: float, turn: float) -> Shape:
    return turned(
        blob(
            (x, y - r),
            (x + r * 0.55, y - r * 0.2),
            (x + r * 0.2, y + r * 0.7),
            (x, y + r),
            (x - r * 0.2, y + r * 0.7),
            (x - r * 0.55, y - r * 0.2),
        ),
        turn,
        (x, y),
    )


def _tail(b: Brush) -> None:
    tail = blob(
        (40, 800),
        (140, 838),
        (236, 806),
        (286, 700),
        (262, 590),
        (226, 530),
        (214, 620),
        (188, 690),
        (110, 730),
        (50, 740),
    )
    b.form(tail, FUR, depth=18, light=0.2)
    tip = blob((226, 500), (320, 560), (280, 640), (258, 622), (240, 644), (222, 622), (196, 640))
    b.paint(tip, CREAM, inside=tail)


def _legs(b: Brush) -> None:
    for side in (-1, 1):
        x = 54 * side
        b.form(ribbon([(x, 700), (x, 800), (x, 850)], 76, 66, 62), fade("#6b4a56", "#553a4c"))
        b.form(
            blob((x - 38, 884), (x - 40, 846), (x, 826), (x + 40, 846), (x + 40 + 14 * side, 884), (x, 888)),
            "#3f2838",
            depth=8,
        )


def _coat(b: Brush) -> None:
    coat = blob(
        (-60, 430),
        (60, 430),
        (122, 480),
        (128, 600),
        (166, 790),
        (90, 822),
        (0, 828),
        (-90, 822),
        (-166, 790),
        (-128, 600),
        (-122, 480),
    )
    b.form(coat, COAT, depth=22)
    _check(b, coat)
    b.paint(blob((70, 520), (200, 520), (200, 840), (90, 840)), "#1d2650", alpha=0.3, inside=coat, blur=16)
    b.paint(ribbon([(6, 450), (10, 640), (4, 824)], 5), "#1f4257")
    b.form(join(ellipse(-22, y, 12) for y in (568, 638, 708)), "#f0c27a", depth=4)
    for side in (-1, 1):
        b.form(box(82 * side - 34, 686, 82 * side + 34, 702, 8), "#27506a", depth=3)


def _arms(b: Brush) -> None:
    paw = "#3f2838"
    b.form(ellipse(150, 704, 35, 37), paw, depth=7)
    b.form(_leaf(-196, 330, 62, 12), fade("#f0705a", "#d9415a"), depth=9)
    b.paint(ribbon([(-190, 420), (-197, 340), (-208, 288)], 5, 4, 2), "#a82f48")
    b.paint(ribbon([(-197, 350), (-222, 326)], 3, 2) + ribbon([(-197, 346), (-176, 322)], 3, 2), "#a82f48")
    b.form(ellipse(-192, 428, 35, 37), paw, depth=7)
    b.form(ellipse(-166, 414, 20, 12, -50), paw, depth=3)
    for points, cuff in (
        ([(104, 494), (160, 570), (152, 664)], [(112, 668), (152, 676), (192, 664)]),
        ([(-104, 494), (-186, 548), (-194, 474)], [(-232, 466), (-194, 462), (-154, 468)]),
    ):
        sleeve = ribbon(points, 88, 80, 70)
        b.form(sleeve, COAT, depth=14, strength=0.5)
        _check(b, sleeve)
        b.form(ribbon(cuff, 24), "#f0c27a", depth=5)


def _check(b: Brush, shape: Shape) -> None:
    b.paint(stripes(-220, 430, 220, 840, 46, 12), "#9fd0bd", alpha=0.3, inside=shape)
    b.paint(join(box(-220, y, 220, y + 12) for y in range(448, 840, 46)), "#9fd0bd", alpha=0.3, inside=shape)
    b.paint(stripes(-208, 430, 220, 840, 46, 3), "#f0a24c", alpha=0.6, inside=shape)
    b.paint(join(box(-220, y, 220, y + 3) for y in range(472, 840, 46)), "#f0a24c", alpha=0.6, inside=shape)


def _scarf(b: Brush) -> None:
    red = fade("#e9574c", "#c9364f")
    tail = poly((34, 450), (96, 452), (112, 590), (48, 598))
    b.form(tail, red, depth=8)
    b.paint(join(box(20, y, 130, y + 12) for y in (500, 540)), "#ffd98a", inside=tail)
    b.paint(join(box(52 + 12 * k, 588, 58 + 12 * k, 616, 3) for k in range(5)), "#c9364f")
    band = blob((-112, 412), (0, 424), (112, 412), (122, 462), (64, 496), (0, 502), (-64, 496), (-122, 462))
    b.form(band, red, depth=12)
    b.paint(stripes(-130, 400, 130, 520, 52, 13, -8), "#ffd98a", inside=band)


def _head(b: Brush) -> None:
    ear = blob((-104, -52), (-112, -128), (-96, -176), (-56, -136), (-18, -84))
    b.form(both(ear, 0), FUR, depth=10)
    b.paint(both(blob((-90, -70), (-98, -124), (-90, -148), (-66, -118), (-42, -84)), 0), "#5a2f3c")
    b.paint(both(blob((-84, -66), (-84, -104), (-70, -100), (-50, -78)), 0), "#f7b98f")
    outline = blob(
        (0, -104),
        (64, -88),
        (108, -34),
        (132, 30),
        (150, 62),
        (108, 76),
        (52, 104),
        (0, 114),
        (-52, 104),
        (-108, 76),
        (-150, 62),
        (-132, 30),
        (-108, -34),
        (-64, -88),
    )
    b.form(outline, FUR, depth=16, strength=0.28)
    muzzle = blob(
        (0, 10),
        (24, 24),
        (70, 20),
        (120, 34),
        (160, 66),
        (104, 84),
        (52, 110),
        (0, 122),
        (-52, 110),
        (-104, 84),
        (-160, 66),
        (-120, 34),
        (-70, 20),
        (-24, 24),
    )
    b.paint(muzzle, fade("#fff8ea", "#fbe3c4"), inside=outline)
    b.paint(
        blob((0, -104), (20, -50), (12, 0), (0, 14), (-12, 0), (-20, -50)),
        "#fbb469",
        alpha=0.6,
        inside=outline,
        blur=4,
    )
    cheeks(b, "#f2767a", 88, 50, 0.45)
    for x in (-52, 52):
        b.paint(ellipse(x, 2, 12, 15), INK)
        b.paint(ellipse(x - 4, -4, 4.6), "#ffffff")
        b.paint(ellipse(x + 4, 8, 2.2), "#ffffff", alpha=0.7)
        b.paint(ribbon([(x - 16, -28), (x, -34), (x + 16, -27)], 3, 7, 3), "#a8482c")
    b.form(blob((-22, 42), (0, 36), (22, 42), (14, 60), (0, 68), (-14, 60)), "#3a2233", depth=5)
    b.paint(ellipse(-7, 45, 6, 3.4), "#ffffff", alpha=0.6)
    b.paint(ribbon([(0, 66), (0, 78)], 5), "#5a2f3c")
    b.paint(both(ribbon([(0, 77), (16, 88), (32, 75)], 4.5), 0), "#5a2f3c")
