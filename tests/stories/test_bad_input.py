"""What a caller may give by mistake: refused by name, with what to do, before one request is sent."""

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from segmind_swap import (
    ConfigurationError,
    ImageError,
    JournalError,
    OutcomeState,
    SwapClient,
    SwapError,
    SwapRequest,
)
from segmind_swap._config import MAX_IMAGE_BYTES
from segmind_swap.cli._batch.pairs_file import read_pairs
from segmind_swap.cli._tables.columns import COLUMNS
from segmind_swap.emulator import Emulator

from ..support.scripted_service import PICTURES, REFERENCE, SCENE, Scripted, Step, client
from ..support.sessions import jpeg, png

POSIX = pytest.mark.skipif(os.name != "posix", reason="there are no such files")
HEADER = ",".join(COLUMNS)


def huge_header() -> bytes:
    """A PNG that says it is of 30,000 x 30,000 pixels, which would be 3.6 GB once decoded."""
    return png().replace(bytes([0, 0, 0, 1, 0, 0, 0, 1]), (30_000).to_bytes(4, "big") * 2, 1)


CONTENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "huge.png": (huge_header, "30000 x 30000 pixels are more than 100,000,000: make it smaller"),
    "flat.png": (lambda: png().replace(bytes([0, 0, 0, 1]) * 2, bytes(8), 1), "0 x 0 pixels"),
    "cut.png": (lambda: png()[:40], "cut short"),
    "head.png": (lambda: png()[:8], "cut short"),
    "zip.png": (lambda: png()[:8] + b"PK\x03\x04" + bytes(40), "it does not begin with a header"),
    "html.png": (lambda: png()[:33] + b"<html><script>alert(1)</script>", "damaged PNG"),
    "page.png": (lambda: b"<html></html>", "it is no picture but a web page (HTML)"),
    "archive.jpg": (lambda: b"PK\x03\x04" + bytes(40), "it is a ZIP archive: unpack it"),
    "film.jpg": (lambda: b"\0\0\0\x18ftypisom" + bytes(12), "it is a film (MP4 or QuickTime)"),
    "cut.jpg": (lambda: jpeg()[:-2], "it is a JPEG that is cut short"),
    "pixels.png": (lambda: png()[:41] + bytes(12) + png()[53:], "its pixels cannot be decompressed"),
    "anim.png": (lambda: b"GIF89a" + bytes(40), "it is a GIF: the service takes"),
    "empty.png": (lambda: b"", "it is empty"),
    "large.png": (lambda: png() + bytes(MAX_IMAGE_BYTES + 1 - len(png())), "larger than"),
}


class Raises(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise RuntimeError("the disk is gone")


def closed() -> io.BytesIO:
    file = io.BytesIO(png())
    file.close()
    return file


def at_its_end() -> io.BytesIO:
    file = io.BytesIO(png())
    file.read()
    return file


OBJECTS: dict[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: io.StringIO("a picture"), "open as text: open it in mode 'rb'"),
    "closed": (closed, "closed file"),
    "at its end": (at_its_end, "it is empty"),
    "raises": (Raises, "reading it raised RuntimeError: the disk is gone"),
    "none": (lambda: None, "give a path, bytes"),
    "number": (lambda: 7, "give a path, bytes"),
    "data URL": (lambda: "data:image/png;base64,AA==", "decode it and give the bytes"),
    "file URL": (lambda: "file:///etc/passwd", "file:// cannot be used: give a path"),
    "URL with a password": (lambda: "https://me:pass@pictures.example/a.png", "user name or password"),
    "private URL": (lambda: "https://192.168.1.1/a.png", "is not a public address"),
    "no path": (lambda: "", "the path is empty"),
    "NUL": (lambda: "a\0b.png", "null"),
    "half a character": (lambda: "a\ud800.png", "surrogates"),
    "long path": (lambda: "x" * 5000, "File name too long"),
}


