"""Somebody in a yellow raincoat at the fruit market."""

from ..brush import Brush, fade
from ..people import face, hand, head
from ..scenery import lamp_light
from ..shapes import arc, blob, both, box, ellipse, join, poly, ribbon, scatter

SKIN = "#d99a6c"
YELLOW = fade("#ffd95f", "#f2ae2f")


def market() -> Brush:
    """The picture of the market."""
    sheet = Brush(1152, 768, fade("#4f7f9a", "#7fa9b8", "#b9cfcb"))
    _houses(sheet)
    _street(sheet)
    _stall(sheet.at(250, 640), ("#e2574c", "#f0a03f", "#8fbf5f"), "#d9475a")
    _stall(sheet.at(960, 640), ("#9a5fa8", "#f2c14f", "#e2674c"), "#3f8f8a")
    _shopper(sheet.at(600, 722, 0.68))
    for x, y in scatter(150, -20, -60, 1160, 740):
        sheet.paint(poly((x, y), (x + 2, y), (x - 9, y + 44), (x - 11, y + 44)), "#e6f4f8", alpha=0.34)
    return sheet


def _houses(b: Brush) -> None:
    for x, wide, top, colour in (
        (-10, 190, 120, "#5a7f9f"),
        (180, 150, 60, "#6b8aa8"),
        (330, 170, 150, "#7f9fb3"),
        (500, 130, 210, "#9ab5bf"),
        (630, 150, 170, "#86a5b5"),
        (780, 180, 70, "#6688a5"),
        (960, 210, 130, "#577c9c"),
    ):
        b.paint(box(x, top, x + wide, 640), fade(colour, "#a9c3c6"))
        b.paint(poly((x - 8, top), (x + wide * 0.5, top - 60), (x + wide + 8, top)), "#4a6488")
        for row in range(3):
            for k in range(int(wide / 56)):
                wx, wy = x + 24 + 54 * k, top + 36 + row * 82
                lit = (row + k + int(x)) % 3 == 0
                b.paint(
                    box(wx, wy, wx + 26, wy + 44, 10),
                    "#ffe3a0" if lit else "#4f7490",
                    alpha=0.9 if lit else 0.55,
                )
    b.paint(box(-100, 420, 1260, 660), "#d5e5e0", alpha=0.5, blur=60)


def _street(b: Brush) -> None:
    b.paint(box(-10, 610, 1170, 780), fade("#7f9fae", "#4f6f8f"))
    b.paint(join(ellipse(x, y, 46, 7) for x, y in scatter(34, 0, 630, 1152, 768)), "#a9c6cf", alpha=0.3)
    b.paint(ellipse(600, 742, 250, 24), "#c3dbe0", alpha=0.6)
    b.paint(box(520, 730, 680, 766), "#f2ae2f", alpha=0.4, inside=ellipse(600, 742, 250, 24), blur=8)
    for x, y in ((130, 738), (420, 690), (900, 742), (1060, 700), (780, 690)):
        b.paint(ellipse(x, y, 50, 9), "#c3dbe0", alpha=0.5)
        b.paint(ellipse(x, y, 28, 5), "#ffffff", alpha=0.6, outside=ellipse(x, y, 24, 3.6))


def _stall(b: Brush, fruits: tuple[str, str, str], colour: str) -> None:
    b.cast(0, 40, 260, 22)
    b.paint(both(box(184, -330, 198, 30), 0), "#6b4450")
    b.paint(box(-200, -260, 200, -60), "#3f3560", alpha=0.55)
    for x in (-90, 90):
        lamp_light(b, x, -236, 12)
    for row, y in enumerate((-150, -84)):
        b.form(box(-200 - row * 8, y, 200 + row * 8, y + 64, 6), fade("#c98f5c", "#a06a48"), depth=6)
        for k in range(3):
            x0 = -186 + k * 128
            fruit = fruits[(k + row) % 3]
            for level, count in ((0, 5), (-17, 4), (-32, 2)):
                for n in range(count):
                    b.form(
                        ellipse(x0 + 58 + (n - (count - 1) / 2) * 24, y - 4 + level, 14),
                        fruit,
                        depth=4,
                        light=0.3,
                    )
            b.paint(
                box(x0 + 6, y + 16, x0 + 110, y + 22) + box(x0 + 6, y + 38, x0 + 110, y + 44),
                "#7d4f44",
                alpha=0.5,
            )
    b.form(box(-214, -20, 214, 34, 6), fade("#8f5f58", "#6b4450"), depth=6)
    width = 460 / 8
    edges = join(arc(-230 + width * (k + 0.5), -282, width / 2, 24, 0, 180) for k in range(8))
    cloth = poly((-190, -372), (190, -372), (230, -280), (-230, -280))
    b.form(cloth + edges, "#fff3e0", depth=8, strength=0.2)
    for k in range(0, 8, 2):
        b.paint(
            poly(
                (-190 + 47.5 * k, -372),
                (-190 + 47.5 * (k + 1), -372),
                (-230 + width * (k + 1), -280),
                (-230 + width * k, -280),
            )
            + arc(-230 + width * (k + 0.5), -282, width / 2, 24, 0, 180),
            colour,
        )


