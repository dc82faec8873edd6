"""Somebody reading in the big leather chair of an old library."""

# ruff: noqa: PLR0917  (x before y, left before right: coordinates read best in their own order)

from ..brush import Brush, fade, mix
from ..people import face, hand, head
from ..shapes import blob, both, box, ellipse, join, poly, ribbon

SKIN = "#8f563a"
WOOD = fade("#a9653f", "#7a4438")
SPINES = ("#d9574f", "#eda93c", "#3f8f8a", "#f3dcb4", "#5a5fa8", "#b5486b", "#7fa86a", "#e88a4f")


def library() -> Brush:
    """The picture of the library."""
    sheet = Brush(1152, 768, fade("#8a4f3f", "#6b3a3c"))
    for first, x in enumerate((-10, 383, 776)):
        _shelves(sheet, x, x + 386, first * 7)
    _floor(sheet)
    _lamp(sheet.at(300, 690))
    _pile(sheet.at(900, 716))
    _reader(sheet.at(590, 706, 0.72))
    b = poly((470, 60), (690, 60), (520, 768), (-60, 768))
    sheet.paint(b, "#ffe9b0", alpha=0.16, blur=22)
    return sheet


def _shelves(b: Brush, x0: float, x1: float, first: int) -> None:
    b.form(box(x0, -10, x1, 640), WOOD, depth=10)
    for row in range(4):
        top, low = 20 + row * 150, 150 + row * 150
        b.paint(box(x0 + 18, top, x1 - 18, low), fade("#45263a", "#5a3140"))
        x, index = x0 + 24, first + row * 9
        while x < x1 - 50:
            wide, high = 17 + index * 7 % 15, 84 + index * 29 % 36
            if index % 17 == 6 and x < x1 - 76:
                b.form(ellipse(x + 24, low - 22, 22), fade("#7fc4c0", "#3f8f9a"), depth=6)
                b.paint(box(x + 12, low - 6, x + 36, low), "#eda93c")
                x += 52
            else:
                _book(b, x, low, wide, high, SPINES[(index * 5 + row) % len(SPINES)])
                x += wide + 2
            index += 1
        b.form(box(x0, low, x1, low + 16), fade("#c07a4c", "#95573f"), depth=4)
        b.paint(box(x0 + 18, low + 16, x1 - 18, low + 34), "#2b1f3e", alpha=0.35, blur=5)


def _book(b: Brush, x: float, low: float, wide: float, high: float, colour: str) -> None:
    b.paint(
        box(x, low - high, x + wide, low, 3),
        fade(mix(colour, "#ffffff", 0.1), mix(colour, "#2b1f4e", 0.3), angle=0),
    )
    b.paint(
        box(x, low - high + 12, x + wide, low - high + 18) + box(x, low - 22, x + wide, low - 16),
        "#ffe9b8",
        alpha=0.6,
    )


def _floor(b: Brush) -> None:
    b.paint(box(-10, 620, 1170, 780), fade("#8f5240", "#6b3a3f"))
    b.paint(box(-10, 620, 1170, 636), "#5a2f3c", alpha=0.6)
    rug = ellipse(590, 706, 390, 62)
    b.paint(rug, fade("#c94f5a", "#9a3557"))
    b.paint(ellipse(590, 706, 360, 54), "#ffd98a", outside=ellipse(590, 706, 350, 51))
    b.paint(ellipse(590, 706, 330, 47), "#3f6f8f", alpha=0.55, outside=ellipse(590, 706, 290, 40))


def _lamp(b: Brush) -> None:
    b.cast(0, 2, 60, 11)
    b.form(ellipse(0, -4, 46, 11), "#c98f3c", depth=4)
    b.form(box(-5, -340, 5, -6), "#c98f3c", depth=2)
    b.glow(0, -340, 230, "#ffdf8f", 0.6)
    b.form(
        poly((-40, -420), (40, -420), (76, -320), (-76, -320)),
        fade("#fff3c9", "#ffc96b"),
        depth=8,
        strength=0.15,
    )
    b.paint(
        join(ribbon([(x * 0.55, -420), (x, -320)], 2, soft=False) for x in (-54, -28, 0, 28, 54)),
        "#e8a24a",
        alpha=0.5,
    )


def _pile(b: Brush) -> None:
    b.cast(0, 2, 100, 13)
    for index, (dx, wide, colour) in enumerate(
        ((0, 84, "#3f8f8a"), (8, 74, "#eda93c"), (-6, 78, "#d9574f"), (4, 62, "#5a5fa8"))
    ):
        y = -index * 27
        b.form(box(dx - wide, y - 26, dx + wide, y, 5), colour, depth=5)
        b.paint(box(dx - wide + 14, y - 21, dx + wide, y - 6), "#fff0d4")
    b.form(box(-30, -148, 20, -108, 8), fade("#ffffff", "#e3dcec"), depth=5)
    b.paint(ellipse(22, -128, 13), "#ece6f2", outside=ellipse(22, -128, 7))
    b.paint(ribbon([(-10, -156), (-4, -172), (-12, -188)], 5, 2), "#ffffff", alpha=0.5)


