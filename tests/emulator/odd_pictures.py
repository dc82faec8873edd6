"""Made pictures that are sound but rare: modes, formats, EXIF structures, profiles, chunks and sizes."""

import functools
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, ImageCms

from . import figures

SIZE = (96, 72)

MODES = (
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"),
    *("I;16", "I;16B", "I", "F"),
)
FORMS = ("JPEG", "PNG", "WEBP")

_START = struct.Struct("<4sIH")


def tiff(*entries: bytes, data: bytes = b"") -> bytes:
    """An EXIF structure of these entries; ``data`` begins at byte 14 + 12 for each entry."""
    return _START.pack(b"II*\0", 8, len(entries)) + b"".join(entries) + bytes(4) + data


def entry(tag: int, kind: int, value: bytes, count: int = 1) -> bytes:
    return struct.pack("<HHI4s", tag, kind, count, value)


def orientation(value: int) -> bytes:
    return entry(0x0112, 3, struct.pack("<H", value))


SIDEWAYS = tiff(orientation(6))
ODD_RATIONAL = tiff(orientation(6), entry(0x011A, 10, struct.pack("<I", 38)), data=struct.pack("<ii", -1, 0))
"""Pillow cannot write the second value back, and therefore cannot turn the picture."""

EXIF = {
    "upright": (tiff(orientation(1)), False),
    "sideways": (SIDEWAYS, True),
    "odd rational": (ODD_RATIONAL, True),
    "width as text": (tiff(entry(0x0100, 2, b"abc\0", 4), orientation(6)), True),
    "other kinds of values": (tiff(entry(0x010F, 5, b"\xff\xff\xff\x7f", 9), orientation(6)), True),
    "zero": (tiff(orientation(0)), False),
    "nine": (tiff(orientation(9)), False),
    "a word": (tiff(entry(0x0112, 2, b"abc\0", 4)), False),
    "huge": (SIDEWAYS + bytes(60_000), True),
    "cut": (SIDEWAYS[:15], False),
    "junk": (b"junk", False),
    "empty": (b"", False),
}
"""An EXIF structure, and whether it turns the picture."""


@functools.cache
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profiles() -> dict[str, bytes]:
    """Profiles; only "srgb" is one that an RGB picture may keep."""
    cmyk = srgb()[:12] + b"prtrCMYK" + srgb()[20:]
    long = (len(srgb()) + 2_000_000).to_bytes(4, "big") + srgb()[4:] + bytes(2_000_000)
    return {"srgb": srgb(), "cmyk": cmyk, "broken": b"junk", "cut": srgb()[:200], "long": long}


def in_mode(mode: str) -> Image.Image:
    """The scene of `figures` in a mode."""
    image = figures.scene(size=SIZE)
    if mode.startswith("I"):
        wide = image.convert("L").convert("I").point(lambda value: value * 257)
        return wide if mode == "I" else wide.convert(mode)
    between = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode)
    return (image.convert(between) if between else image).convert(mode)


def every_mode_and_form() -> Iterator[tuple[str, bytes]]:
    """Each mode in each format that can hold the mode."""
    for mode in MODES:
        for form in FORMS:
            try:
                yield f"{mode} {form}", figures.encoded(in_mode(mode), form)
            except (OSError, ValueError):
                continue  # The format cannot hold the mode.


def every_exif() -> Iterator[tuple[str, bytes, bool]]:
    """Each EXIF structure in each format, and whether it turns the picture."""
    for name, (exif, turns) in EXIF.items():
        for form in FORMS:
            data = figures.encoded(in_mode("RGB"), form, exif=b"Exif\0\0" + exif)
            yield f"EXIF {name} {form}", data, turns
    for name, text, turns in (
        ("hexadecimal", (b"Exif\0\0" + SIDEWAYS).hex(), True),
        ("not hexadecimal", "no digits", False),
    ):
        raw = f"\nexif\n      {len(text)}\n{text}".encode()
        for kind, content in ((b"tEXt", raw), (b"zTXt", b"\0" + zlib.compress(raw))):
            data = with_chunk(figures.encoded(in_mode("RGB")), kind, b"Raw profile type exif\0" + content)
            yield f"EXIF {name} in a {kind.decode()}", data, turns


def every_profile() -> Iterator[tuple[str, bytes, bool]]:
    """Each profile in each format, and whether the pixels are still in its space."""
    for name, profile in profiles().items():
        for form in FORMS:
            data = figures.encoded(in_mode("RGB"), form, icc_profile=profile)
            yield f"profile {name} {form}", data, name == "srgb"
    yield "profile of CMYK", figures.encoded(in_mode("CMYK"), "JPEG", icc_profile=srgb()), False


