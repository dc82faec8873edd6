"""The sample pictures, for a job whose submit names no picture."""

import functools

from PIL import Image, ImageDraw

from .png import encode_png


@functools.cache
def samples() -> tuple[bytes, bytes]:
    """The sample (character, scene) as PNG, 512 x 640 and 768 x 576 pixels."""
    character = Image.new("RGB", (2048, 2560), "#cfe3dd")
    draw = ImageDraw.Draw(character)
    draw.rounded_rectangle((584, 1520, 1464, 2960), 360, fill="#2f5d62")
    draw.ellipse((624, 600, 1424, 1560), fill="#f0c8a0")
    draw.pieslice((560, 480, 1488, 1520), 180, 360, fill="#7a3b2e")
    for left in (848, 1104):
        draw.ellipse((left, 1072, left + 96, 1184), fill="#2b2623")
    draw.arc((888, 1160, 1160, 1392), 20, 160, fill="#9c4a3c", width=28)
    scene = Image.new("RGB", (3072, 2304), "#f3d9b1")
    draw = ImageDraw.Draw(scene)
    draw.ellipse((2160, 280, 2600, 720), fill="#f7efe0")
    draw.polygon(((0, 1600), (840, 760), (1680, 1600)), fill="#9aa58c")
    draw.polygon(((1040, 1600), (2080, 600), (3080, 1600)), fill="#7d8c77")
    draw.rectangle((0, 1584, 3072, 2304), fill="#5f7358")
    draw.rounded_rectangle((1360, 1320, 1680, 2000), 144, fill="#b4472e")
    draw.ellipse((1384, 1040, 1656, 1344), fill="#e8b98f")
    # Drawn at four times the size and reduced, because Pillow draws shapes with hard edges.
    return encode_png(character.reduce(4)), encode_png(scene.reduce(4))
