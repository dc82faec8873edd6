"""A captain with a red beard, a tricorn and a parrot."""

from ..brush import Brush, fade
from ..people import INK, brows, cheeks, head
from ..scenery import cloud
from ..shapes import arc, blob, both, box, ellipse, join, poly, ribbon, ridge

SKIN = "#eeb184"
COAT = fade("#34508f", "#243468")
GOLD = fade("#ffd977", "#eda93c")
BEARD = fade("#d8603a", "#a83a35")


def pirate() -> Brush:
    """The picture of the pirate."""
    sheet = Brush(768, 960, fade("#ffb37a", "#ffd3a0", "#ffeccb"))
    _sea(sheet)
    b = sheet.at(384, 0)
    b.cast(0, 886, 190, 24)
    _legs(b)
    _body(b)
    _head(b.at(0, 330, 1.12, 2))
    _parrot(b.at(190, 452, 0.95))
    return sheet


def _sea(b: Brush) -> None:
    b.glow(110, 310, 240, "#fffbe0", 0.8)
    b.paint(ellipse(110, 310, 58), "#fff8df")
    cloud(b, 150, 170, 120, "#fff3e2")
    cloud(b, 660, 130, 90, "#fff3e2", 0.7)
    b.paint(box(-10, 540, 780, 800), fade("#4fb3b5", "#2f8299"))
    for row in range(5):
        y = 560 + row * 34
        b.paint(
            join(
                ribbon([(x, y), (x + 22, y - 6), (x + 44, y)], 2, 5, 2)
                for x in range(-30 + row * 37 % 60, 780, 110)
            ),
            "#c9f2e6",
            alpha=0.6,
        )
    _ship(b.at(130, 556))
    b.form(
        ridge([(-20, 770), (200, 742), (420, 764), (640, 740), (790, 766)], 970),
        fade("#ffe2a8", "#eab778"),
        depth=0,
    )
    b.paint(ribbon([(-20, 769), (200, 741), (420, 763), (640, 739), (790, 765)], 10), "#f3fffa", alpha=0.8)
    b.form(ellipse(92, 880, 30, 16), "#f49a8a", depth=5)
    b.form(ellipse(690, 850, 22, 12), "#ffffff", depth=5)


def _ship(b: Brush) -> None:
    b.form(poly((-84, -34), (92, -34), (66, 12), (-60, 12)), "#8a4f48", depth=8)
    b.paint(box(-78, -28, 86, -18), "#ffd977")
    b.paint(box(-3, -170, 4, -30), "#5a3340")
    b.form(
        blob((-56, -142), (0, -150), (58, -142), (70, -90), (58, -50), (0, -58), (-56, -50), (-44, -94)),
        "#fff5e0",
        depth=10,
    )
    b.paint(poly((4, -172), (44, -160), (4, -148)), "#3a2a52")


def _legs(b: Brush) -> None:
    x = -56
    b.form(ribbon([(x, 680), (x, 780)], 92, 84), fade("#8f5a4c", "#6f4145"))
    b.form(box(x - 40, 768, x + 40, 868, 14), "#3f2838", depth=9)
    b.form(blob((x - 54, 884), (x - 40, 842), (x, 832), (x + 40, 844), (x + 42, 884)), "#3f2838", depth=8)
    b.form(ribbon([(x - 44, 774), (x, 782), (x + 44, 774)], 26), "#6b4353", depth=5)
    b.form(box(-x - 42, 690, -x + 42, 800, 24), fade("#8f5a4c", "#6f4145"), depth=10)
    b.form(
        poly((-x - 24, 796), (-x + 24, 796), (-x + 15, 884), (-x - 15, 884)),
        fade("#c98f5c", "#96603f", angle=0),
        depth=5,
    )
    b.form(box(-x - 34, 786, -x + 34, 808, 9), "#7a4a3f", depth=4)


def _body(b: Brush) -> None:
    b.form(ribbon([(118, 490), (196, 580), (150, 664)], 92, 84, 76), COAT, depth=14)
    b.form(ribbon([(-118, 490), (-200, 580), (-150, 664)], 92, 84, 76), COAT, depth=14)
    shirt = blob((-70, 430), (70, 430), (120, 500), (110, 710), (-110, 710), (-120, 500))
    b.form(shirt, "#fff5e6", depth=14, strength=0.2)
    b.paint(join(box(-140, y, 140, y + 17) for y in range(446, 720, 36)), "#e2574c", inside=shirt)
    b.form(
        blob((-104, 690), (104, 690), (106, 744), (40, 776), (0, 748), (-40, 776), (-106, 744)),
        "#8f5a4c",
        depth=8,
    )
    for side in (-1, 1):
        flap = blob(
            (58 * side, 436),
            (128 * side, 478),
            (136 * side, 600),
            (176 * side, 790),
            (112 * side, 806),
            (76 * side, 730),
            (62 * side, 560),
        )
        b.form(flap, COAT, depth=14)
        b.paint(
            ribbon([(56 * side, 450), (62 * side, 560), (78 * side, 730), (112 * side, 802)], 11),
            GOLD,
            inside=flap,
        )
        b.form(join(ellipse(92 * side, y, 10) for y in (540, 592, 644)), GOLD, depth=3)
        b.form(ribbon([(120 * side, 650), (178 * side, 684)], 36), fade("#e9574c", "#c9364f"), depth=6)
        b.form(ribbon([(70 * side, 474), (124 * side, 462), (160 * side, 492)], 10, 30, 10), GOLD, depth=5)
    b.form(ellipse(-124, 712, 36, 34), SKIN, depth=8)
    belt = ribbon([(-84, 686), (0, 702), (84, 686)], 34)
    b.form(belt, "#5a3340", depth=6)
    b.form(box(-31, 670, 31, 726, 10), GOLD, depth=5)
    b.paint(box(-17, 684, 17, 712, 4), "#5a3340")
    hook = ribbon([(122, 712), (122, 744), (138, 776), (174, 766), (176, 736)], 13, 13, 13, 12, 6)
    b.form(arc(124, 706, 31, 28, 0, 360), fade("#8f96b4", "#666d94"), depth=6)
    b.form(hook, fade("#eef3fa", "#a5b4cd"), depth=4)


