"""What a file is, by its first bytes, whatever its name says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import Enum

from . import jpeg, png, webp

_EXCERPT_BYTES = 4096
_JSON_BYTES = 1_000_000
_SAVE_AS = "the service takes JPEG, PNG and WebP; save it as one of them"


class FileKind(Enum):
    """What can be done with a file that the service does not take. The value is the advice to a user."""

    PICTURE = _SAVE_AS
    RAW = "the service takes JPEG, PNG and WebP; export it as one of them"
    FILM = "the service takes pictures; save one frame of the film as JPEG, PNG or WebP"
    DOCUMENT = "the service takes pictures; save the page as JPEG, PNG or WebP"
    ARCHIVE = "unpack it, and give a picture in it"
    WEB_PAGE = "the download of the picture went wrong; download the picture itself"
    POINTER = "run `git lfs pull` in the repository"
    SIDE_FILE = "it only holds notes of a Mac about a picture; give the file without `._`"
    BASE64 = "decode it first"
    OTHER = "the service takes JPEG, PNG and WebP"


@dataclass(frozen=True, slots=True)
class FileType:
    """The type of a file.

    Attributes:
        name: With an article, to stand after "it is".
        suffix: The suffix of a file name for this type, with the dot, at most five characters.
        media_type: As registered with IANA; `application/octet-stream` if none is.
        kind: What can be done with such a file.
    """

    name: str
    suffix: str
    media_type: str = "application/octet-stream"
    kind: FileKind = FileKind.PICTURE

    @property
    def is_picture(self) -> bool:
        """Whether programs for pictures or films may show the file."""
        return self.kind in {FileKind.PICTURE, FileKind.RAW, FileKind.FILM, FileKind.DOCUMENT}


JPEG = FileType("a JPEG", ".jpg", "image/jpeg")
PNG = FileType("a PNG", ".png", "image/png")
WEBP = FileType("a WebP", ".webp", "image/webp")
UNKNOWN = FileType("no picture that this program knows", ".bin", kind=FileKind.OTHER)
_EMPTY = FileType("no picture: it is all zeros", ".bin", kind=FileKind.OTHER)

_SVG = FileType("an SVG drawing", ".svg", "image/svg+xml")
# Not `.html`: a batch writes its report as `report.html`.
_HTML = FileType("no picture but a web page (HTML)", ".htm", "text/html", FileKind.WEB_PAGE)
_XML = FileType("no picture but XML", ".xml", "application/xml", FileKind.OTHER)
_JSON = FileType("no picture but JSON", ".json", "application/json", FileKind.OTHER)
_TEXT = FileType("no picture but text", ".txt", "text/plain", FileKind.OTHER)
_BASE64 = FileType("the Base64 text of a picture", ".txt", "text/plain", FileKind.BASE64)
_POINTER = FileType("a pointer of Git LFS in place of a picture", ".txt", "text/plain", FileKind.POINTER)
_FILM = FileType("a film (MP4 or QuickTime)", ".mp4", "video/mp4", FileKind.FILM)
_QUICKTIME = FileType("a film (QuickTime)", ".mov", "video/quicktime", FileKind.FILM)
_ZIP = FileType("a ZIP archive", ".zip", "application/zip", FileKind.ARCHIVE)

_BRANDS = {
    b"avif": FileType("an AVIF picture", ".avif", "image/avif"),
    b"avis": FileType("an AVIF animation", ".avif", "image/avif"),
    b"crx ": FileType("a raw picture of a Canon camera (CR3)", ".cr3", kind=FileKind.RAW),
    b"jp2 ": FileType("a JPEG 2000 picture", ".jp2", "image/jp2"),
    b"jpx ": FileType("a JPEG 2000 picture", ".jpx", "image/jpx"),
    b"jxl ": FileType("a JPEG XL picture", ".jxl", "image/jxl"),
    b"qt  ": _QUICKTIME,
    b"M4A ": FileType("no picture but sound (M4A)", ".m4a", "audio/mp4", FileKind.OTHER),
    b"M4B ": FileType("no picture but sound (M4B)", ".m4b", "audio/mp4", FileKind.OTHER),
}
_HEIC = FileType("an HEIC picture, as phones take it", ".heic", "image/heic")
_HEIF = FileType("an HEIF picture", ".heif", "image/heif")
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"msf1", b"mif2", b"miaf"}

_RIFF = {
    b"AVI ": FileType("a film (AVI)", ".avi", "video/x-msvideo", FileKind.FILM),
    b"WAVE": FileType("no picture but sound (WAV)", ".wav", "audio/wav", FileKind.OTHER),
}
_TIFF = FileType("a TIFF picture, or a camera's raw picture", ".tif", "image/tiff")
_MAGIC: tuple[tuple[bytes, FileType], ...] = (
    (png.SIGNATURE, PNG),
    (jpeg.SIGNATURE, JPEG),
    (b"\x89PNG", FileType("a PNG that was damaged by a transfer as text", ".png", kind=FileKind.WEB_PAGE)),
    (b"\x8aMNG", FileType("an MNG animation", ".mng", "video/x-mng")),
    (b"\x8bJNG", FileType("a JNG picture", ".jng", "image/x-jng")),
    (b"GIF8", FileType("a GIF", ".gif", "image/gif")),
    (b"\xff\x0a", FileType("a JPEG XL picture", ".jxl", "image/jxl")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", FileType("a JPEG XL picture", ".jxl", "image/jxl")),
    (b"\xff\x4f\xff\x51", FileType("a JPEG 2000 picture", ".j2k", "image/jp2")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", FileType("a JPEG 2000 picture", ".jp2", "image/jp2")),
    (b"II\xbc", FileType("a JPEG XR picture", ".jxr", "image/jxr")),
    (b"II*\0\x10\0\0\0CR", FileType("a raw picture of a Canon camera (CR2)", ".cr2", kind=FileKind.RAW)),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0", FileType("a TIFF picture (BigTIFF)", ".tif", "image/tiff")),
    (b"MM\0+", FileType("a TIFF picture (BigTIFF)", ".tif", "image/tiff")),
    (b"IIRO", FileType("a raw picture of an Olympus camera (ORF)", ".orf", kind=FileKind.RAW)),
    (b"IIRS", FileType("a raw picture of an Olympus camera (ORF)", ".orf", kind=FileKind.RAW)),
    (b"IIU\0", FileType("a raw picture of a Panasonic camera (RW2)", ".rw2", kind=FileKind.RAW)),
    (b"FUJIFILMCCD-RAW", FileType("a raw picture of a Fujifilm camera (RAF)", ".raf", kind=FileKind.RAW)),
    (b"FOVb", FileType("a raw picture of a Sigma camera (X3F)", ".x3f", kind=FileKind.RAW)),
    (b"8BPS", FileType("a Photoshop file (PSD)", ".psd", "image/vnd.adobe.photoshop")),
    (b"gimp xcf", FileType("a GIMP file (XCF)", ".xcf", "image/x-xcf")),
    (b"BPG\xfb", FileType("a BPG picture", ".bpg")),
    (b"qoif", FileType("a QOI picture", ".qoi")),
    (b"DDS ", FileType("a DDS texture", ".dds", "image/vnd.ms-dds")),
    (b"\x76\x2f\x31\x01", FileType("an OpenEXR picture", ".exr", "image/x-exr")),
    (b"#?RADIANCE", FileType("a Radiance HDR picture", ".hdr", "image/vnd.radiance")),
    (b"#?RGBE", FileType("a Radiance HDR picture", ".hdr", "image/vnd.radiance")),
    (b"icns", FileType("a Mac icon (ICNS)", ".icns", "image/icns")),
    (b"AT&TFORM", FileType("a DjVu document", ".djvu", "image/vnd.djvu", FileKind.DOCUMENT)),
    (b"\xd7\xcd\xc6\x9a", FileType("a WMF drawing", ".wmf", "image/wmf")),
    (b"SIMPLE  =", FileType("a FITS picture", ".fits", "image/fits")),
    (b"%PDF", FileType("a PDF", ".pdf", "application/pdf", FileKind.DOCUMENT)),
    (b"%!PS", FileType("a PostScript document (EPS)", ".eps", "application/postscript", FileKind.DOCUMENT)),
    (
        b"\xc5\xd0\xd3\xc6",
        FileType("a PostScript document (EPS)", ".eps", "application/postscript", FileKind.DOCUMENT),
    ),
    (b"\x1aE\xdf\xa3", FileType("a film (WebM or Matroska)", ".webm", "video/webm", FileKind.FILM)),
    (b"FLV\x01", FileType("a film (FLV)", ".flv", "video/x-flv", FileKind.FILM)),
    (b"0&\xb2u\x8ef\xcf\x11", FileType("a film (WMV)", ".wmv", "video/x-ms-wmv", FileKind.FILM)),
    (b"\0\0\x01\xba", FileType("a film (MPEG)", ".mpg", "video/mpeg", FileKind.FILM)),
    (b"\0\0\x01\xb3", FileType("a film (MPEG)", ".mpg", "video/mpeg", FileKind.FILM)),
    (b"OggS", FileType("a film, or sound (Ogg)", ".ogg", "application/ogg", FileKind.FILM)),
    (b"ID3", FileType("no picture but sound (MP3)", ".mp3", "audio/mpeg", FileKind.OTHER)),
    (b"fLaC", FileType("no picture but sound (FLAC)", ".flac", "audio/flac", FileKind.OTHER)),
    (b"\x1f\x8b", FileType("compressed with gzip", ".gz", "application/gzip", FileKind.ARCHIVE)),
    (b"BZh", FileType("compressed with bzip2", ".bz2", "application/x-bzip2", FileKind.ARCHIVE)),
    (b"\xfd7zXZ\0", FileType("compressed with xz", ".xz", "application/x-xz", FileKind.ARCHIVE)),
    (b"\x28\xb5\x2f\xfd", FileType("compressed with zstd", ".zst", "application/zstd", FileKind.ARCHIVE)),
    (b"7z\xbc\xaf\x27\x1c", FileType("a 7-Zip archive", ".7z", kind=FileKind.ARCHIVE)),
    (b"Rar!\x1a\x07", FileType("a RAR archive", ".rar", "application/vnd.rar", FileKind.ARCHIVE)),
    (b"PK\x05\x06", _ZIP),
    (b"\0\x05\x16\x07", FileType("an Apple `._` file", ".bin", kind=FileKind.SIDE_FILE)),
    (b"\0\x05\x16\0", FileType("an AppleSingle file", ".bin", kind=FileKind.SIDE_FILE)),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        FileType("an old Office document, or the thumbnails of a folder", ".bin", kind=FileKind.OTHER),
    ),
    (b"L\0\0\0\x01\x14\x02\0", FileType("a Windows shortcut (.lnk)", ".lnk", kind=FileKind.OTHER)),
    (b"SQLite format 3\0", FileType("no picture but a database (SQLite)", ".db", kind=FileKind.OTHER)),
)
_TGA = FileType("a TGA picture", ".tga", "image/x-tga")
_PATTERNS: tuple[tuple[re.Pattern[bytes], FileType], ...] = tuple(
    (re.compile(pattern, re.DOTALL), found)
    for pattern, found in (
        (rb"\xff\xd8", FileType("a JPEG with other bytes after its first marker", ".jpg", "image/jpeg")),
        (rb".{4}(moov|mdat|wide|free|skip|pnot)", _QUICKTIME),
        (rb".{257}ustar", FileType("a tar archive", ".tar", "application/x-tar", FileKind.ARCHIVE)),
        (rb".{128}DICM", FileType("a medical picture (DICOM)", ".dcm", "application/dicom")),
        (rb"BM.{13}\0\0\0", FileType("a BMP", ".bmp", "image/bmp")),
        (rb"\0\0[\x02\x0a]\0{9}", _TGA),
        (rb"\0\0\x01\0(?!\0\0)", FileType("an icon (ICO)", ".ico", "image/vnd.microsoft.icon")),
        (rb"\0\0\x02\0(?!\0\0)", FileType("a mouse cursor (CUR)", ".cur")),
        (rb"G.{187}G.{187}G", FileType("a film (MPEG stream)", ".ts", "video/mp2t", FileKind.FILM)),
        (rb"P[1-7][\s#]", FileType("a PNM picture", ".pnm", "image/x-portable-anymap")),
        (rb"\n[\x03\x05]\x01", FileType("a PCX picture", ".pcx", "image/x-pcx")),
    )
)
"""Types with a short signature, or with one that does not stand at the beginning."""
_TGA_END = b"TRUEVISION-XFILE.\0"
_BASE64_PICTURE = re.compile(r"(data:image/|iVBORw0KGgo|/9j/|UklGR)")
_PROLOG = re.compile(
    r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+svg[^\[>]*(?:\[.*?\]\s*)?>)*", re.DOTALL | re.IGNORECASE
)
_WEB_PAGE = re.compile(r"<(!doctype\s+html|html|head|body|title|meta|script|div|p|h1)\b", re.IGNORECASE)


def file_type_of(data: bytes) -> FileType:
    """The type of a file with these bytes. `UNKNOWN` if nothing tells it."""
    if webp.is_webp(data):
        return WEBP
    if data[4:8] == b"ftyp":
        return _type_of_brands(data)
    for magic, found in _MAGIC:
        if data.startswith(magic):
            return found
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    if data[:4] == b"PK\3\4":
        return _type_of_zip(data)
    for pattern, found in _PATTERNS:
        if pattern.match(data):
            return found
    return _TGA if data.endswith(_TGA_END) else _type_without_signature(data)


def is_picture_data(data: bytes) -> bool:
    """Whether the bytes are those of a picture, film or document, and no text.

    An SVG is a text. A text may also begin with the letters of a signature, such as `GIF8` or `BM`.
    """
    return file_type_of(data).is_picture and _text_of(data[:_EXCERPT_BYTES]) is None


def _type_without_signature(data: bytes) -> FileType:
    start = data[:_EXCERPT_BYTES]
    if start and not start.strip(b"\0"):
        return _EMPTY
    return _type_behind_blanks(data) or _type_of_text(start, data) or UNKNOWN


def _type_of_brands(data: bytes) -> FileType:
    """ISO/IEC 14496-12, 4.3: a major brand, a version, and the brands that the file also obeys."""
    size = min(max(16, int.from_bytes(data[:4], "big")), 512)
    major = data[8:12]
    brands = [major, *(data[at : at + 4] for at in range(16, size, 4))]
    if major in _BRANDS:
        return _BRANDS[major]
    if major in _HEIC_BRANDS:
        return _HEIC
    if major in _HEIF_BRANDS:
        also = next((_BRANDS[brand] for brand in brands if brand in {b"avif", b"avis"}), None)
        return also or (_HEIC if _HEIC_BRANDS.intersection(brands) else _HEIF)
    return _FILM


def _type_behind_blanks(data: bytes) -> FileType | None:
    """Scripts of web servers may send blank lines, or a byte order mark, before a picture."""
    start = data[:_EXCERPT_BYTES]
    at = len(start) - len(start.lstrip(b"\xef\xbb\xbf \t\r\n"))
    for magic, found in _MAGIC if at else ():
        if data.startswith(magic, at):
            return replace(found, name=f"{found.name} behind {at:,} blank bytes")
    return None


def _type_of_zip(data: bytes) -> FileType:
    start = data[:_EXCERPT_BYTES]
    for folder, suffix, name in (
        (b"word/", ".docx", "a Word document"),
        (b"ppt/", ".pptx", "a PowerPoint document"),
        (b"xl/", ".xlsx", "an Excel document"),
        (b"mimetypeapplication/vnd.oasis.opendocument", ".odt", "an OpenDocument file"),
        (b"mimetypeapplication/epub", ".epub", "an EPUB book"),
        (b"mimetypeapplication/x-krita", ".kra", "a Krita file"),
        (b"mimetypeimage/openraster", ".ora", "an OpenRaster file"),
    ):
        if folder in start:
            return FileType(name, suffix, kind=FileKind.DOCUMENT)
    return _ZIP


def _type_of_text(start: bytes, data: bytes) -> FileType | None:
    text = _text_of(start)
    if text is None:
        return None
    if text.startswith("version https://git-lfs.github.com/spec/"):
        return _POINTER
    if _BASE64_PICTURE.match(text):
        return _BASE64
    prolog = _PROLOG.match(text)
    root = text[prolog.end() if prolog else 0 :]
    if re.match(r"<(\w+:)?svg\b", root):
        return _SVG
    if _WEB_PAGE.match(root):
        return _HTML
    if text.startswith("<?xml"):
        return _XML
    if text[:1] in {"{", "["} and _is_json(data):
        return _JSON
    return _TEXT if text else None


def _text_of(start: bytes) -> str | None:
    """The text at the beginning of a file, without blanks before; None if the bytes are no text."""
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(start[:2], "utf-8-sig")
    try:
        # A character may be cut at the end.
        text = start.decode(encoding, errors="strict")
    except UnicodeDecodeError as exc:
        if exc.start < len(start) - 4:
            return None
        text = start[: exc.start].decode(encoding)
    text = text.lstrip("\ufeff \t\r\n")
    is_text = not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text)
    return text if is_text else None


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data[:_JSON_BYTES])
    except (ValueError, RecursionError):
        return False
    return True
