"""A picture as PNG bytes, with metadata that says that no swap was made."""

from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

NOTICE = "segmind-swap emulator: no swap was made"


def encode_png(image: Image.Image) -> bytes:
    """The picture as PNG, with `NOTICE` in its metadata."""
    info = PngInfo()
    info.add_text("Software", "segmind-swap emulator")
    info.add_text("Comment", NOTICE)
    out = BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()