def _head(b: Brush) -> None:
    b.form(blob((-92, -40), (92, -40), (128, 60), (110, 120), (-110, 120), (-128, 60)), BEARD, depth=10)
    head(b, SKIN)
    beard = blob(
        (-102, -6),
        (-80, 40),
        (-30, 34),
        (0, 40),
        (30, 34),
        (80, 40),
        (102, -6),
        (120, 70),
        (98, 136),
        (62, 128),
        (40, 174),
        (0, 150),
        (-40, 174),
        (-62, 128),
        (-98, 136),
        (-120, 70),
    )
    b.form(beard, BEARD, depth=18, light=0.15)
    cheeks(b, "#ef5f5a", 58, 22, 0.5)
    b.paint(ellipse(38, -4, 10, 14), INK)
    b.paint(ellipse(35, -10, 4), "#ffffff")
    brows(b, "#a83a35", 38, -34, 8, 13)
    b.paint(ribbon([(-96, -20), (-38, -12), (0, -44), (70, -72)], 6), "#2c2038")
    b.form(blob((-66, -22), (-38, -28), (-10, -22), (-14, 12), (-38, 24), (-62, 12)), "#2c2038", depth=5)
    b.form(ellipse(0, 22, 20, 17), "#e3956f", depth=6)
    grin = arc(0, 66, 34, 30, 0, 180)
    b.paint(grin, "#6e1f33")
    b.paint(box(-40, 60, 40, 75), "#ffffff", inside=grin)
    b.paint(box(8, 60, 19, 75), "#ffcf4f", inside=grin)
    b.form(both(ribbon([(0, 46), (-40, 58), (-78, 52), (-104, 30)], 18, 30, 18, 5), 0), BEARD, depth=7)
    b.form(ellipse(-104, 48, 13), GOLD, depth=3)
    b.paint(ellipse(-104, 48, 6.5), "#a83a35")
    _hat(b.at(0, -20))


def _hat(b: Brush) -> None:
    crown = blob((-98, -60), (-84, -140), (0, -172), (84, -140), (98, -60))
    b.form(crown, fade("#3f3a68", "#2a2450"), depth=14)
    brim = blob(
        (-186, -98),
        (-120, -88),
        (-60, -118),
        (0, -132),
        (60, -118),
        (120, -88),
        (186, -98),
        (150, -46),
        (70, -36),
        (0, -30),
        (-70, -36),
        (-150, -46),
    )
    b.form(brim, fade("#4a4478", "#2f2a58"), depth=14)
    b.paint(
        ribbon([(-184, -96), (-120, -86), (-60, -116), (0, -130), (60, -116), (120, -86), (184, -96)], 9),
        GOLD,
    )
    b.form(ellipse(0, -84, 25, 23) + box(-13, -74, 13, -50, 5), "#fff5e6", depth=5, strength=0.2)
    b.paint(both(ellipse(9, -82, 6.5, 7.5), 0), "#2f2a58")
    b.paint(poly((0, -74), (4, -67), (-4, -67)), "#2f2a58")


def _parrot(b: Brush) -> None:
    b.form(ribbon([(6, -10), (34, 60), (50, 118)], 34, 26, 10), fade("#3f8fd0", "#2c5fae"), depth=6)
    body = blob((-30, -120), (10, -134), (44, -100), (46, -30), (18, 16), (-20, 6), (-38, -50))
    b.form(body, fade("#5fd07f", "#2f9f6d"), depth=12, light=0.25)
    b.form(blob((2, -76), (44, -64), (54, -10), (34, 34), (10, -10)), fade("#3fb9a0", "#2f7fb0"), depth=7)
    b.paint(ellipse(-20, -50, 18, 30), "#ffe27a", alpha=0.75, blur=4, inside=body)
    b.form(ellipse(-2, -124, 40, 36), fade("#f0604f", "#d8414f"), depth=9)
    b.paint(ellipse(-16, -128, 17, 15), "#ffffff")
    b.paint(ellipse(-18, -128, 6.5, 7.5), INK)
    b.paint(ellipse(-20, -131, 2.2), "#ffffff")
    b.form(
        blob((-34, -134), (-58, -120), (-56, -96), (-46, -104), (-32, -108)),
        fade("#ffd04f", "#f09a3a"),
        depth=4,
    )
    b.paint(ribbon([(-16, 12), (-20, 24)], 6) + ribbon([(6, 14), (4, 26)], 6), "#f09a3a")
