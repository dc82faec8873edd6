"""A hiker in a red parka, high up in the snow at dawn."""

# ruff: noqa: PLR0917  (x before y, left before right: coordinates read best in their own order)

from ..brush import Brush, fade, mix
from ..people import face, hand, head
from ..scenery import cloud, pine
from ..shapes import blob, both, box, ellipse, join, poly, ribbon, ridge, scatter

PARKA = fade("#f0604f", "#cf3550")
SKIN = "#f2c09a"


def mountain() -> Brush:
    """The picture of the mountain."""
    sheet = Brush(1152, 768, fade("#7fa8e0", "#b9c7f0", "#f7d3d8", "#ffe6c4"))
    _peaks(sheet)
    _slope(sheet)
    _hiker(sheet.at(690, 716, 0.64))
    for x, y in scatter(60, 0, 0, 1152, 768):
        sheet.paint(ellipse(x, y, 2.6), "#ffffff", alpha=0.75)
    return sheet


def _peaks(b: Brush) -> None:
    b.glow(250, 330, 330, "#fff3c4", 0.9)
    b.paint(ellipse(250, 330, 58), "#fffbe6")
    cloud(b, 940, 120, 110, "#ffffff", 0.75)
    cloud(b, 480, 90, 80, "#ffffff", 0.6)
    far = [(-20, 430), (90, 350), (170, 400), (300, 300), (400, 390), (520, 330), (640, 420), (1170, 380)]
    b.paint(ridge(far, 768, soft=False), fade("#c3c3ea", "#e3d0e6"))
    _peak(b, 1000, 190, 330, 560, "#8f93cf", "#6f76bb")
    _peak(b, 520, 270, 280, 560, "#a3a6da", "#858bc9")
    _peak(b, 1120, 270, 260, 560, "#9a9dd5", "#7c82c3")
    b.paint(
        ridge([(-20, 520), (200, 470), (420, 520), (700, 470), (960, 520), (1170, 460)], 768),
        fade("#d5d6f3", "#c0c6ec"),
    )
    for index, (x, y) in enumerate(
        (
            (60, 590),
            (130, 560),
            (210, 580),
            (300, 556),
            (380, 580),
            (880, 560),
            (950, 590),
            (1030, 556),
            (1100, 590),
        )
    ):
        pine(b, x, y, 110 + index * 37 % 50, "#5d7fa8", "#eef2ff")


def _peak(b: Brush, x: float, top: float, half: float, base: float, light: str, dark: str) -> None:
    b.paint(poly((x - half, base), (x, top), (x + half, base)), fade(light, "#c9c6ea"))
    b.paint(
        poly(
            (x, top),
            (x + half, base),
            (x + half * 0.16, base),
            (x + half * 0.1, (top + base) / 2),
            (x - half * 0.05, top + (base - top) * 0.3),
        ),
        fade(mix(light, dark, 0.7), "#b3b3e0"),
    )
    h = base - top
    snow = poly(
        (x, top),
        (x + half * 0.4, top + h * 0.4),
        (x + half * 0.26, top + h * 0.35),
        (x + half * 0.17, top + h * 0.46),
        (x + half * 0.05, top + h * 0.33),
        (x - half * 0.06, top + h * 0.48),
        (x - half * 0.18, top + h * 0.35),
        (x - half * 0.29, top + h * 0.45),
        (x - half * 0.4, top + h * 0.4),
    )
    b.paint(snow, "#fffaf5")
    b.paint(
        poly((x, top), (x + half, base), (x + half * 0.1, base), (x - half * 0.05, top + h * 0.3)),
        "#a5addf",
        alpha=0.85,
        inside=snow,
    )


def _slope(b: Brush) -> None:
    b.form(
        ridge([(-20, 640), (180, 590), (430, 640), (700, 600), (960, 640), (1170, 590)], 790),
        fade("#f4f4ff", "#dfe3fa"),
        depth=0,
    )
    pine(b, 90, 690, 300, "#3d6a8f", "#ffffff")
    pine(b, 232, 668, 190, "#4a789c", "#ffffff")
    pine(b, 1080, 680, 260, "#3d6a8f", "#ffffff")
    b.form(
        ridge([(-20, 700), (240, 676), (540, 690), (800, 664), (1170, 700)], 790),
        fade("#ffffff", "#e6e8fb"),
        depth=0,
    )
    for index in range(7):
        b.paint(ellipse(330 + index * 46, 742 - index * 5 + index % 2 * 11, 12, 5), "#c3c9ee")
    sign = b.at(430, 676)
    sign.cast(0, 2, 34, 8, 0.25)
    sign.form(box(-8, -150, 8, 4, 4), fade("#a9744f", "#7d5147", angle=0), depth=3)
    sign.form(
        poly((-70, -146), (58, -146), (84, -122), (58, -98), (-70, -98)), fade("#c98f5c", "#a06a48"), depth=5
    )
    sign.paint(poly((-40, -122), (-22, -138), (-4, -122), (8, -132), (28, -110), (-52, -110)), "#7d5147")
    sign.paint(poly((-22, -138), (-14, -131), (-22, -126), (-30, -131)), "#fff8ee")
    sign.paint(blob((-74, -148), (-30, -160), (20, -156), (60, -148), (30, -142), (-40, -140)), "#ffffff")