async def refused(images: dict[str, Any], words: str, *, id: str | None = "a") -> list[SwapError]:
    """Refused by one swap, by a batch and by a check, with nothing sent and nothing paid."""
    emulator = Emulator()
    asked: list[httpx.Request] = []

    class Watched(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return await super().handle_async_request(request)

    errors: list[SwapError] = []
    transport = Watched(app=emulator.app)
    async with SwapClient("emulator-key", transport=transport) as segmind:
        for call in (segmind.swap, segmind.submit):
            with pytest.raises(ImageError) as caught:
                await call(**images)
            errors.append(caught.value)
        request = SwapRequest(id=id, **images)
        (outcome,) = await segmind.swap_all([request], journal=":memory:")
        problems = await segmind.check([request])
    assert outcome.state is OutcomeState.REJECTED
    assert isinstance(outcome.error, ImageError)
    errors.append(outcome.error)
    errors += [problem.error for problem in problems if problem.error is not None]
    assert emulator.ledger == ()
    assert asked == []
    for error in errors:
        assert words in str(error)
        assert isinstance(error, ImageError)
        assert str(error).startswith(error.image), "the input is named first"
        assert error.job is None
    return errors


# Pictures


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("field", ["reference_character_image", "character_image"])
async def test_a_file_that_is_no_usable_picture_is_refused_before_anything_is_sent(
    name: str, field: str, tmp_path: Path
) -> None:
    content, words = CONTENTS[name]
    path = tmp_path / name
    path.write_bytes(content())
    (tmp_path / "good.png").write_bytes(png())
    images = {key: str(tmp_path / "good.png") for key in PICTURES} | {field: str(path)}
    errors = await refused(images, words)
    assert len(errors) == 4
    assert {error.image for error in errors if isinstance(error, ImageError)} == {str(path)}


@pytest.mark.parametrize("what", OBJECTS)
async def test_a_thing_that_is_no_usable_picture_is_refused_before_anything_is_sent(what: str) -> None:
    make, words = OBJECTS[what]
    await refused({"reference_character_image": png(), "character_image": make()}, words)


async def test_a_picture_followed_by_something_else_is_a_picture_and_goes_as_it_is(tmp_path: Path) -> None:
    # Also a ZIP or a page: what it is besides is the service's to judge; nothing here opens it.
    both = png() + b"PK\x03\x04<script>alert(1)</script>"
    emulator = Emulator()
    async with SwapClient("emulator-key", transport=httpx.ASGITransport(app=emulator.app)) as segmind:
        await segmind.submit(reference_character_image=both, character_image=png(1))
    assert len(emulator.ledger) == 1


@POSIX
@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "loop", "nowhere", "behind a file"])
async def test_what_is_no_regular_file_is_refused_without_waiting_for_it(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    words = "it is not a regular file"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path)
            words = "symbolic links"
        case "nowhere":
            path.symlink_to(tmp_path / "nowhere.png")
            words = "No such file"
        case _:
            path.write_bytes(png())
            path /= "b.png"
            words = "Not a directory"
    await refused({"reference_character_image": png(), "character_image": str(path)}, words)


@POSIX
async def test_a_link_to_a_picture_is_a_picture(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(png())
    (tmp_path / "link.png").symlink_to("real.png")
    service = Scripted()
    async with client(service) as segmind:
        await segmind.submit(reference_character_image=REFERENCE, character_image=tmp_path / "link.png")
    assert service.count("upload") == service.count("submit") == 1


@POSIX
async def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # root may read anything
    try:
        await refused({"reference_character_image": png(), "character_image": str(path)}, "Permission denied")
    finally:
        os.seteuid(user)


async def test_a_picture_that_goes_between_the_check_and_the_swap_is_refused_and_the_others_are_made(
    tmp_path: Path,
) -> None:
    requests = []
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png(ord(name)))
        scene = str(tmp_path / f"{name}.png")
        requests.append(SwapRequest(id=name, reference_character_image=REFERENCE, character_image=scene))
    service = Scripted()
    async with client(service) as segmind:
        assert await segmind.check(requests, journal=tmp_path / "run.db") == []
        (tmp_path / "a.png").unlink()
        gone, made = await segmind.swap_all(requests, journal=tmp_path / "run.db")
    assert isinstance(gone.error, ImageError)
    assert "a.png: No such file" in str(gone.error)
    assert (gone.state, made.state) == (OutcomeState.REJECTED, OutcomeState.COMPLETED)
    assert service.count("submit") == 1


async def test_a_picture_that_changes_while_it_is_sent_is_found_out_before_it_is_paid(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(1))
    unavailable = [Step(status=503)] * 5

    class Meanwhile(Scripted):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            path.write_bytes(png(2))
            return await super().handle_async_request(request)

    service = Meanwhile(upload=[*unavailable, Step(body={"file_urls": ["https://images.segmind.com/u.png"]})])
    request = SwapRequest(id="a", reference_character_image=REFERENCE, character_image=str(path))
    async with client(service) as segmind:
        (outcome,) = await segmind.swap_all([request], journal=tmp_path / "run.db")
    assert outcome.state is OutcomeState.REJECTED
    assert "was changed while the batch ran" in str(outcome.error)
    assert (service.count("upload"), service.count("submit")) == (5, 0)


