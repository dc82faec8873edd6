"""The sheet: both inputs of a job side by side, with a label that says that no swap was made."""

import functools

from PIL import Image, ImageDraw, ImageFont

from .decode import decode
from .engine import Picture
from .png import NOTICE, encode_png

_WIDTH_PX, _MARGIN_PX, _GAP_PX, _RADIUS_PX = 1280, 48, 32, 18
_TOP_PX, _BELOW_PX = 136, 128
_REMARK_SHOWN = 110
_PAPER, _PANEL, _INK, _SOFT, _ACCENT = "#f6f4ef", "#e9e5dc", "#23211e", "#77716a", "#b4472e"


def sheet(*, reference: Picture, scene: Picture, remark: str = "") -> bytes:
    """Both inputs side by side and labelled: a PNG, 1280 pixels wide and at most about 1220 high.

    ``remark`` is a line below the heading.
    """
    images = [_open(picture) for picture in (scene, reference)]
    # The panels have the same height and the aspect ratios of their pictures. A picture with an extreme
    # aspect ratio gets bands above and below, or at the sides.
    aspects = [min(max(image.width / image.height, 0.6), 1.8) for image in images]
    height_px = round((_WIDTH_PX - 2 * _MARGIN_PX - _GAP_PX) / sum(aspects))
    page = Image.new("RGB", (_WIDTH_PX, _TOP_PX + height_px + _BELOW_PX), _PAPER)
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, _WIDTH_PX, 7), fill=_ACCENT)
    draw.text((_MARGIN_PX, 66 if remark else 78), NOTICE, fill=_INK, font=_font(34), anchor="lm")
    draw.text((_MARGIN_PX, 108), remark[:_REMARK_SHOWN], fill=_SOFT, font=_font(20), anchor="lm")
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
    return encode_png(page)


def _open(picture: Picture) -> Image.Image:
    if picture.data is None:
        return _placeholder(picture.url)
    return decode(picture.data, least_px=_WIDTH_PX)


def _fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    scale = min(size[0] / image.width, size[1] / image.height)
    fitted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # A tiny picture is enlarged in blocks, so that its pixels stay recognisable.
    resample = Image.Resampling.NEAREST if scale > 8 else Image.Resampling.LANCZOS
    # Made RGBA when it is small: a conversion of a large picture would double the memory.
    return image.resize(fitted, resample, reducing_gap=3.0).convert("RGBA")


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
