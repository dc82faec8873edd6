"""Whether an uploaded picture can be the input of a job."""

from io import BytesIO

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")

PIXEL_LIMIT = 40_000_000
"""The limit of width times height. Larger pictures are refused: a few of them could fill the memory."""


def input_problem(data: bytes) -> str:
    """Why the picture cannot be an input, as the reason of a failed job; "" if it can.

    Decodes the picture.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > PIXEL_LIMIT:
                return f"Input image could not be processed: {width} x {height} pixels are too many"
            # Decoding a JPEG at an eighth of its size finds a truncated file too, at a fraction of the cost.
            image.draft("RGB", (max(1, width // 8), max(1, height // 8)))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "Input image could not be processed: it has too many pixels"
    except UnidentifiedImageError:
        return "Input image could not be identified: use JPEG, PNG or WebP"
    except Exception:
        # Pillow's decoders raise exceptions of many types for damaged data.
        return "Input image could not be decoded"
    return ""