# Ids


BAD_IDS = {
    "../x": "'/'",
    "a/b": "'/'",
    "a\\b": "'\\\\'",
    "/etc/passwd": "'/'",
    "..": "begins or ends with a dot",
    ".": "begins or ends with a dot",
    ".hidden": "begins or ends with a dot",
    "a\0b": "'\\x00'",
    "a\nb": "'\\n'",
    "\x1b[2J": "'\\x1b'",
    "CON": "Windows keeps this name",
    "nul.txt": "Windows keeps this name",
    "a:b": "':'",
    "": "it is empty",
    "   ": "it is empty",
    "x" * 300: "longer than 180 bytes",
    "😀" * 46: "longer than 180 bytes",
    "a\u202eb": "cannot be seen",
    "a\u200bb": "cannot be seen",
    "a\ud800": "'\\ud800'",
}


@pytest.mark.parametrize("id", BAD_IDS, ids=lambda id: ascii(id)[:20])
async def test_an_id_that_cannot_name_a_file_is_refused_before_anything_is_sent(
    id: str, tmp_path: Path
) -> None:
    service = Scripted()
    request = SwapRequest(id=id, **PICTURES)
    async with client(service) as segmind:
        every: list[dict[str, Any]] = [{}, {"journal": tmp_path / "run.db"}, {"save_to": tmp_path / "out"}]
        for options in every:
            (outcome,) = await segmind.swap_all([request], **options)
            (problem,) = await segmind.check([request], **options)
            for error in (outcome.error, problem.error):
                assert isinstance(error, ConfigurationError)
                assert BAD_IDS[id] in str(error)
                assert f"the id {id!r} cannot be used" in str(error)
    assert service.seen == []
    assert sorted(path.name for path in tmp_path.iterdir() if "run.db" not in path.name) == ["out"]
    assert list((tmp_path / "out").iterdir()) == []


USUAL_ENOUGH = ["😀", "e\u0301t\u00e9", "日本", "-rf", "a b", "50%", "ᚠ", "a.b.c", "#1", "x" * 180]


@pytest.mark.parametrize("id", USUAL_ENOUGH)
async def test_an_unusual_id_is_an_id_and_its_file_is_in_the_folder(id: str, tmp_path: Path) -> None:
    async with client(Scripted()) as segmind:
        (outcome,) = await segmind.swap_all([SwapRequest(id=id, **PICTURES)], save_to=tmp_path)
    assert outcome.path is not None
    assert outcome.path.parent == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == [f"{id}.png"]


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a"), ("Scene", "sCENE"), ("\u00e9", "e\u0301"), ("straße", "STRASSE")]
)
async def test_two_ids_that_may_be_one_file_are_told_before_anything_is_sent(
    first: str, second: str, tmp_path: Path
) -> None:
    service = Scripted()
    requests = [SwapRequest(id=id, **PICTURES) for id in (first, second)]
    async with client(service) as segmind:
        (problem,) = await segmind.check(requests, save_to=tmp_path)
        assert service.seen == []
        assert isinstance(problem.error, ConfigurationError)
        assert repr(second) in str(problem.error)
        assert "give each swap an id of its own" in str(problem.error)
        outcomes = await segmind.swap_all(requests, journal=tmp_path / "run.db")
    assert [outcome.state for outcome in outcomes] == [OutcomeState.COMPLETED, OutcomeState.REJECTED]
    assert isinstance(outcomes[1].error, JournalError)
    assert service.count("submit") == 1


# Tables


def table(folder: Path, content: bytes, kind: str = ".csv") -> Path:
    path = folder / f"pairs{kind}"
    path.write_bytes(content)
    return path


