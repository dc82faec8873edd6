"""Files of finished pictures: whole or not at all, and never over somebody else's."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import anyio
import anyio.lowlevel
import httpx
import pytest

from segmind_swap._concurrency import threadsafe_caller
from segmind_swap._errors import ConfigurationError, DownloadError
from segmind_swap._events import Event, Exchanged, Saved
from segmind_swap._models import SwapResult
from segmind_swap._swap import downloads
from segmind_swap._swap.output_files import OutputFile, check_target, reserved
from segmind_swap._swap.session import Session

from ..support.hosts import JOB, Host, Reply, names_in, result_at, session_with
from ..support.sessions import PICTURE_URL, jpeg, png, webp


async def save(session: Session, result: SwapResult, path: Path, *, overwrite: bool) -> Path:
    """As `SwapClient.download` does it."""
    target = OutputFile.named(path, overwrite=overwrite)
    await check_target(target)
    saved = await downloads.save(session, result, target, swap=1)
    assert saved.path is not None
    return saved.path


async def test_a_picture_is_saved_and_told() -> None:
    events: list[Event] = []
    async with anyio.TemporaryDirectory() as folder:
        path = Path(folder) / "hero.png"
        session = session_with(Host(), on_event=events.append)
        assert await save(session, result_at(), path, overwrite=False) == path
        assert path.read_bytes() == png()
        assert names_in(Path(folder)) == ["hero.png"]
    assert [e for e in events if not isinstance(e, Exchanged)] == [
        Saved(swap=1, result=result_at(), path=path, size_bytes=len(png()), media_type="image/png")
    ]


@pytest.mark.parametrize(("data", "name"), [(png(), "a.png"), (jpeg(), "a.jpg"), (webp(), "a.webp")])
async def test_a_name_without_suffix_is_given_that_of_the_type(
    tmp_path: Path, data: bytes, name: str
) -> None:
    assert (
        await save(session_with(Host(data)), result_at(), tmp_path / "a", overwrite=False) == tmp_path / name
    )
    assert names_in(tmp_path) == [name]


async def test_a_suffix_that_was_given_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpeg"
    assert await save(session_with(Host(png())), result_at(), path, overwrite=False) == path


@pytest.mark.parametrize(
    ("data", "name", "is_told"),
    [
        (png(), "a.jpg", True),
        (jpeg(), "a.PNG", True),
        (webp(), "a.jfif", True),
        (jpeg(), "a.JPEG", False),
        (jpeg(), "a.jfif", False),
        (png(), "a.png", False),
        (webp(), "a", False),
        (webp(), "a.v2", False),
    ],
)
async def test_a_picture_of_another_type_than_its_name_says_is_kept_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes, name: str, is_told: bool
) -> None:
    path = await save(session_with(Host(data)), result_at(), tmp_path / name, overwrite=False)
    assert path.read_bytes() == data
    assert ("whatever its name says" in caplog.text) is is_told


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("hero.v2", "hero.v2.png"),
        ("Photo at 22.58", "Photo at 22.58.png"),
        ("out.gif", "out.gif.png"),
        (".png", ".png.png"),
        ("hero.v2.png", "hero.v2.png"),
        ("HERO.PNG", "HERO.PNG"),
    ],
)
async def test_a_suffix_that_names_no_type_of_picture_is_a_part_of_the_name(
    tmp_path: Path, name: str, saved: str
) -> None:
    path = await save(session_with(Host(png())), result_at(), tmp_path / name, overwrite=False)
    assert path == tmp_path / saved
    assert names_in(tmp_path) == [saved]
    await refused(tmp_path / name, "exists already")


async def test_two_swaps_in_flight_do_not_take_one_name_with_and_without_its_suffix(tmp_path: Path) -> None:
    paths: set[Path] = set()
    whole, bare = (OutputFile.named(tmp_path / name, overwrite=False) for name in ("a.png", "a"))
    async with reserved(paths, whole):
        with pytest.raises(ConfigurationError, match="another swap in flight"):
            async with reserved(paths, bare):
                pass
        async with reserved(paths, OutputFile.named(tmp_path / "b", overwrite=False)):
            pass
    async with reserved(paths, bare):
        pass
    assert paths == set()


async def test_the_name_holds_nothing_until_the_picture_is_whole_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, list[int]]] = []
    path = tmp_path / "a.png"

    def look(descriptor: int) -> None:
        parts = [part.stat().st_size for part in tmp_path.iterdir()]
        seen.append((path.exists(), parts))

    monkeypatch.setattr("segmind_swap._swap.output_files.os.fsync", look)
    await save(session_with(Host()), result_at(), path, overwrite=False)
    # Then the folder is flushed, so that the name survives a loss of power, too.
    assert seen == [(False, [len(png())]), (True, [len(png())])]
    assert path.read_bytes() == png()


@pytest.fixture
def unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that nothing can be written to, for root too."""
    monkeypatch.setattr("segmind_swap._swap.output_files.os.access", lambda path, mode: mode != os.W_OK)
    yield tmp_path
    assert names_in(tmp_path) == []