def _reader(b: Brush) -> None:
    b.cast(0, 2, 260, 26, 0.45)
    leather = fade("#8f5546", "#63353a")
    b.form(both(box(140, -20, 176, 12, 8), 0), "#5a3340", depth=4)
    b.form(
        blob(
            (-190, -40),
            (-196, -360),
            (-176, -500),
            (-110, -560),
            (0, -576),
            (110, -560),
            (176, -500),
            (196, -360),
            (190, -40),
        ),
        leather,
        depth=24,
    )
    b.paint(
        join(ellipse(x, y, 7) for x, y in ((-120, -440), (0, -520), (120, -440))),
        "#4f2a34",
        alpha=0.7,
    )
    b.form(box(-170, -170, 170, -20, 30), fade("#7f4a40", "#5a3038"), depth=14)
    navy = fade("#5b64a8", "#434a8a")
    body = blob(
        (-60, -400),
        (60, -400),
        (116, -360),
        (120, -240),
        (116, -130),
        (-116, -130),
        (-120, -240),
        (-116, -360),
    )
    jumper = fade("#ffcf6b", "#ee9f3f")
    b.form(body, jumper, depth=16)
    b.paint(
        join(poly((x, -350), (x + 11, -362), (x + 22, -350), (x + 11, -338)) for x in range(-62, 50, 25)),
        "#e2674c",
        inside=body,
    )
    for x in (-62, 62):
        b.form(ribbon([(x * 1.1, -26), (x * 1.15, -110)], 66, 78), navy, depth=10)
        b.form(ellipse(x * 1.12, -142, 56, 46), navy, depth=12)
        side = 1 if x > 0 else -1
        b.form(
            blob(
                (x * 1.1 - 40, 6),
                (x * 1.1 - 36, -30),
                (x * 1.1, -44),
                (x * 1.1 + 36, -30),
                (x * 1.1 + 40 + 8 * side, 6),
                (x * 1.1, 10),
            ),
            "#e2674c",
            depth=8,
        )
        b.paint(box(x * 1.1 - 34, -48, x * 1.1 + 34, -34, 6), "#fff0d4")
    b.form(both(box(136, -250, 216, -14, 38), 0), leather, depth=14, light=0.1)
    h = b.at(0, -500, 1.05)
    curls = (
        (-84, -30, 42),
        (-96, 10, 30),
        (-70, -78, 46),
        (-24, -104, 50),
        (28, -104, 50),
        (72, -76, 46),
        (86, -30, 42),
        (96, 10, 30),
    )
    h.form(join(ellipse(x, y, r) for x, y, r in curls), "#2f1d33", depth=10)
    head(h, SKIN)
    h.paint(
        join(ellipse(x, y, r) for x, y, r in ((-64, -66, 34), (-24, -82, 36), (22, -84, 36), (62, -68, 34))),
        "#2f1d33",
    )
    face(h.at(0, 14), SKIN, "#2f1d33", "smile", look=(0, 4))
    rims = both(ellipse(37, 18, 31, 29), 0)
    h.paint(rims, "#ffd977", outside=both(ellipse(37, 18, 26, 24), 0))
    h.paint(ribbon([(-8, 14), (8, 14)], 5), "#ffd977")
    _arms_and_book(b, jumper.colours[0], jumper.colours[1])


def _arms_and_book(b: Brush, light: str, dark: str) -> None:
    for side in (-1, 1):
        b.form(
            ribbon([(104 * side, -346), (146 * side, -262), (112 * side, -212)], 74, 66, 56),
            fade(light, dark),
            depth=11,
        )
    cover = poly((-124, -322), (0, -300), (124, -322), (132, -176), (0, -150), (-132, -176))
    b.form(cover, fade("#d9574f", "#a9344f"), depth=8)
    b.paint(poly((-3, -302), (3, -302), (3, -150), (-3, -150)), "#7a2340")
    b.paint(
        both(poly((24, -280), (106, -294), (112, -200), (24, -182)), 0),
        "#ffd98a",
        outside=both(poly((30, -275), (100, -287), (105, -205), (30, -189)), 0),
    )
    for side in (-1, 1):
        hand(b, 126 * side, -206, 29, SKIN)
        b.form(ribbon([(112 * side, -214), (92 * side, -222)], 20, 17), SKIN, depth=3)