def _shopper(b: Brush) -> None:
    b.cast(0, 2, 170, 22, 0.4)
    _umbrella(b)
    for x in (-50, 50):
        b.form(ribbon([(x, -200), (x, -60)], 70, 62), fade("#4a4f86", "#373a6c"))
        b.form(box(x - 40, -110, x + 40, -8, 14), fade("#3fa79a", "#2a7a80"), depth=9)
        b.form(
            blob((x - 42, 2), (x - 40, -40), (x, -50), (x + 40, -40), (x + 50 if x > 0 else x + 42, 2)),
            fade("#3fa79a", "#2a7a80"),
            depth=7,
        )
    b.form(ribbon([(-106, -430), (-160, -330), (-160, -250)], 86, 78, 72), YELLOW, depth=12)
    hand(b, -160, -216, 30, SKIN)
    _bag(b.at(-164, -196))
    coat = blob(
        (-56, -470),
        (56, -470),
        (116, -430),
        (124, -300),
        (156, -130),
        (0, -112),
        (-156, -130),
        (-124, -300),
        (-116, -430),
    )
    b.form(coat, YELLOW, depth=22)
    b.paint(ribbon([(4, -460), (6, -118)], 5), "#c98a1f")
    b.form(join(ellipse(-20, y, 11) for y in (-390, -320, -250, -180)), "#4f6fa8", depth=3)
    b.form(both(box(58, -250, 122, -228, 8), 0), "#f7c23f", depth=4)
    b.form(ribbon([(-88, -452), (0, -430), (88, -452)], 50), "#f7c23f", depth=8)
    b.form(ribbon([(104, -432), (146, -366), (166, -366), (126, -416)], 82, 76, 70, 60), YELLOW, depth=11)
    hand(b, 116, -446, 31, SKIN)
    h = b.at(-10, -566, 1.0, -2)
    h.form(
        blob(
            (0, -136),
            (92, -112),
            (134, -20),
            (118, 80),
            (60, 122),
            (-60, 122),
            (-118, 80),
            (-134, -20),
            (-92, -112),
        ),
        YELLOW,
        depth=16,
    )
    h.paint(
        blob(
            (0, -106),
            (70, -88),
            (106, -14),
            (90, 66),
            (40, 104),
            (-40, 104),
            (-90, 66),
            (-106, -14),
            (-70, -88),
        ),
        "#b5761f",
    )
    i = h.at(0, 6, 0.94)
    outline = head(i, SKIN)
    i.paint(
        blob((-110, -110), (110, -110), (106, -20), (80, -46), (30, -66), (-20, -50), (-70, -30), (-106, 0)),
        "#4a2a35",
        inside=outline,
    )
    face(i.at(0, 14), SKIN, "#4a2a35", "laugh", look=(-4, 0))


def _bag(b: Brush) -> None:
    b.paint(ribbon([(-34, 40), (-20, -8), (0, -18), (20, -8), (34, 40)], 7), "#8a4f48")
    b.form(join(ellipse(x, 40, 18) for x in (-24, 8)), "#e2574c", depth=5)
    b.form(ellipse(30, 36, 20, 30, 20), "#6fae5f", depth=5)
    b.form(blob((-52, 40), (52, 40), (46, 118), (0, 126), (-46, 118)), fade("#d9a05f", "#a9694a"), depth=8)
    b.paint(join(ribbon([(-48, y), (0, y + 6), (48, y)], 4) for y in (60, 82, 104)), "#8a4f48", alpha=0.45)


def _umbrella(b: Brush) -> None:
    u = b.at(118, -446, 1.0, 7)
    u.form(box(-6, -330, 6, 30, 5), "#5a3a5a", depth=2)
    top = arc(-30, -240, 300, 200, 180, 360)
    edge = join(arc(-330 + 120 * (k + 0.5), -240, 60, 22, 180, 360) for k in range(5))
    u.form(top, fade("#f0604f", "#cf3550"), depth=18)
    for x0, x1 in ((-210, -90), (30, 150)):
        u.paint(
            blob(
                (-30, -442),
                (x0 * 0.7 - 30, -380),
                (x0, -300),
                (x0, -238),
                (x1, -238),
                (x1, -300),
                (x1 * 0.7, -380),
            ),
            "#ff9a80",
            alpha=0.55,
            inside=top,
        )
    u.paint(edge, "#8a2048")
    u.paint(box(-36, -462, -24, -436, 5), "#5a3a5a")
