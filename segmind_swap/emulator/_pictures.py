"""What an engine is, and the pictures of the plain ones. None of those is a swap, and each says so."""

import functools
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

PIXEL_LIMIT = 40_000_000
"""Larger pictures (width times height) are refused, so that a few of them cannot fill the memory."""

NOTICE = "segmind-swap emulator: no swap was made"

_FORMATS = ("JPEG", "PNG", "WEBP")

_WIDTH_PX, _MARGIN_PX, _GAP_PX, _RADIUS_PX = 1280, 48, 32, 18
_TOP_PX, _BELOW_PX = 136, 128
_PAPER, _PANEL, _INK, _SOFT, _ACCENT = "#f6f4ef", "#e9e5dc", "#23211e", "#77716a", "#b4472e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An input of a job: its URL and, where the emulator hosts it, its bytes (JPEG, PNG or WebP)."""

    url: str
    data: bytes | None


class Engine(Protocol):
    """Makes the picture a job returns.

    Called by the first poll after a job's time is up, one job at a time: meanwhile the others stay
    PROCESSING. Called again should the picture have left the cache when it is downloaded. It runs on the
    server's event loop, so heavy work belongs in a thread.

    Returns PNG bytes. Raises `SwapImpossible` to let the job end FAILED. If an engine has a ``label``, the
    last poll of a job whose pictures were uploaded here carries it as ``engine``.
    """

    async def __call__(self, *, reference: Picture, scene: Picture) -> bytes: ...


class SwapImpossible(Exception):  # noqa: N818 -- it is an outcome of a job, not a mistake of the program
    """The job ends FAILED; the exception's text is the reason that the poll answers."""


def check(data: bytes) -> str:
    """Why this cannot be an input, in the words of a failed job, or "" if it can. Decodes the picture."""
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > PIXEL_LIMIT:
                return f"Input image could not be processed: {width} x {height} pixels are too many"
            # A JPEG is decoded at an eighth of its size, which finds a truncated file at a fraction of the
            # cost.
            image.draft("RGB", (max(1, width // 8), max(1, height // 8)))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "Input image could not be processed: it has too many pixels"
    except UnidentifiedImageError:
        return "Input image could not be identified: use JPEG, PNG or WebP"
    except Exception:
        # Pillow's decoders raise nearly anything for damaged data.
        return "Input image could not be decoded"
    return ""


@functools.cache
def dot() -> bytes:
    """The fixed picture of the engine "none": 8 x 8 pixels."""
    return _png(Image.new("RGB", (8, 8), _ACCENT))


def sheet(*, reference: Picture, scene: Picture) -> bytes:
    """Both inputs side by side and labelled: a PNG 1280 pixels wide and at most some 1220 high."""
    images = [_open(picture) for picture in (scene, reference)]
    # Panels of one height, each as wide as its picture asks; extremes get a band above and below, or at the
    # sides.
    aspects = [min(max(image.width / image.height, 0.6), 1.8) for image in images]
    height_px = round((_WIDTH_PX - 2 * _MARGIN_PX - _GAP_PX) / sum(aspects))
    page = Image.new("RGB", (_WIDTH_PX, _TOP_PX + height_px + _BELOW_PX), _PAPER)
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, _WIDTH_PX, 7), fill=_ACCENT)
    draw.text((_MARGIN_PX, 78), NOTICE, fill=_INK, font=_font(34), anchor="lm")
    left, below = _MARGIN_PX, _TOP_PX + height_px + 38
    labels = (("Scene", "character_image"), ("New character", "reference_character_image"))
    for image, aspect, (title, field) in zip(images, aspects, labels, strict=True):
        panel = Image.new("RGB", (round(height_px * aspect), height_px), _PANEL)
        fitted = _fit(image, panel.size)
        panel.paste(fitted, ((panel.width - fitted.width) // 2, (panel.height - fitted.height) // 2), fitted)
        page.paste(panel, (left, _TOP_PX), _rounded(panel.size))
        draw.text((left, below), title, fill=_INK, font=_font(27), anchor="lm")
        draw.text((left, below + 36), field, fill=_SOFT, font=_font(20), anchor="lm")
        left += panel.width + _GAP_PX
    return _png(page)


@functools.cache
def samples() -> tuple[bytes, bytes]:
    """The (character, scene) that run when a request names none, drawn here: PNG, 512 x 640 and 768 x 576."""
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
    # Drawn four times too large: Pillow's shapes have hard edges.
    return _png(character.reduce(4)), _png(scene.reduce(4))


def _open(picture: Picture) -> Image.Image:
    if picture.data is None:
        return _placeholder(picture.url)
    with Image.open(BytesIO(picture.data), formats=_FORMATS) as image:
        image.draft("RGB", (_WIDTH_PX, _WIDTH_PX))
        return ImageOps.exif_transpose(image).convert("RGBA")


def _fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    scale = min(size[0] / image.width, size[1] / image.height)
    fitted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # A tiny picture grows in blocks, so that its pixels stay recognisable.
    resample = Image.Resampling.NEAREST if scale > 8 else Image.Resampling.LANCZOS
    return image.resize(fitted, resample, reducing_gap=3.0)


def _placeholder(url: str) -> Image.Image:
    host = url.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1][:255] or "?"
    while _font(26).getlength(host) > 500:
        host = f"{host.removesuffix('…')[:-1]}…"
    image = Image.new("RGBA", (576, 432), _PANEL)
    draw = ImageDraw.Draw(image)
    draw.text((288, 196), host, fill=_INK, font=_font(26), anchor="mm")
    draw.text((288, 238), "not fetched", fill=_SOFT, font=_font(20), anchor="mm")
    return image


def _rounded(size: tuple[int, int]) -> Image.Image:
    large = Image.new("L", (size[0] * 4, size[1] * 4), 0)
    edges = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(edges, _RADIUS_PX * 4, fill=255)
    return large.reduce(4)


@functools.cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _png(image: Image.Image) -> bytes:
    info = PngInfo()
    info.add_text("Software", "segmind-swap emulator")
    info.add_text("Comment", NOTICE)
    out = BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()