def others() -> Iterator[tuple[str, bytes]]:
    """Everything else."""
    rgb, png = in_mode("RGB"), figures.encoded(in_mode("RGB"))
    two = [rgb, rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    for form in ("PNG", "WEBP", "MPO"):
        yield f"two pictures {form}", figures.encoded(rgb, form, save_all=True, append_images=two[1:])
    yield "progressive", figures.encoded(rgb, "JPEG", progressive=True)
    yield "lossless JPEG", lossless_jpeg(in_mode("L"))
    yield "palette with one clear colour", figures.encoded(in_mode("P"), transparency=3)
    yield "palette with alpha", figures.encoded(in_mode("P"), transparency=bytes(range(200)))
    for mode, clear in (("L", 90), ("RGB", (90, 160, 96)), ("1", 1), ("I;16", 90 * 257)):
        yield f"clear colour {mode}", figures.encoded(in_mode(mode), transparency=clear)
    yield "gamma", with_chunk(png, b"gAMA", struct.pack(">I", 100_000))
    yield "16 bits", raw_png(16, 2, 3)
    yield "16 bits, clear colour", with_chunk(raw_png(16, 2, 3), b"tRNS", b"\xff\xff\0\0\x80\0")
    yield "16 bits with alpha", raw_png(16, 6, 4)
    yield "16 bits of grey with alpha", raw_png(16, 4, 2)
    yield "interlaced", raw_png(8, 2, 3, interlaced=True)
    yield "2 bits of grey", raw_png(2, 0, 1)
    yield "long text", with_chunk(png, b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))
    yield (
        "long text at the end",
        png[:-12] + chunk(b"iTXt", b"c\0\1\0\0\0" + zlib.compress(bytes(2_000_000))) + png[-12:],
    )
    yield "damaged text", with_chunk(png, b"zTXt", b"Comment\0\0damaged")
    yield "broken animation", with_chunk(png, b"acTL", bytes(8))
    jpeg = figures.encoded(rgb, "JPEG")
    yield "stray bytes between segments", jpeg[:20] + b"\n\n" + jpeg[20:]
    yield "damaged second picture", jpeg[:20] + b"\xff\xe2\0\x0aMPF\0junk" + jpeg[20:]
    yield "JFIF without density, long EXIF", jpeg[:2] + b"\xff\xe1\0\x0cExif\0\0junk" + jpeg[20:]


def sizes() -> Iterator[tuple[str, bytes]]:
    for size in ((1, 1), (1, 20_000), (20_000, 1), (2, 3)):
        yield f"{size[0]} x {size[1]}", figures.encoded(figures.scene(size=SIZE).resize(size))


def lossless_jpeg(image: Image.Image) -> bytes:
    """A grey picture as lossless JPEG (SOF3), each pixel predicted by its left neighbour."""
    width, height = image.size
    pixels, bits = image.tobytes(), []
    for place, value in enumerate(pixels):
        left = place - 1 if place % width else place - width
        difference = value - (pixels[left] if left >= 0 else 128)
        size = abs(difference).bit_length()
        bits.append(f"{size:04b}")
        if size:
            bits.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    scan = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = b"\xff\xc3" + struct.pack(">HBHHBBBB", 11, 8, height, width, 1, 1, 0x11, 0)
    codes = b"\xff\xc4" + struct.pack(">HB", 28, 0) + bytes((0, 0, 0, 9, *(0,) * 12)) + bytes(range(9))
    return b"\xff\xd8" + frame + codes + b"\xff\xda\0\x08\1\1\0\1\0\0" + scan + b"\xff\xd9"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """The PNG with one more chunk after its header."""
    return png[:33] + chunk(kind, content) + png[33:]


def raw_png(bits: int, colour_type: int, bands: int, *, interlaced: bool = False) -> bytes:
    """A PNG of a kind that Pillow does not write, with a pattern in it."""
    width, height = SIZE
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ]
    rows = bytearray()
    for left, top, across, down in passes:
        columns = len(range(left, width, across))
        for y in range(top, height, down):
            size = (columns * bands * bits + 7) // 8
            rows += b"\0" + bytes((y * 3 + x) % 256 for x in range(size))
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows)))
        + chunk(b"IEND", b"")
    )
