"""An old wizard with a starry robe and a very long beard."""

from ..brush import Brush, fade
from ..people import cheeks, eyes, head
from ..scenery import pine, stars
from ..shapes import Shape, blob, both, box, ellipse, poly, ribbon, ridge, scatter, star

ROBE = fade("#7a5cd0", "#4d3399")
TRIM = fade("#ffd977", "#eda93c")
SKIN = "#f5c7a3"
BEARD = fade("#ffffff", "#dfe0f2")


def wizard() -> Brush:
    """The picture of the wizard."""
    sheet = Brush(768, 960, fade("#2f7f9f", "#6fb9bb", "#b9dfc4", "#eef0c9"))
    _night(sheet)
    b = sheet.at(384, 0)
    b.cast(0, 886, 210, 26, 0.45)
    _robe(b)
    _staff(b)
    _head(b.at(0, 372, 1.05))
    _hat(b.at(0, 298, 0.98))
    b.at(0, 372, 1.05).form(both(ribbon([(17, -32), (44, -47), (76, -26)], 7, 19, 5), 0), BEARD, depth=4)
    return sheet


def _night(b: Brush) -> None:
    stars(b, 56, 768, 480)
    b.glow(650, 170, 230, "#fff2c0", 0.5)
    b.paint(ellipse(650, 170, 70), "#fff4cf", outside=ellipse(682, 154, 60))
    b.paint(
        ridge([(-20, 640), (130, 540), (280, 630), (470, 520), (640, 610), (790, 530)], 960),
        fade("#3f9a94", "#2f8088"),
    )
    for x, y, high in ((40, 740, 260), (130, 760, 180), (660, 740, 220), (740, 760, 300), (580, 740, 130)):
        pine(b, x, y, high, "#21606c")
    b.paint(
        ridge([(-20, 760), (200, 730), (420, 764), (620, 736), (790, 770)], 960), fade("#6fb98a", "#2f7a74")
    )
    for x, y in ((90, 860), (700, 880)):
        for dx, r in ((0, 24), (38, 16)):
            b.form(ribbon([(x + dx, y), (x + dx, y - r)], r * 0.7), "#fff1dc", depth=4)
            cap = ellipse(x + dx, y - r, r, r * 0.72)
            b.form(cap, "#ef5f5a", depth=5, inside=box(x + dx - r, y - r * 2, x + dx + r, y - r * 0.8))
    for spot in scatter(12, 40, 520, 740, 840):
        b.glow(*spot, 14, "#fff3a0", 0.7)


def _robe(b: Brush) -> None:
    for side in (-1, 1):
        b.form(
            blob(
                (58 * side - 44, 884),
                (58 * side - 30, 850),
                (58 * side + 30, 850),
                (58 * side + 44 + 10 * side, 884),
            ),
            "#5a3550",
            depth=7,
        )
    robe = blob(
        (-70, 450),
        (70, 450),
        (128, 520),
        (150, 680),
        (206, 850),
        (100, 872),
        (0, 876),
        (-100, 872),
        (-206, 850),
        (-150, 680),
        (-128, 520),
    )
    b.form(robe, ROBE, depth=26)
    _spangle(b, robe)
    b.paint(ribbon([(-208, 842), (-100, 864), (0, 868), (100, 864), (208, 842)], 20), TRIM, inside=robe)
    for x in (-84, 96):
        b.paint(ribbon([(x * 0.7, 640), (x, 760), (x * 1.15, 850)], 2, 10), "#3a2580", alpha=0.4, inside=robe)
    right = blob((92, 492), (150, 520), (196, 600), (190, 690), (140, 720), (112, 690), (120, 620), (90, 580))
    b.form(right, ROBE, depth=16)
    _spangle(b, right)
    b.paint(ribbon([(106, 690), (144, 722), (196, 692)], 15), TRIM)
    b.form(ellipse(146, 734, 30, 28), SKIN, depth=7)


def _spangle(b: Brush, shape: Shape) -> None:
    for index, (x, y) in enumerate(scatter(46, -210, 500, 210, 860)):
        spot = star(x, y, 15, 6.5, 5, index * 31) if index % 2 else ellipse(x, y, 4.5)
        b.paint(spot, "#ffd977", alpha=0.85, inside=shape)


