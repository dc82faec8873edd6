"""Somebody on a night train, looking up as the evening goes by."""

from ..brush import Brush, fade
from ..people import face, hand, head
from ..shapes import arc, blob, both, box, dots, ellipse, join, poly, ribbon, ridge, stripes

SKIN = "#6b4030"
SEAT = fade("#c9475f", "#8f2f58")


def train() -> Brush:
    """The picture of the train."""
    sheet = Brush(1152, 768, fade("#f3dfc0", "#e0b993"))
    _window(sheet, 60, 470)
    _window(sheet, 700, 1110)
    _carriage(sheet)
    _seat(sheet.at(585, 0))
    _luggage(sheet.at(960, 716))
    _passenger(sheet.at(585, 728, 0.74))
    sheet.paint(poly((60, 150), (470, 150), (760, 768), (300, 768)), "#ffe0a0", alpha=0.14, blur=24)
    return sheet


def _window(b: Brush, x0: float, x1: float) -> None:
    b.form(box(x0 - 26, 134, x1 + 26, 546, 54), fade("#b5764f", "#8f5544"), depth=6)
    glass = box(x0, 160, x1, 520, 34)
    b.paint(glass, fade("#5a4a9f", "#b5609a", "#f58f78", "#ffd08a"))
    if x0 < 300 < x1:
        b.glow(250, 380, 170, "#fff0b8", 0.8)
        b.paint(ellipse(250, 372, 54), "#fff6d5", inside=glass)
    for y, high, colours in (
        (410, 46, ("#a85f9a", "#d9808a")),
        (446, 36, ("#7a4f95", "#a8608f")),
        (486, 22, ("#4f3f80", "#5f3f78")),
    ):
        line = [(x, y - high * (0.5 + 0.5 * ((x * 7 + y * 3) % 100) / 100)) for x in range(-90, 1260, 90)]
        b.paint(ridge(line, 540), fade(*colours), inside=glass)
    for x in range(int(x0) + 30, int(x1), 74):
        b.paint(poly((x, 430), (x + 15, 492), (x - 15, 492)), "#3a2f6b", inside=glass)
    b.paint(
        poly((x0 + 50, 160), (x0 + 150, 160), (x0 + 30, 520), (x0 - 70, 520)),
        "#ffffff",
        alpha=0.12,
        inside=glass,
    )
    b.form(box(x0 - 40, 534, x1 + 40, 566, 10), fade("#c98f5c", "#a06a48"), depth=6)
    for left in (x0 - 20, x1 - 36):
        curtain = blob(
            (left - 8, 140),
            (left + 62, 140),
            (left + 52, 260),
            (left + 60, 400),
            (left + 48, 430),
            (left + 4, 430),
            (left - 4, 300),
        )
        b.form(curtain, fade("#4f9a94", "#2f6f78"), depth=8)
        b.paint(
            join(ribbon([(left + dx, 130), (left + dx - 2, 426)], 3) for dx in (14, 30, 44)),
            "#2a5f6c",
            alpha=0.5,
            inside=curtain,
        )
    b.form(box(x0 - 44, 114, x1 + 44, 132, 9), "#eda93c", depth=3)


def _carriage(b: Brush) -> None:
    b.paint(box(-10, 566, 1170, 700), fade("#a9604f", "#7f4448"))
    b.paint(stripes(-10, 580, 1170, 690, 96, 4), "#6b3540", alpha=0.6)
    b.form(box(-10, 56, 1170, 74, 6), "#eda93c", depth=4)
    b.paint(box(-10, -10, 1170, 40), fade("#b5764f", "#c98a5c"))
    for x, wide, colour in (
        (90, 150, "#5a64a8"),
        (270, 110, "#d9574f"),
        (800, 170, "#3f8f8a"),
        (1000, 100, "#8a4f78"),
    ):
        b.form(box(x, 0, x + wide, 58, 12), colour, depth=7)
        b.paint(box(x + 24, 0, x + 34, 58) + box(x + wide - 34, 0, x + wide - 24, 58), "#ffe0a8", alpha=0.8)
    b.paint(box(-10, 690, 1170, 780), fade("#5f3a58", "#42284c"))
    b.paint(box(-10, 690, 1170, 700), "#321d40", alpha=0.6)
    b.glow(585, 130, 190, "#ffe9a8", 0.7)
    b.form(box(573, 70, 597, 110, 4), "#eda93c", depth=3)
    b.form(
        poly((545, 158), (625, 158), (609, 104), (561, 104)),
        fade("#fff6d6", "#ffd98a"),
        depth=4,
        strength=0.1,
    )


