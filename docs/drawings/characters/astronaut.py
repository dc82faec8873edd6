"""An astronaut waving among planets."""

from ..brush import Brush, fade
from ..people import face, head
from ..scenery import stars
from ..shapes import blob, both, box, ellipse, join, mirrored, ribbon, ridge, star, turned

WHITE = fade("#ffffff", "#d8dcf2", angle=60)
ORANGE = fade("#ffa552", "#f0743e")
SKIN = "#a9683f"


def astronaut() -> Brush:
    """The picture of the astronaut."""
    sheet = Brush(768, 960, fade("#15163f", "#221f5c", "#33297a", "#4f3a92"))
    _space(sheet)
    b = sheet.at(384, 0)
    b.cast(0, 884, 180, 24, 0.5)
    _pack(b)
    _legs(b)
    _body(b)
    _helmet(b.at(0, 300, 1.0, 4))
    return sheet


def _space(b: Brush) -> None:
    stars(b, 70, 768, 640)
    x, y = 668, 118
    b.glow(x, y, 150, "#ffcf8a", 0.3)
    planet = ellipse(x, y, 66)
    tan = fade("#ffd99a", "#f2955f", "#d9607a", angle=70)
    b.form(planet, tan, depth=20, strength=0.45)
    for dy, high in ((-34, 8), (30, 7)):
        b.paint(ellipse(x, y + dy, 90, high, -14), "#fff0c9", alpha=0.4, inside=planet)
    b.paint(ellipse(x, y, 122, 26, -18), "#ffe7bd", alpha=0.9, outside=ellipse(x, y, 100, 16, -18))
    upper = turned(box(x - 200, y - 200, x + 200, y), -18, (x, y))
    b.form(planet, tan, depth=20, strength=0.45, inside=upper)
    b.paint(ellipse(x, y - 34, 90, 8, -14), "#fff0c9", alpha=0.4, inside=planet)
    ground = ridge([(-20, 800), (160, 772), (390, 790), (600, 764), (790, 796)], 960)
    b.paint(
        ridge([(-20, 740), (120, 700), (260, 742), (460, 700), (640, 730), (790, 680)], 960),
        fade("#4a3d86", "#3a3072"),
    )
    b.form(ground, fade("#6f62a6", "#4a4186"), depth=0)
    for x, y, r in ((90, 870, 54), (690, 850, 42), (590, 930, 60), (250, 935, 40)):
        b.paint(ellipse(x, y, r, r * 0.3), "#3a3270", alpha=0.6)
        b.paint(ellipse(x, y + r * 0.09, r * 0.92, r * 0.24), "#6a5fa3", alpha=0.8)


def _pack(b: Brush) -> None:
    b.form(box(-150, 430, 150, 690, 44), fade("#a3a8cf", "#777cab"))


def _legs(b: Brush) -> None:
    for side in (-1, 1):
        x = 64 * side
        b.form(ribbon([(x * 0.85, 680), (x * 1.05, 770), (x * 1.1, 838)], 104, 96, 92), WHITE, depth=16)
        b.paint(ribbon([(x * 1.05 - 48, 770), (x * 1.05, 780), (x * 1.05 + 48, 770)], 13), ORANGE)
        boot = blob((16, 880), (16, 838), (70, 818), (116, 838), (128, 880), (70, 886))
        b.form(boot if side > 0 else mirrored(boot, 0), ORANGE, depth=12)
        b.paint(box(72 * side - 60, 872, 72 * side + 60, 888, 8), "#6b3c6e")


def _body(b: Brush) -> None:
    b.form(ribbon([(124, 480), (196, 560), (186, 660)], 94, 84, 74), WHITE, depth=14)
    b.paint(ribbon([(152, 622), (186, 630), (222, 618)], 14), ORANGE)
    b.form(ellipse(184, 682, 42, 40), ORANGE, depth=10)
    b.form(ribbon([(-122, 486), (-222, 462), (-246, 350)], 94, 84, 74), WHITE, depth=14)
    b.paint(ribbon([(-282, 376), (-246, 386), (-208, 374)], 14), ORANGE)
    glove = (
        ellipse(-250, 306, 42, 44)
        + ribbon([(-276, 290), (-290, 250)], 26)
        + ribbon([(-252, 280), (-256, 238)], 28)
        + ribbon([(-228, 286), (-222, 246)], 26)
        + ribbon([(-222, 316), (-190, 296)], 26)
    )
    b.form(glove, ORANGE, depth=9)
    suit = blob(
        (-70, 420),
        (70, 420),
        (140, 470),
        (138, 580),
        (124, 690),
        (60, 730),
        (-60, 730),
        (-124, 690),
        (-138, 580),
        (-140, 470),
    )
    b.form(suit, WHITE, depth=24)
    b.paint(ribbon([(-140, 660), (0, 684), (140, 660)], 22), ORANGE, inside=suit)
    b.form(box(-66, 520, 66, 626, 18), fade("#8f96c4", "#6a6fa5"), depth=8)
    b.paint(box(-50, 536, 16, 574, 8), fade("#8df0d8", "#3fb7c2"))
    b.paint(ribbon([(-44, 560), (-30, 548), (-18, 562), (-4, 546), (10, 556)], 3.5, soft=False), "#f6fffb")
    b.form(ellipse(42, 555, 14), "#ff6a5c", depth=4)
    b.paint(join(box(-48 + 34 * k, 590, -24 + 34 * k, 608, 6) for k in range(3)), "#ffd56b")
    b.form(ellipse(-104, 484, 27), fade("#4f7fd0", "#3355a8"), depth=5)
    b.paint(star(-104, 484, 17, 7.5), "#fff0d4")
    b.form(ribbon([(-88, 436), (0, 456), (88, 436)], 46), fade("#c3c7e6", "#8f94c4"), depth=8)


def _helmet(b: Brush) -> None:
    b.form(both(box(128, -34, 164, 44, 16), 0), ORANGE, depth=7)
    b.form(ellipse(0, 0, 158, 152), WHITE, depth=20)
    glass = ellipse(0, 6, 132, 122)
    b.paint(ellipse(0, 6, 138, 128), "#9aa0cc")
    b.paint(glass, fade("#3f4f9a", "#6a74bd"))
    h = b.at(0, 20, 0.98)
    hair = join(
        ellipse(x, y, r)
        for x, y, r in (
            (-76, -36, 40),
            (-52, -72, 42),
            (0, -84, 46),
            (52, -72, 42),
            (76, -36, 40),
            (-88, 10, 30),
            (88, 10, 30),
        )
    )
    b.paint(hair, "#2f1d33", inside=glass)
    head(h.at(0, 8, 0.88), SKIN)
    h.paint(
        join(ellipse(x, y, r) for x, y, r in ((-52, -58, 34), (-16, -72, 34), (24, -72, 34), (58, -56, 32))),
        "#2f1d33",
    )
    face(h.at(0, 16, 0.88), SKIN, "#2f1d33", "grin", look=(-3, -2))
    b.paint(
        blob((-104, 30), (-112, -30), (-72, -88), (-22, -104), (-64, -64), (-88, -12)), "#ffffff", alpha=0.42
    )
    b.paint(glass, "#9fd4ff", alpha=0.2, outside=ellipse(-16, -12, 128, 118))
    b.paint(ribbon([(120, -110), (150, -168)], 8), "#c3c7e6")
    b.glow(152, -176, 40, "#ff8a7a", 0.6)
    b.form(ellipse(152, -176, 14), "#ff6a5c", depth=4)