def _staff(b: Brush) -> None:
    b.glow(-214, 298, 190, "#8ff5e0", 0.75)
    b.form(ribbon([(-214, 888), (-206, 640), (-216, 360)], 20, 18, 22), fade("#a06a48", "#6f4540"), depth=6)
    b.form(
        ribbon([(-216, 372), (-262, 330), (-258, 268), (-222, 246)], 20, 15, 11, 7)
        + ribbon([(-214, 372), (-172, 334), (-168, 282), (-188, 256)], 20, 15, 11, 7),
        fade("#a06a48", "#6f4540"),
        depth=5,
    )
    b.glow(-214, 298, 70, "#d9fff6", 0.5)
    gem = poly((-214, 238), (-184, 288), (-214, 352), (-244, 288))
    b.form(gem, fade("#f2fff8", "#6fe3d8"), depth=5)
    b.paint(poly((-214, 238), (-184, 288), (-214, 298)), "#bffaf0")
    b.paint(poly((-184, 288), (-214, 298), (-214, 352)), "#3fb9bd")
    left = blob(
        (-88, 484),
        (-140, 492),
        (-190, 524),
        (-202, 580),
        (-190, 640),
        (-160, 676),
        (-128, 650),
        (-108, 604),
        (-84, 590),
    )
    b.form(ellipse(-212, 572, 32, 30), SKIN, depth=7)
    b.form(left, ROBE, depth=16)
    _spangle(b, left)
    b.paint(ribbon([(-186, 522), (-205, 596), (-162, 674)], 15), TRIM)
    b.paint(
        ribbon([(-238, 564), (-224, 560), (-210, 562)], 4)
        + ribbon([(-238, 578), (-224, 575), (-210, 577)], 4),
        "#d9957c",
        alpha=0.8,
    )


def _head(b: Brush) -> None:
    b.form(both(blob((60, -20), (120, 20), (132, 110), (96, 150), (50, 100)), 0), BEARD, depth=12)
    head(b, SKIN)
    beard = blob(
        (-102, 14),
        (-70, 44),
        (0, 36),
        (70, 44),
        (102, 14),
        (122, 110),
        (94, 220),
        (40, 310),
        (0, 352),
        (-40, 310),
        (-94, 220),
        (-122, 110),
    )
    b.form(beard, BEARD, depth=22)
    for x, y, end in ((-56, 110, 230), (-20, 130, 300), (22, 140, 310), (58, 110, 230)):
        b.paint(ribbon([(x, y), (x * 1.1, (y + end) / 2), (x * 0.55, end)], 2, 6, 2), "#b9bbdd", alpha=0.7)
    cheeks(b, "#f2767a", 60, 22, 0.6)
    eyes(b, 36, -10, 0.95)
    b.form(ellipse(0, 20, 24, 20), "#f0ac8c", depth=6)
    moustache = ribbon([(0, 46), (-44, 58), (-92, 44), (-114, 20)], 20, 34, 22, 5)
    b.form(both(moustache, 0), BEARD, depth=7)
    b.paint(ribbon([(-14, 74), (0, 79), (14, 74)], 5, 7, 5), "#a8485a")


def _hat(b: Brush) -> None:
    brim = ellipse(0, 0, 186, 40)
    b.form(brim, fade("#6a4cc0", "#43308c"), depth=10)
    cone = blob(
        (-112, -4),
        (-92, -80),
        (-62, -160),
        (-10, -236),
        (66, -286),
        (112, -268),
        (92, -232),
        (66, -196),
        (84, -120),
        (112, -4),
        (60, 16),
        (-60, 16),
    )
    b.form(cone, ROBE, depth=24)
    b.paint(ribbon([(-114, -16), (-50, 4), (50, 4), (114, -16)], 32), TRIM, inside=cone)
    for x, y, r in ((-36, -76, 22), (38, -110, 17), (-8, -170, 15), (58, -50, 10), (44, -232, 10)):
        b.paint(star(x, y, r, r * 0.44), "#ffe39a")