ROW = f"{HEADER}\na,r.png,s.png\n"
UNREADABLE = {
    "Latin-1": (
        ROW.replace("a,", "é,").encode("latin-1"),
        "line 2, column 1: the file is not UTF-8: it has the byte 0xE9",
    ),
    "slashes": (ROW.replace(",", "/").encode(), "must name the columns id,reference_character_image"),
    "a column twice": (
        f"{HEADER},character_image\na,r.png,s.png,t.png\n".encode(),
        "line 1 names the column character_image more than once",
    ),
    "an open quote": (
        f'{HEADER}\n"a,r.png,s.png\n'.encode(),
        "line 2 is not CSV: the quote in column 1 is",
    ),
    "a quote in the middle": (f'{HEADER}\n"a"b,r,s\n'.encode(), "line 2 is not CSV"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_table_that_cannot_be_read_says_where_and_why(what: str, tmp_path: Path) -> None:
    content, words = UNREADABLE[what]
    path = table(tmp_path, content)
    with pytest.raises(ConfigurationError) as caught:
        read_pairs(path, None)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_table_may_end_its_lines_in_any_way_and_begin_with_a_mark(
    end: str, mark: bytes, tmp_path: Path
) -> None:
    text = f'{HEADER},note\n"a, b",r.png,s.png,"s\n1.png"\n\nc,r.png,s.png,'.replace("\n", end)
    pairs = read_pairs(table(tmp_path, mark + text.encode()), None)
    assert pairs.problems == []
    assert [request.id for request in pairs.requests] == ["a, b", "c"]
    rows = [dict(zip(COLUMNS, (name, "r.png", "s.png"), strict=True)) for name in "ab"]
    text = end.join(map(json.dumps, rows))
    pairs = read_pairs(table(tmp_path, mark + text.encode(), ".jsonl"), None)
    assert [request.id for request in pairs.requests] == ["a", "b"]


LINES = {
    '{"id":"a","id":"b","reference_character_image":"r","character_image":"s"}': (
        "the line is not JSON: an object has the same name twice"
    ),
    '{"id":' + "[" * 100_000: "the line is not JSON",
    '{"id":' + "[" * 500 + "]" * 500 + "}": "id must be a string, not a list",
    '{"id":' + "9" * 5000 + "}": "the line is not JSON",
    '{"id":1e999}': "id must be a string, not Infinity",
    '{"id":NaN}': "id must be a string, not NaN",
    '{"id":{"x":1}}': "id must be a string, not an object",
    "\0": "the line is not JSON",
    '"a"': "the line is not a JSON object",
}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:20])
def test_a_line_that_cannot_be_a_pair_is_told_by_its_number(line: str, tmp_path: Path) -> None:
    good = json.dumps(dict(zip(COLUMNS, ("good", "r", "s"), strict=True)))
    path = table(tmp_path, f"{good}\n{line}\n".encode(), ".jsonl")
    pairs = read_pairs(path, None)
    assert [request.id for request in pairs.requests] == ["good"]
    (problem,) = pairs.problems
    assert str(problem).startswith(f"{path}:2: {LINES[line]}")
    assert len(str(problem)) < 500


async def test_what_a_table_may_hold_and_no_file_may_be_called_is_told_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "r.png").write_bytes(png())
    rows = [("a\0", "r.png", SCENE), ("b", "r\0.png", SCENE), ("../c", "r.png", SCENE), ("d", "r.png", SCENE)]
    text = "\n".join([HEADER, *map(",".join, rows)])
    service = Scripted()
    async with client(service) as segmind:
        pairs = read_pairs(table(tmp_path, text.encode()), None)
        problems = await segmind.check(pairs.requests, save_to=tmp_path)
    assert [problem.request.id for problem in problems] == ["a\0", "b", "../c"]
    assert service.seen == []


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_table_of_a_hundred_thousand_rows_is_read_in_its_order(kind: str, tmp_path: Path) -> None:
    number = 100_000
    ids = (f"id{n}" for n in range(number))
    if kind == ".csv":
        text = "\r\n".join([HEADER, *(f"{id},{REFERENCE},{SCENE}" for id in ids)])
    else:
        pair = json.dumps(dict(zip(COLUMNS, ("ID", REFERENCE, SCENE), strict=True)))
        text = "\n".join(pair.replace("ID", id) for id in ids)
    pairs = read_pairs(table(tmp_path, text.encode(), kind), None)
    assert pairs.problems == []
    assert [request.id for request in pairs.requests[::9_999]] == [f"id{n}" for n in range(0, number, 9_999)]
    assert len(pairs.requests) == number


@pytest.mark.skipif(sys.platform == "win32", reason="the system knows other names")
def test_a_table_in_a_place_that_is_none_says_so(tmp_path: Path) -> None:
    for name in ("a\0.csv", "x" * 300 + ".csv", "missing/pairs.csv"):
        with pytest.raises(ConfigurationError):
            read_pairs(tmp_path / name, None)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    with pytest.raises(ConfigurationError, match="symbolic links"):
        read_pairs(tmp_path / "loop.csv", None)