async def refused(path: Path, complaint: str, *, overwrite: bool = False) -> None:
    host = Host()
    with pytest.raises(ConfigurationError, match=complaint):
        await check_target(OutputFile.named(path, overwrite=overwrite))
    with pytest.raises(ConfigurationError, match=complaint):
        await save(session_with(host), result_at(), path, overwrite=overwrite)
    assert host.requests == []


async def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("mine")
    await refused(path, "exists already")
    assert path.read_text() == "mine"
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
async def test_a_name_without_suffix_is_refused_if_any_it_may_become_is_taken(
    tmp_path: Path, suffix: str
) -> None:
    (tmp_path / f"a{suffix}").write_text("mine")
    await refused(tmp_path / "a", "exists already")


async def test_a_name_that_is_taken_may_be_overwritten_if_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    await save(session_with(Host()), result_at(), path, overwrite=True)
    assert path.read_bytes() == png()
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_folder_is_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "a.png").mkdir()
    await refused(tmp_path / "a.png", "it is a folder", overwrite=overwrite)
    await refused(Path(), "not a file name", overwrite=overwrite)


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes in folders")
async def test_what_is_no_regular_file_is_not_overwritten(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    await refused(tmp_path / "a.png", "not a regular file", overwrite=True)


async def test_a_name_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    await refused(tmp_path / "missing" / "a.png", "there is no folder")


async def test_a_name_in_a_read_only_folder_is_refused(unwritable: Path) -> None:
    await refused(unwritable / "a.png", "read-only")


@pytest.mark.skipif(sys.platform == "win32", reason="names differ there")
async def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    await refused(tmp_path / "a\0b.png", "cannot save")
    await refused(tmp_path / f"{'x' * 300}.png", "cannot save")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a privilege there")
async def test_a_name_taken_by_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.symlink_to(tmp_path / "nowhere.png")
    await refused(path, "exists already")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count characters, not bytes")
async def test_the_longest_name_a_file_can_have_is_usable(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".png")
    await save(session_with(Host()), result_at(), path, overwrite=False)
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize("reply", [b"", 404, OSError("cut"), "http://images.segmind.com/a.png"])
async def test_a_picture_that_could_not_be_fetched_leaves_no_file(tmp_path: Path, reply: Reply) -> None:
    with pytest.raises(DownloadError):
        await save(session_with(Host(reply)), result_at(), tmp_path / "a.png", overwrite=False)
    assert names_in(tmp_path) == []


def full(*_: object) -> NoReturn:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_full_disk_leaves_no_file_and_is_an_error_with_url_and_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    path = tmp_path / "a.png"
    monkeypatch.setattr("segmind_swap._swap.output_files.os.fsync", full)
    with pytest.raises(DownloadError, match="No space left on device") as caught:
        await save(session_with(Host()), result_at(), path, overwrite=overwrite)
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_move_that_fails_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    monkeypatch.setattr("segmind_swap._swap.output_files.os.link", full)
    monkeypatch.setattr("segmind_swap._swap.output_files.Path.replace", full)
    with pytest.raises(DownloadError, match="No space left on device"):
        await save(session_with(Host()), result_at(), tmp_path / "a.png", overwrite=overwrite)
    assert names_in(tmp_path) == []


async def test_a_failure_to_overwrite_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    monkeypatch.setattr("segmind_swap._swap.output_files.os.fsync", full)
    with pytest.raises(DownloadError):
        await save(session_with(Host()), result_at(), path, overwrite=True)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["a.png"]


async def test_a_folder_that_vanishes_meanwhile_is_an_error_with_url_and_job(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    class Vanishing(Host):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            folder.rmdir()
            return await super().__call__(request)

    with pytest.raises(DownloadError) as caught:
        await save(session_with(Vanishing()), result_at(), folder / "a.png", overwrite=False)
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)


@pytest.mark.parametrize("hard_links", [True, False])
async def test_a_file_that_somebody_else_made_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    path = tmp_path / "a.png"

    class Meddling(Host):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            path.write_text("somebody else's")
            return await super().__call__(request)

    if not hard_links:
        monkeypatch.setattr("segmind_swap._swap.output_files.os.link", no_hard_links)
    with pytest.raises(DownloadError, match="another program made this file") as caught:
        await save(session_with(Meddling()), result_at(), path, overwrite=False)
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)
    assert path.read_text() == "somebody else's"
    assert names_in(tmp_path) == ["a.png"]


