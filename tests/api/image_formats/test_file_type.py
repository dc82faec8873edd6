"""What a file is, whatever its name says."""

import zipfile
from io import BytesIO

import pytest
from PIL import Image

from segmind_swap._api.image_formats.file_type import UNKNOWN, FileKind, file_type_of, is_picture_data
from segmind_swap._api.image_header import checked


def brands(major: bytes, *more: bytes) -> bytes:
    return (16 + 4 * len(more)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + b"".join(more) + bytes(40)


def zipped(*names: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


KNOWN: dict[str, tuple[bytes, str, str]] = {
    "HEIC": (brands(b"heic", b"mif1", b"heic"), "an HEIC picture", ".heic"),
    "HEIC by its other brands": (brands(b"mif1", b"mif1", b"heix"), "an HEIC picture", ".heic"),
    "HEIF": (brands(b"mif1", b"mif1"), "an HEIF picture", ".heif"),
    "AVIF": (brands(b"avif", b"mif1", b"avif"), "an AVIF picture", ".avif"),
    "AVIF by its other brands": (brands(b"mif1", b"miaf", b"avif"), "an AVIF picture", ".avif"),
    "AVIF animation": (brands(b"avis", b"msf1"), "an AVIF animation", ".avif"),
    "MP4": (brands(b"isom", b"isom", b"mp41"), "a film", ".mp4"),
    "MP4 of a phone": (brands(b"mp42"), "a film", ".mp4"),
    "MOV of a Live Photo": (brands(b"qt  ", b"qt  "), "a film", ".mov"),
    "MOV without a brand": (b"\0\0\0\x08wide\0\0\0\0mdat", "a film", ".mov"),
    "3GP": (brands(b"3gp5"), "a film", ".mp4"),
    "film in short": (b"\0\0\0\x18ftypisom" + bytes(12), "a film", ".mp4"),
    "CR3": (brands(b"crx ", b"crx "), "raw picture of a Canon", ".cr3"),
    "M4A": (brands(b"M4A "), "sound", ".m4a"),
    "WebM": (b"\x1aE\xdf\xa3" + bytes(20), "a film", ".webm"),
    "AVI": (b"RIFF\x24\0\0\0AVI LIST", "a film", ".avi"),
    "WAV": (b"RIFF\x24\0\0\0WAVEfmt ", "sound", ".wav"),
    "JPEG XL codestream": (b"\xff\x0a\xfa\x7f", "a JPEG XL", ".jxl"),
    "JPEG XL container": (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL", ".jxl"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000", ".jp2"),
    "JPEG 2000 codestream": (b"\xff\x4f\xff\x51\0\x29", "a JPEG 2000", ".j2k"),
    "JPEG XR": (b"II\xbc\x01", "a JPEG XR", ".jxr"),
    "TIFF": (b"II*\0\x08\0\0\0", "a TIFF", ".tif"),
    "TIFF of the other order": (b"MM\0*\0\0\0\x08", "a TIFF", ".tif"),
    "BigTIFF": (b"II+\0\x08\0", "BigTIFF", ".tif"),
    "CR2": (b"II*\0\x10\0\0\0CR\x02\0", "raw picture of a Canon", ".cr2"),
    "RW2": (b"IIU\0\x18\0\0\0", "Panasonic", ".rw2"),
    "ORF": (b"IIRO\x08\0\0\0", "Olympus", ".orf"),
    "RAF": (b"FUJIFILMCCD-RAW 0201", "Fujifilm", ".raf"),
    "GIF": (b"GIF89a" + bytes(20), "a GIF", ".gif"),
    "PSD": (b"8BPS\0\x01", "a Photoshop file", ".psd"),
    "ICO": (b"\0\0\1\0\1\0\x10\x10", "an icon", ".ico"),
    "CUR": (b"\0\0\2\0\1\0\x20\x20", "a mouse cursor", ".cur"),
    "QOI": (b"qoif\0\0", "a QOI", ".qoi"),
    "DDS": (b"DDS |\0\0\0", "a DDS", ".dds"),
    "EXR": (b"\x76\x2f\x31\x01\2\0\0\0", "an OpenEXR", ".exr"),
    "HDR": (b"#?RADIANCE\nFORMAT", "a Radiance HDR", ".hdr"),
    "PNM": (b"P6\n1 1\n255\n\0\0\0", "a PNM", ".pnm"),
    "XCF": (b"gimp xcf v011\0", "a GIMP file", ".xcf"),
    "PDF or AI": (b"%PDF-1.7\n", "a PDF", ".pdf"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document", ".eps"),
    "EPS with a preview": (b"\xc5\xd0\xd3\xc6" + bytes(20), "a PostScript document", ".eps"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing", ".svg"),
    "SVG with all before it": (
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by <hand> -->\n'
        b'<!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY x "y">]>\n<svg>',
        "an SVG drawing",
        ".svg",
    ),
    "SVG with a prefix": (b"<?xml version='1.0'?><svg:svg>", "an SVG drawing", ".svg"),
    "SVG in UTF-16": ("\ufeff<svg/>".encode("utf-16-le"), "an SVG drawing", ".svg"),
    "HTML": (b"<!DOCTYPE html>\n<html>", "a web page", ".htm"),
    "HTML after a comment": (b"\n<!-- saved -->\n<HTML lang=de>", "a web page", ".htm"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "no picture but XML", ".xml"),
    "JSON": (b'{"error": "expired"}', "no picture but JSON", ".json"),
    "JSON that is none": (b'{"error": ', "no picture but text", ".txt"),
    "text": ("Größe\n".encode(), "no picture but text", ".txt"),
    "text that is cut in a letter": (b"a" * 4095 + "é".encode(), "no picture but text", ".txt"),
    "Base64": (b"iVBORw0KGgoAAAANSUhEUg", "the Base64 text of a picture", ".txt"),
    "a data URL": (b"data:image/png;base64,iVBO", "the Base64 text of a picture", ".txt"),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "a pointer of Git LFS",
        ".txt",
    ),
    "Apple's side file": (b"\0\5\x16\7\0\2\0\0Mac OS X", "an Apple `._` file", ".bin"),
    "ZIP": (zipped("a.png"), "a ZIP archive", ".zip"),
    "Word": (zipped("[Content_Types].xml", "word/document.xml"), "a Word document", ".docx"),
    "gzip": (b"\x1f\x8b\x08\0", "compressed with gzip", ".gz"),
    "PNG damaged as text": (b"\x89PNG\n\x1a\n\0\0\0\rIHDR", "damaged by a transfer as text", ".png"),
    "JPEG behind a blank line": (b"\r\n\xff\xd8\xff\xe0", "a JPEG behind 2 blank bytes", ".jpg"),
    "JPEG with bytes after its start": (b"\xff\xd8\n\n\xff\xe0", "a JPEG with other bytes", ".jpg"),
    "zeros": (bytes(100), "all zeros", ".bin"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_file_is_named_for_what_it_is(name: str) -> None:
    data, words, suffix = KNOWN[name]
    found = file_type_of(data)
    assert words in found.name
    assert found.suffix == suffix
    with pytest.raises(ValueError, match=r"^it is ") as caught:
        checked(data, max_bytes=10_000_000)
    assert words in str(caught.value)
    assert str(caught.value).endswith(f": {found.kind.value}")


@pytest.mark.parametrize(
    "form",
    [
        "BMP",
        "DDS",
        "GIF",
        "ICO",
        "JPEG2000",
        "PCX",
        "PPM",
        "TGA",
        "TIFF",
        "ICNS",
        "PDF",
        "EPS",
        "QOI",
        "AVIF",
    ],
)
def test_what_pillow_writes_is_known(form: str) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, form)
    assert file_type_of(file.getvalue()) is not UNKNOWN
    assert file_type_of(file.getvalue()).is_picture


def test_a_text_is_no_picture_data_although_it_begins_like_a_picture() -> None:
    assert is_picture_data(brands(b"avif"))
    for text in (b"GIF89a, BM, P6 ", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"{}", b""):
        assert not is_picture_data(text)


@pytest.mark.parametrize(
    "data", [b"", b"\x89", b"\xff", bytes(range(200, 256)), b"RIFF\0\0\0\0ABCD"], ids=repr
)
def test_bytes_that_tell_nothing_are_unknown(data: bytes) -> None:
    assert file_type_of(data) is UNKNOWN
    assert (UNKNOWN.suffix, UNKNOWN.media_type) == (".bin", "application/octet-stream")
    assert not UNKNOWN.is_picture


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("MP4", "save one frame of the film"),
        ("HEIC", "the service takes JPEG, PNG and WebP; save it as one of them"),
        ("Git LFS", "git lfs pull"),
        ("HTML", "download the picture itself"),
        ("gzip", "unpack it"),
        ("Apple's side file", "without `._`"),
    ],
)
def test_the_advice_fits_the_file(name: str, advice: str) -> None:
    assert advice in file_type_of(KNOWN[name][0]).kind.value


def test_a_suffix_is_no_longer_than_that_of_a_webp() -> None:
    """A name is checked with `.webp` before the swap is paid."""
    assert {len(file_type_of(data).suffix) for data, _, _ in KNOWN.values()} <= {3, 4, 5}
    assert FileKind.PICTURE.value.startswith("the service takes JPEG, PNG and WebP")