def _seat(b: Brush) -> None:
    b.cast(0, 724, 300, 22, 0.4)
    b.form(box(-230, 250, 230, 640, 60), SEAT, depth=18)
    b.paint(dots(-220, 296, 220, 630, 46, 5), "#ffb08f", alpha=0.6, inside=box(-206, 274, 206, 630, 44))
    b.form(both(box(120, 226, 220, 300, 30), 0), "#fff3dc", depth=7, strength=0.2)
    b.form(box(-250, 560, 250, 660, 34), SEAT, depth=14, light=0.2)
    b.form(box(-236, 652, 236, 700, 10), fade("#7a4a4f", "#553048"), depth=6)
    b.form(both(box(222, 470, 274, 690, 26), 0), fade("#a9604f", "#7f4448"), depth=9, light=0.2)


def _luggage(b: Brush) -> None:
    b.cast(0, 2, 110, 14)
    b.paint(ribbon([(-34, -150), (-30, -186), (30, -186), (34, -150)], 11), "#5a3340")
    b.form(box(-100, -156, 100, 0, 22), fade("#eda93c", "#c97a35"), depth=13)
    b.paint(both(box(52, -156, 68, 0), 0), "#8a4f38")
    b.form(ellipse(-18, -96, 22), "#3f8f8a", depth=3)
    b.form(box(4, -70, 44, -36, 5), "#fff3dc", depth=3)
    b.paint(both(box(-92, -12, -70, 4, 5), 0), "#5a3340")


def _passenger(b: Brush) -> None:
    plum = fade("#8f78d8", "#6450b0")
    for x in (-58, 58):
        side = 1 if x > 0 else -1
        b.form(ribbon([(x * 1.15, -110), (x * 1.2, -30)], 72, 60), fade("#4f6f9f", "#38527f"), depth=9)
        b.form(
            blob(
                (x * 1.2 - 38, 6),
                (x * 1.2 - 34, -32),
                (x * 1.2, -46),
                (x * 1.2 + 34, -32),
                (x * 1.2 + 38 + 10 * side, 6),
            ),
            "#fff3dc",
            depth=8,
            strength=0.25,
        )
        b.paint(box(x * 1.2 - 42, 0, x * 1.2 + 46, 10, 5), "#e2574c")
    body = blob(
        (-58, -440),
        (58, -440),
        (116, -400),
        (118, -280),
        (116, -150),
        (-116, -150),
        (-118, -280),
        (-116, -400),
    )
    b.form(body, plum, depth=18)
    zig = [(-140 + 28 * k, -338 + (k % 2) * 26) for k in range(11)]
    for dy, colour in ((0, "#ffd977"), (30, "#fff3dc")):
        b.paint(ribbon([(x, y + dy) for x, y in zig], 11, soft=False), colour, inside=body)
    for x in (-62, 62):
        b.form(ellipse(x, -146, 60, 48), fade("#5a7cad", "#40608f"), depth=12)
    for side in (-1, 1):
        b.form(
            ribbon([(104 * side, -388), (150 * side, -290), (84 * side, -216)], 76, 68, 54), plum, depth=11
        )
        hand(b, 62 * side, -204, 30, SKIN)
    b.form(box(-54, -250, 54, -176, 8), fade("#fff6e0", "#f0d9b5"), depth=5, strength=0.2)
    b.paint(
        ribbon([(-36, -232), (0, -238), (36, -230)], 4)
        + ribbon([(-36, -214), (20, -216)], 4)
        + ribbon([(-36, -196), (30, -198)], 4),
        "#b58f6a",
    )
    for side in (-1, 1):
        b.form(ellipse(54 * side, -200, 24, 20), SKIN, depth=5)
    b.form(ribbon([(-62, -436), (0, -420), (62, -436)], 52), plum, depth=8)
    h = b.at(0, -540, 1.06, 3)
    h.form(
        blob((-108, 0), (-104, -80), (-60, -132), (0, -146), (60, -132), (104, -80), (108, 0)),
        "#241629",
        depth=10,
    )
    outline = head(h, SKIN)
    h.paint(
        blob(
            (-120, -120),
            (120, -120),
            (100, -22),
            (84, -56),
            (40, -70),
            (0, -72),
            (-40, -70),
            (-84, -56),
            (-100, -22),
        ),
        "#241629",
        inside=outline,
    )
    face(h.at(0, 12), SKIN, "#241629", "smile", look=(-4, -2))
    h.paint(
        ribbon(arc(0, -10, 112, 142, 180, 360)[0], 15),
        "#fff3dc",
    )
    h.form(both(box(96, -28, 132, 56, 18), 0), fade("#ff9a80", "#e2574c"), depth=7)
