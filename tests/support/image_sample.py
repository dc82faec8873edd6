"""A sample of pictures, whole and damaged: which does the client take, and which can be decoded?

`python -m tests.support.image_sample` prints the table for the whole sample.
"""

from __future__ import annotations

import io
import random
import struct
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from PIL import Image, ImageCms, ImageDraw, ImageOps

from segmind_swap._api.image_header import checked

ORIENTATION = 0x0112
SIZE = (44, 28)
LIMIT = 20_000_000
_FORMATS = ["JPEG", "PNG", "WEBP"]
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class Picture(NamedTuple):
    """A whole picture, as a program has written it."""

    name: str
    form: str
    data: bytes


def drawing(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Red above left, green above right, blue below left, and noise below right."""
    width, height = size
    image = Image.new("RGB", size, "red")
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2), "lime")
    draw.rectangle((0, height // 2, width // 2, height), "blue")
    noise = random.Random(1)
    for x in range(width // 2, width):
        for y in range(height // 2, height):
            image.putpixel((x, y), tuple(noise.randrange(256) for _ in range(3)))
    if mode in {"I", "I;16", "F"}:
        grey = image.convert("L").convert("I").point(lambda value: value * 257)
        return grey.convert(mode)
    if mode == "PA":
        return image.convert("P").convert("PA")
    if mode in {"La", "RGBa"}:
        return image.convert(mode[:-1] + "A").convert(mode)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
        assert converted is not None
        return converted
    return image.convert(mode)


def exif(orientation: int, *, thumbnail: bytes = b"") -> bytes:
    """EXIF data with an orientation, and with a thumbnail in IFD1."""
    count = 1 if not thumbnail else 2
    first = struct.pack("<HHHIHH", 1, ORIENTATION, 3, 1, orientation, 0) + struct.pack(
        "<I", 26 if count == 2 else 0
    )
    second = b""
    if thumbnail:
        at = 26 + 2 + 2 * 12 + 4
        entries = struct.pack("<HHII", 0x0201, 4, 1, at) + struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail))
        second = struct.pack("<H", 2) + entries + struct.pack("<I", 0) + thumbnail
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png_of(
    kind: int, depth: int, samples: int, size: tuple[int, int] = SIZE, *, interlaced: bool = False
) -> bytes:
    """A PNG of a kind that Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    width, height = size
    lines = b""
    for left, top, right_by, down_by in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right_by), -(-(height - top) // down_by)
        if columns > 0 and rows > 0:
            lines += (b"\0" + b"\x5a" * ((columns * depth * samples + 7) // 8)) * rows
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    palette = chunk(b"PLTE", bytes(range(48))) if kind == 3 else b""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette
    return start + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpegs(orientations: Iterable[int]) -> Iterator[Picture]:
    thumbnail = saved(drawing(size=(16, 10)), "JPEG")
    options: dict[str, dict[str, Any]] = {
        "baseline": {},
        "optimised": {"optimize": True},
        "progressive": {"progressive": True},
        "4:4:4": {"subsampling": 0},
        "4:2:2": {"subsampling": 1},
        "of quality 5": {"quality": 5},
        "of quality 100": {"quality": 100},
        "with restarts": {"restart_marker_blocks": 1},
        "progressive with restarts": {"restart_marker_rows": 1, "progressive": True},
        "with a profile": {"icc_profile": _SRGB},
        "with a comment": {"comment": b"\xff\xd8\xff\xd9\xff\xc0 no end"},
        "with XMP": {"xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"},
    }
    for mode in ("RGB", "L", "CMYK", "YCbCr", "1"):
        for name, option in options.items():
            yield Picture(f"JPEG {mode} {name}", "JPEG", saved(drawing(mode), "JPEG", **option))
    for orientation in orientations:
        for name in ("baseline", "progressive"):
            data = saved(drawing(), "JPEG", exif=exif(orientation, thumbnail=thumbnail), **options[name])
            yield Picture(f"JPEG RGB {name}, orientation {orientation}, thumbnail", "JPEG", data)
    for size in ((1, 1), (8, 8), (300, 200)):
        yield Picture(f"JPEG RGB {size}", "JPEG", saved(drawing(size=size), "JPEG"))
    both = saved(drawing(), "MPO", save_all=True, append_images=[drawing(size=(20, 20))])
    yield Picture("MPO", "MPO", both)


def pngs(orientations: Iterable[int]) -> Iterator[Picture]:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        for level in (0, 1, 9):
            yield Picture(
                f"PNG {mode} level {level}", "PNG", saved(drawing(mode), "PNG", compress_level=level)
            )
    yield Picture("PNG P transparent", "PNG", saved(drawing("P"), "PNG", transparency=bytes(range(200))))
    yield Picture("PNG RGB transparent", "PNG", saved(drawing(), "PNG", transparency=(255, 0, 0)))
    yield Picture("PNG with a profile", "PNG", saved(drawing(), "PNG", icc_profile=_SRGB))
    for kind, samples, depths in (
        (0, 1, (1, 2, 4, 8, 16)),
        (2, 3, (8, 16)),
        (3, 1, (1, 2, 4)),
        (6, 4, (8, 16)),
    ):
        for depth in depths:
            for interlaced in (False, True):
                name = f"PNG type {kind} of {depth} bits{' interlaced' * interlaced}"
                yield Picture(name, "PNG", png_of(kind, depth, samples, interlaced=interlaced))
    for size in ((1, 1), (3, 2), (9, 1), (300, 200)):
        yield Picture(f"PNG {size}", "PNG", saved(drawing(size=size), "PNG"))
        yield Picture(f"PNG {size} interlaced", "PNG", png_of(2, 8, 3, size, interlaced=True))
    for orientation in orientations:
        yield Picture(
            f"PNG orientation {orientation}", "PNG", saved(drawing(), "PNG", exif=exif(orientation))
        )
    frames = [drawing(), ImageOps.mirror(drawing())]
    yield Picture("PNG animated", "PNG", saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))


def webps(orientations: Iterable[int]) -> Iterator[Picture]:
    for mode in ("RGB", "RGBA", "L", "P"):
        for lossless in (False, True):
            name = f"WebP {mode} {'lossless' if lossless else 'lossy'}"
            yield Picture(name, "WebP", saved(drawing(mode), "WEBP", lossless=lossless))
    faded = drawing("RGBA")
    faded.putalpha(drawing("L"))
    yield Picture("WebP lossy with alpha", "WebP", saved(faded, "WEBP"))
    yield Picture("WebP lossless with alpha", "WebP", saved(faded, "WEBP", lossless=True))
    yield Picture("WebP with a profile", "WebP", saved(drawing(), "WEBP", icc_profile=_SRGB))
    for size in ((1, 1), (300, 200)):
        yield Picture(f"WebP {size}", "WebP", saved(drawing(size=size), "WEBP"))
    for orientation in orientations:
        yield Picture(
            f"WebP orientation {orientation}", "WebP", saved(drawing(), "WEBP", exif=exif(orientation))
        )
    frames = [drawing(), ImageOps.mirror(drawing())]
    for lossless in (False, True):
        data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=lossless)
        yield Picture(f"WebP animated {lossless=}", "WebP", data)


def pictures(orientations: Iterable[int] = range(1, 9)) -> list[Picture]:
    chosen = list(orientations)
    return [*jpegs(chosen), *pngs(chosen), *webps(chosen)]


# The damages. Each gives the damaged bytes, or None where it says nothing about the format.


def _part(percent: int) -> Callable[[Picture], bytes]:
    return lambda picture: picture.data[: len(picture.data) * percent // 100]


_END_BYTES = {"JPEG": 2, "MPO": 2, "PNG": 12}


def _without_end(picture: Picture) -> bytes:
    return picture.data[: -_END_BYTES.get(picture.form, 1)]


def _with_stray_bytes(picture: Picture) -> bytes | None:
    """Two bytes after the first segment, as some programs leave there."""
    if picture.form not in {"JPEG", "MPO"}:
        return None
    at = 4 + struct.unpack_from(">H", picture.data, 4)[0]
    return picture.data[:at] + b"\n\n" + picture.data[at:]


def _with_length(change: int) -> Callable[[Picture], bytes | None]:
    def damage(picture: Picture) -> bytes | None:
        if picture.form not in {"JPEG", "MPO"}:
            return None
        length = struct.unpack_from(">H", picture.data, 4)[0] + change
        return picture.data[:4] + struct.pack(">H", length) + picture.data[6:]

    return damage


def _jpeg(at: Callable[[bytes], int], inserted: bytes) -> Callable[[Picture], bytes | None]:
    def damage(picture: Picture) -> bytes | None:
        if picture.form != "JPEG":
            return None
        place = at(picture.data)
        return picture.data[:place] + inserted + picture.data[place:]

    return damage


def _flipped(seed: int, *, first: int, last: int) -> Callable[[Picture], bytes]:
    def damage(picture: Picture) -> bytes:
        data = bytearray(picture.data)
        place = random.Random(f"{seed} {picture.name}").randrange(
            first, min(last, len(data) - _END_BYTES.get(picture.form, 1))
        )
        data[place] ^= 1 << random.Random(seed).randrange(8)
        return bytes(data)

    return damage


def _zeroed(start: float, stop: float) -> Callable[[Picture], bytes]:
    def damage(picture: Picture) -> bytes:
        data, length = picture.data, len(picture.data)
        first, last = int(length * start), int(length * stop)
        return data[:first] + bytes(last - first) + data[last:]

    return damage


def _pixels(picture: Picture) -> tuple[int, int] | None:
    """Where the coded pixels of the first frame stand."""
    data = picture.data
    if picture.form == "PNG":
        at = data.index(b"IDAT")
        return at + 4, at + 4 + int.from_bytes(data[at - 4 : at], "big")
    if picture.form == "JPEG":
        at = data.rindex(b"\xff\xda")
        return at + 2 + struct.unpack_from(">H", data, at + 2)[0], len(data) - 2
    return None


def _with_zeroed_pixels(picture: Picture) -> bytes | None:
    place = _pixels(picture)
    if place is None:
        return None
    start, end = place
    return picture.data[:start] + bytes(end - start) + picture.data[end:]


def _with_other_pixels(content: Callable[[bytes], bytes]) -> Callable[[Picture], bytes | None]:
    """Other pixels in a PNG, with a right checksum."""

    def damage(picture: Picture) -> bytes | None:
        if picture.form != "PNG":
            return None
        start, end = _pixels(picture) or (0, 0)
        body = b"IDAT" + content(picture.data[start:end])
        checksum = struct.pack(">I", zlib.crc32(body))
        return (
            picture.data[: start - 8]
            + struct.pack(">I", len(body) - 4)
            + body
            + checksum
            + picture.data[end + 4 :]
        )

    return damage


def _with_wrong_checksums(picture: Picture) -> bytes | None:
    if picture.form != "PNG":
        return None
    _, end = _pixels(picture) or (0, 0)
    return picture.data[:end] + b"crc!" + picture.data[end + 4 :]


@dataclass(frozen=True)
class Damage:
    """A change of a whole picture. `is_cut` if the end of the picture is lost."""

    name: str
    apply: Callable[[Picture], bytes | None]
    is_cut: bool = False


DAMAGES = [
    Damage("none", lambda picture: picture.data),
    *(Damage(f"cut at {percent} %", _part(percent), is_cut=True) for percent in (10, 50, 90, 99)),
    Damage("cut before the end marker", _without_end, is_cut=True),
    Damage("one byte is missing at the end", lambda picture: picture.data[:-1], is_cut=True),
    Damage("bytes between two segments", _with_stray_bytes),
    Damage("segment length 3 too short", _with_length(-3)),
    Damage("segment length 3 too long", _with_length(3)),
    Damage(
        "segment length 0", lambda picture: None if picture.form != "JPEG" else _with_length_zero(picture)
    ),
    Damage("fill bytes before a marker", _jpeg(lambda data: data.index(b"\xff\xdb"), b"\xff" * 5)),
    Damage("bytes after the first marker", _jpeg(lambda _: 2, b"\n\n")),
    Damage("bytes before the end marker", _jpeg(lambda data: len(data) - 2, b"\n\n\0")),
    Damage("bytes after the end", lambda picture: picture.data + b"\0trailing \xff\xd9 IEND"),
    Damage("a second picture after the end", lambda picture: picture.data * 2),
    *(Damage("one bit in the first 64 bytes", _flipped(seed, first=0, last=64)) for seed in range(6)),
    *(Damage("one bit anywhere", _flipped(seed, first=0, last=10**9)) for seed in range(6)),
    Damage("zeros in place of the pixels", _with_zeroed_pixels),
    Damage("zeros in the second half", _zeroed(0.5, 1.0), is_cut=True),
    Damage("zeros in the middle", _zeroed(0.6, 0.7)),
    Damage("zeros everywhere", _zeroed(0, 1)),
    Damage(
        "noise as pixels, right checksum",
        _with_other_pixels(lambda data: random.Random(2).randbytes(len(data))),
    ),
    Damage("half the pixels, right checksum", _with_other_pixels(lambda data: zlib.compress(_half(data)))),
    Damage("no end of the pixels, right checksum", _with_other_pixels(lambda data: data[:-6])),
    Damage("wrong checksum of the pixels", _with_wrong_checksums),
    Damage("line ends changed", lambda picture: picture.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
    Damage("the first bytes are missing", lambda picture: picture.data[4:]),
]


def _half(data: bytes) -> bytes:
    lines = zlib.decompress(data)
    return lines[: len(lines) // 2]


def _with_length_zero(picture: Picture) -> bytes:
    return picture.data[:4] + b"\0\0" + picture.data[6:]


def problem_of(data: bytes) -> str:
    """Why the client refuses the picture; empty if it takes the picture."""
    try:
        checked(data, max_bytes=LIMIT)
    except ValueError as exc:
        return str(exc)
    return ""


def is_decodable(data: bytes) -> bool:
    """Whether Pillow decodes the picture, and turns it as its EXIF data say."""
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(data), formats=_FORMATS) as image,
        ):
            image.load()
            ImageOps.exif_transpose(image)
    except Exception:
        return False
    return True


@dataclass(frozen=True)
class Row:
    """One damaged picture. `problem` is empty if the client takes the picture."""

    picture: Picture
    damage: Damage
    data: bytes
    problem: str
    is_decodable: bool

    @property
    def is_taken(self) -> bool:
        return not self.problem

    @property
    def is_refused_wrongly(self) -> bool:
        """Whether the picture can be decoded, is refused, and has its end."""
        has_end = not self.damage.is_cut and "cut short" not in self.problem
        return self.is_decodable and has_end and not self.is_taken


def rows(sample: Iterable[Picture], damages: Iterable[Damage] = tuple(DAMAGES)) -> Iterator[Row]:
    chosen = list(damages)
    for picture in sample:
        for damage in chosen:
            data = damage.apply(picture)
            if data is not None and (damage.name == "none" or data != picture.data):
                yield Row(picture, damage, data, problem_of(data), is_decodable(data))


def table(found: Iterable[Row]) -> str:
    """Counts for each damage: taken or refused, against decodable or not."""
    counts = Counter((row.damage.name, row.is_taken, row.is_decodable) for row in found)
    columns = [(True, True), (True, False), (False, True), (False, False)]
    head = [
        "damage",
        "taken, decodable",
        "taken, not decodable",
        "refused, decodable",
        "refused, not decodable",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---" * 5 + "|"]
    for name in dict.fromkeys(name for name, _, _ in counts):
        numbers = (str(counts[name, taken, decodable]) for taken, decodable in columns)
        lines.append("| " + " | ".join([name, *numbers]) + " |")
    totals = (str(sum(n for (_, *key), n in counts.items() if tuple(key) == column)) for column in columns)
    return "\n".join([*lines, "| " + " | ".join(["all", *totals]) + " |"])


if __name__ == "__main__":
    started = time.process_time()
    found = list(rows(pictures()))
    for form in ("JPEG", "MPO", "PNG", "WebP"):
        print(f"\n{form}\n\n{table(row for row in found if row.picture.form == form)}")
    print(f"\nAll: {len(found):,} files\n\n{table(found)}")
    print(f"\n{time.process_time() - started:.1f} s of CPU")
    for row in found:
        if row.is_refused_wrongly:
            print("refused although decodable:", row.picture.name, "|", row.damage.name, "|", row.problem)