def no_hard_links(*_: object) -> NoReturn:
    raise OSError(95, "Operation not supported")


async def test_a_file_system_without_hard_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmind_swap._swap.output_files.os.link", no_hard_links)
    path = tmp_path / "a.png"
    assert await save(session_with(Host()), result_at(), path, overwrite=False) == path
    assert path.read_bytes() == png()
    assert names_in(tmp_path) == ["a.png"]


async def test_a_save_that_is_cancelled_while_it_fetches_leaves_no_file(tmp_path: Path) -> None:
    with anyio.CancelScope() as scope:

        class Hanging(Host):
            async def __call__(self, request: httpx.Request) -> httpx.Response:
                scope.cancel()
                await anyio.sleep_forever()
                raise AssertionError

        await save(session_with(Hanging()), result_at(), tmp_path / "a.png", overwrite=False)
    assert scope.cancelled_caught
    assert names_in(tmp_path) == []


async def test_a_save_that_is_cancelled_while_it_writes_leaves_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    call = threadsafe_caller()
    with anyio.CancelScope() as scope:

        def cancel(_: int) -> None:
            cancelled = threading.Event()
            call(scope.cancel)
            call(cancelled.set)
            cancelled.wait(30)

        monkeypatch.setattr("segmind_swap._swap.output_files.os.fsync", cancel)
        await save(session_with(Host()), result_at(), path, overwrite=False)
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert path.read_bytes() == png()
    assert names_in(tmp_path) == ["a.png"]


def test_plain_task_cancellation_while_writing_leaves_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"

    async def cancelled_midway() -> None:
        task = asyncio.create_task(save(session_with(Host()), result_at(), path, overwrite=False))
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(
            "segmind_swap._swap.output_files.os.fsync", lambda _: loop.call_soon_threadsafe(task.cancel)
        )
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled_midway())
    # The thread that writes goes on alone, and nobody waits for it.
    patience = time.monotonic() + 120
    while any(name.endswith(".part") for name in names_in(tmp_path)) and time.monotonic() < patience:
        time.sleep(0.01)
    assert names_in(tmp_path) in (["a.png"], [])
    assert not path.exists() or path.read_bytes() == png()


async def test_a_name_that_was_taken_after_the_swap_was_paid_is_an_error_with_url_and_job(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    result = result_at()
    with pytest.raises(DownloadError, match="another program made this file") as caught:
        await downloads.save(session_with(Host()), result, OutputFile.named(path, overwrite=False), swap=1)
    assert (caught.value.url, caught.value.job) == (result.url, result.job)
    assert path.read_bytes() == b"precious"


async def test_a_name_can_be_claimed_by_one_swap_at_a_time(tmp_path: Path) -> None:
    session = session_with(Host())
    one, other = (OutputFile.named(tmp_path / name, overwrite=False) for name in ("a.png", "b.png"))
    async with reserved(session.reserved_paths, one):
        with pytest.raises(ConfigurationError, match="another swap in flight saves to this file"):
            async with reserved(session.reserved_paths, one):
                pass
        async with reserved(session.reserved_paths, other):
            pass
    async with reserved(session.reserved_paths, one), reserved(session.reserved_paths, None):
        pass
    assert session.reserved_paths == set()


async def test_a_file_that_holds_this_very_picture_is_as_good_as_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    file = OutputFile.named(path, overwrite=False)
    saved = await downloads.save(session_with(Host()), result_at(), file, swap=1)
    assert saved.path == path
    assert names_in(tmp_path) == ["a.png"]


async def test_a_suffix_is_added_whatever_dots_a_name_has(tmp_path: Path) -> None:
    target = OutputFile(tmp_path / "v1.5", suffixed=True)
    saved = await downloads.save(session_with(Host()), result_at(), target, swap=1)
    assert saved.path == tmp_path / "v1.5.png"
    with pytest.raises(ConfigurationError, match=r"v1\.5\.png exists already"):
        await check_target(target)


def test_what_a_killed_write_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    target, other = (OutputFile(tmp_path / name, suffixed=True) for name in ("a", "b"))
    for part in (target.temporary_path("0"), target.temporary_path("1"), other.temporary_path("0")):
        part.write_bytes(b"half a pict")
    (tmp_path / "a.png").write_bytes(png())
    target.remove_stale()
    assert sorted(names_in(tmp_path)) == sorted([other.temporary_path("0").name, "a.png"])
