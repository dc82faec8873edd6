"""Files of results that are no whole JPEG, PNG or WebP, and files that a crash has left."""

import io
from pathlib import Path

import anyio
import pytest
from PIL import Image

from segmind_swap._events import Event, Saved
from segmind_swap._swap import downloads
from segmind_swap._swap.output_files import OutputFile, check_target, holds_result, reserved

from ..support.hosts import Host, names_in, result_at, session_with
from ..support.sessions import PICTURE_URL, jpeg, png, webp

GIF = b"GIF89a\1\0\1\0"
PAGE = b"<html>gone</html>"


async def saved(body: bytes, file: OutputFile) -> Path:
    await check_target(file)
    result = await downloads.save(session_with(Host(body)), result_at(), file, swap=1)
    assert result.path is not None
    return result.path


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (GIF, "a.gif"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avif", "a.avif"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "a.heic"),
        (PAGE, "a.htm"),
        (b"\xf1\xf2\xf3\xf4", "a.bin"),
        (jpeg()[:-2], "a.jpg"),
        (png()[:-4], "a.png"),
    ],
)
async def test_a_result_of_another_type_gets_the_suffix_of_its_bytes_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, body: bytes, name: str
) -> None:
    path = await saved(body, OutputFile.named(tmp_path / "a", overwrite=False))
    assert names_in(tmp_path) == [name]
    assert path.read_bytes() == body
    (record,) = caplog.records
    assert record.getMessage().startswith(f"the result was saved as {path}, although it is ")
    assert f"look at the file; {PICTURE_URL} can be fetched again for about 7 days" in record.getMessage()


async def test_the_event_names_the_type_of_the_bytes(tmp_path: Path) -> None:
    events: list[Event] = []
    session = session_with(Host(b"\xf1\xf2"), on_event=events.append)
    await downloads.save(session, result_at(), OutputFile(tmp_path / "a", suffixed=True), swap=1)
    (event,) = [event for event in events if isinstance(event, Saved)]
    assert (event.media_type, event.size_bytes, event.path) == (
        "application/octet-stream",
        2,
        tmp_path / "a.bin",
    )


async def test_a_name_that_was_given_with_a_suffix_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = await saved(GIF, OutputFile.named(tmp_path / "a.png", overwrite=False))
    assert path == tmp_path / "a.png"
    assert "it is a GIF" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("name", "expected"), [("a.gif", "a.gif"), ("A.GIF", "A.GIF"), ("a.avif", "a.avif.gif")]
)
async def test_a_name_that_says_the_type_already_gets_no_second_suffix(
    tmp_path: Path, name: str, expected: str
) -> None:
    assert await saved(GIF, OutputFile.named(tmp_path / name, overwrite=False)) == tmp_path / expected


@pytest.mark.parametrize("overwrite", [False, True])
async def test_an_odd_suffix_never_replaces_a_file_and_never_loses_the_result(
    tmp_path: Path, overwrite: bool
) -> None:
    (tmp_path / "a.gif").write_text("mine")
    (tmp_path / "a-2.gif").mkdir()
    file = OutputFile.named(tmp_path / "a", overwrite=overwrite)
    assert await saved(GIF, file) == tmp_path / "a-3.gif"
    assert (tmp_path / "a.gif").read_text() == "mine"
    assert (tmp_path / "a-3.gif").read_bytes() == GIF
    assert await saved(GIF, file) == tmp_path / "a-3.gif", "the same result again is saved already"
    assert names_in(tmp_path) == ["a-2.gif", "a-3.gif", "a.gif"]


async def test_swaps_side_by_side_get_names_of_their_own(tmp_path: Path) -> None:
    """`a` becomes `a.gif`, and so does `a.gif`, which no check before the POST can know."""
    paths: list[Path] = []
    reserved_paths: set[Path] = set()

    async def one(name: str, body: bytes) -> None:
        file = OutputFile(tmp_path / name, suffixed=True)
        async with reserved(reserved_paths, file):
            paths.append(await saved(body, file))

    async with anyio.create_task_group() as group:
        group.start_soon(one, "a", GIF)
        group.start_soon(one, "a.gif", GIF + b"2")
    assert sorted(path.name for path in paths) == ["a-2.gif", "a.gif"]
    assert {path.read_bytes() for path in paths} == {GIF, GIF + b"2"}


LEFT_BY_A_CRASH = [b"", png()[:20], png()[:-1], bytes(len(png())), png()[:30] + bytes(len(png()) - 30)]


@pytest.mark.parametrize("left", LEFT_BY_A_CRASH, ids=range(len(LEFT_BY_A_CRASH)))
async def test_a_file_that_a_crash_has_left_is_replaced_by_the_whole_picture(
    tmp_path: Path, left: bytes
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(left)
    assert not holds_result(path)
    file = OutputFile(tmp_path / "a", suffixed=True)
    result = await downloads.save(session_with(Host()), result_at(), file, swap=1)
    assert result.path == path
    assert path.read_bytes() == png()
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    "content",
    [
        png(),
        jpeg(),
        webp(),
        png() + b"trailer",
        jpeg() + b"\n",
        GIF,
        PAGE,
        b"edited",
        b"\xff\xd8\xff damaged",
    ],
)
def test_any_other_file_holds_a_result(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert holds_result(path)


@pytest.mark.parametrize("content", [b"", png()[:-1], jpeg()[:-1], webp()[:-1], bytes(50)])
def test_half_a_file_holds_no_result(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert not holds_result(path)


def made(form: str, image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def test_a_picture_with_a_plain_end_holds_a_result_and_one_that_lost_its_last_blocks_does_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    plain, noise = Image.new("RGB", (900, 800)), Image.effect_noise((200, 200), 50)
    for form in ("WEBP", "BMP"):
        whole = made(form, plain)
        assert not whole[-40:].strip(b"\0"), "else this test shows nothing"
        path.write_bytes(whole)
        assert holds_result(path)
        content = made(form, noise)
        for begin in (512, 4096):
            path.write_bytes(content[:begin].ljust(len(content), b"\0"))
            assert not holds_result(path)
    # No whole PNG or JPEG ends with zeros of its own.
    for form in ("PNG", "JPEG"):
        content = made(form, noise)
        path.write_bytes(content[:700].ljust(len(content), b"\0"))
        assert not holds_result(path)


def test_what_is_missing_or_no_file_holds_no_result(tmp_path: Path) -> None:
    assert not holds_result(tmp_path / "a.png")
    assert not holds_result(tmp_path)