def _hiker(b: Brush) -> None:
    b.cast(0, 4, 170, 24, 0.3)
    b.form(box(-150, -470, 150, -220, 56), fade("#4f9a8f", "#2f7280"), depth=14)
    b.form(box(-150, -510, 150, -462, 24), fade("#ffd977", "#eda93c"), depth=8)
    for x in (-52, 52):
        b.form(ribbon([(x, -220), (x * 1.1, -110), (x * 1.1, -40)], 86, 74, 70), fade("#4a4f86", "#373a6c"))
        b.form(
            blob((x - 44, 0), (x - 42, -60), (x, -74), (x + 40, -60), (x + 48, -24), (x + 50, 0)),
            "#8f5a44",
            depth=9,
        )
        b.paint(box(x - 48, -8, x + 54, 4, 6), "#4a2f3c")
        b.paint(box(x - 42, -78, x + 42, -56, 10), "#ffe9cf")
    b.form(ribbon([(112, -430), (176, -350), (196, -270)], 88, 78, 66), PARKA, depth=12)
    b.form(ribbon([(-112, -430), (-170, -340), (-160, -250)], 88, 78, 66), PARKA, depth=12)
    hand(b, -158, -222, 34, "#3a3566")
    coat = blob(
        (-60, -470),
        (60, -470),
        (124, -430),
        (122, -320),
        (130, -170),
        (0, -156),
        (-130, -170),
        (-122, -320),
        (-124, -430),
    )
    b.form(coat, PARKA, depth=20)
    b.paint(box(-160, -380, 160, -330), "#fff0d4", inside=coat)
    b.paint(box(-160, -350, 160, -330), "#ffcf6b", inside=coat)
    b.paint(ribbon([(0, -460), (0, -160)], 6), "#8a2048", alpha=0.6)
    b.paint(both(ribbon([(76, -460), (84, -330), (92, -200)], 19), 0), "#2f6a70")
    b.form(both(box(40, -262, 104, -200, 12), 0), fade("#d9475a", "#b82f50"), depth=5)
    b.form(ribbon([(214, -330), (236, 0)], 9), "#5a4a6a", depth=3)
    b.form(box(204, -336, 226, -276, 8), "#2c2038", depth=3)
    b.paint(ellipse(234, -18, 22, 6), "#5a4a6a")
    hand(b, 208, -262, 34, "#3a3566")
    b.form(ribbon([(-84, -458), (0, -436), (84, -458)], 58), fade("#ffd977", "#f0b04a"), depth=9)
    h = b.at(0, -566, 1.08, 2)
    head(h, SKIN)
    h.paint(
        blob(
            (-99, -8),
            (-96, -70),
            (96, -70),
            (99, -8),
            (84, -40),
            (60, -34),
            (40, -46),
            (10, -30),
            (-16, -46),
            (-50, -34),
            (-84, -40),
        ),
        "#8a4f38",
    )
    face(h.at(0, 10), SKIN, "#8a4f38", "laugh", look=(-3, 0))
    cap = blob((-108, -44), (-98, -104), (-50, -142), (0, -150), (50, -142), (98, -104), (108, -44), (0, -56))
    h.form(cap, fade("#4fa7a0", "#33808a"), depth=14)
    h.paint(
        join(ribbon([(x * 0.4, -148), (x, -100), (x * 1.15, -50)], 5) for x in (-80, -40, 0, 40, 80)),
        "#2a6a78",
        alpha=0.4,
        inside=cap,
    )
    h.form(
        ribbon([(-108, -46), (-60, -60), (0, -64), (60, -60), (108, -46)], 34),
        "#fff0d4",
        depth=7,
        strength=0.2,
    )
    h.form(ellipse(0, -160, 30), "#fff0d4", depth=8, strength=0.22)
