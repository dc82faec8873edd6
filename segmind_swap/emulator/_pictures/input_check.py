"""Whether an uploaded picture can be the input of a job."""

from io import BytesIO

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")

PIXEL_LIMIT = 40_000_000
"""Larger pictures (width times height) are refused, so that a few of them cannot fill the memory."""


def input_problem(data: bytes) -> str:
    """Why this cannot be an input, in the words of a failed job, or "" if it can. Decodes the picture."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
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
