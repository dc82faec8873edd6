"""Finished pictures: fetched without the key from where it is safe to, and saved whole or not at all."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import anyio
import anyio.from_thread
import httpx
import pytest

from segmind_swap import _downloads
from segmind_swap._config import WORKFLOW
from segmind_swap._downloads import Target, check_target, claimed, read
from segmind_swap._errors import ConfigurationError, DownloadError
from segmind_swap._events import Event, Saved
from segmind_swap._models import SwapJob, SwapOutput, SwapResult
from segmind_swap._session import Session

from .sessions import KEY, PICTURE_URL, Wire, jpeg, png, session_of, webp

JOB = SwapJob(poll_url="https://api.segmind.com/requests/1", request_id="1", workflow=WORKFLOW)
Reply = int | bytes | str | Exception


async def save(session: Session, result: SwapResult, path: Path, *, overwrite: bool) -> Path:
    """As `SwapClient.download` does it."""
    target = Target.named(path, overwrite=overwrite)
    await check_target(target)
    saved = await _downloads.save(session, result, target)
    assert saved.path is not None
    return saved.path


class Host:
    """A picture's host: answers with each of a list in turn, the last one for good. A string redirects."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[httpx.Request] = []
        self._replies = list(replies) or [png()]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        match reply:
            case Exception():
                raise reply
            case bytes():
                return httpx.Response(200, content=reply)
            case str():
                return httpx.Response(302, headers={"location": reply})
            case _:
                return httpx.Response(reply)

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.requests]


def session_with(host: Host, **settings: Any) -> Session:
    return session_of(Wire(host), **settings)


def result_at(url: str = PICTURE_URL) -> SwapResult:
    outputs = (SwapOutput(name="image", type="image", data=url),)
    return SwapResult(job=JOB, url=url, outputs=outputs, seconds=71.89)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Fetching


async def test_a_picture_is_read_with_its_type() -> None:
    for data, media_type in ((png(), "image/png"), (jpeg(), "image/jpeg"), (webp(), "image/webp")):
        picture = await read(session_with(Host(data)), result_at())
        assert (picture.data, picture.media_type) == (data, media_type)


@pytest.mark.parametrize("body", [b"<html>gone</html>", b"", b"GIF89a", png()[:-20], b'{"error": "expired"}'])
async def test_what_is_no_whole_picture_is_an_error_with_its_url_and_job(body: bytes) -> None:
    host = Host(body)
    with pytest.raises(DownloadError) as caught:
        await read(session_with(host), result_at())
    assert (caught.value.url, caught.value.status_code, caught.value.job) == (PICTURE_URL, 200, JOB)
    assert len(host.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_picture_that_is_gone_is_an_error_at_once(status: int) -> None:
    host = Host(status)
    with pytest.raises(DownloadError, match=str(status)) as caught:
        await read(session_with(host), result_at())
    assert (caught.value.url, caught.value.status_code, caught.value.job) == (PICTURE_URL, status, JOB)
    assert len(host.requests) == 1


@pytest.mark.parametrize("passing", [500, 502, 503, 504, OSError("cut"), httpx.ReadTimeout("slow")])
async def test_what_may_pass_is_tried_again(passing: Reply) -> None:
    host = Host(passing, passing, png())
    assert (await read(session_with(host), result_at())).data == png()
    assert len(host.requests) == 3


@pytest.mark.parametrize(("failing", "code"), [(503, 503), (OSError("cut"), None)])
async def test_what_does_not_pass_is_an_error_after_five_attempts(failing: Reply, code: int | None) -> None:
    host = Host(failing)
    with pytest.raises(DownloadError, match="could not be fetched") as caught:
        await read(session_with(host), result_at())
    assert (caught.value.url, caught.value.status_code, caught.value.job) == (PICTURE_URL, code, JOB)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(host.requests) == 5


@pytest.mark.parametrize(
    "url",
    [
        "http://images.segmind.com/a.png",
        "https://127.0.0.1/a.png",
        "https://127.1/a.png",
        "https://localhost/a.png",
        "https://pictures.localhost/a.png",
        "https://10.0.0.1/a.png",
        "https://172.16.0.1/a.png",
        "https://192.168.1.1/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/a.png",
        "https://[::1]/a.png",
        "https://[fe80::1]/a.png",
        "https://[fd00::1]/a.png",
        "https://[::ffff:169.254.169.254]/a.png",
        "https://user:secret@images.segmind.com/a.png",
        "ftp://images.segmind.com/a.png",
        "file:///etc/passwd",
    ],
)
async def test_urls_that_point_into_the_callers_network_are_not_fetched(url: str) -> None:
    host = Host()
    with pytest.raises(DownloadError, match="is not fetched") as caught:
        await read(session_with(host), result_at(url))
    assert (caught.value.url, caught.value.job) == (url, JOB)
    redirecting = Host(url)
    with pytest.raises(DownloadError):
        await read(session_with(redirecting), result_at())
    assert host.urls == []
    assert redirecting.urls in ([PICTURE_URL], [PICTURE_URL] * 6), "nothing else is asked after a redirect"


async def test_the_emulator_on_this_machine_may_be_fetched_from() -> None:
    host = Host()
    session = session_with(host, base_url="http://127.0.0.1:8000")
    assert (await read(session, result_at("http://127.0.0.1:8000/a.png"))).data == png()


async def test_redirects_are_followed_without_the_key() -> None:
    host = Host("https://cdn.example/b.png", "../c.png", "https://api.segmind.com/d.png", png())
    assert (await read(session_with(host), result_at())).data == png()
    assert host.urls == [
        PICTURE_URL,
        "https://cdn.example/b.png",
        "https://cdn.example/c.png",
        "https://api.segmind.com/d.png",
    ]
    for request in host.requests:
        assert not any(KEY in value for value in request.headers.values())


async def test_five_redirects_are_followed_and_not_a_sixth() -> None:
    assert (await read(session_with(Host(*["/next.png"] * 5, png())), result_at())).data == png()
    host = Host(*["/next.png"] * 6, png())
    with pytest.raises(DownloadError, match="on and on") as caught:
        await read(session_with(host), result_at())
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)
    assert len(host.requests) == 6


# Saving


async def test_a_redirect_that_is_no_url_is_not_followed() -> None:
    host = Host("http://[", png())
    with pytest.raises(DownloadError, match="is not fetched"):
        await read(session_with(host), result_at())
    assert len(host.urls) == 1


async def test_a_picture_asked_for_once_the_client_is_closed_is_the_callers_mistake() -> None:
    host = Host()
    session = session_with(host)
    await session.http.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await read(session, result_at())
    assert host.urls == []


async def test_a_picture_is_saved_and_told() -> None:
    events: list[Event] = []
    async with anyio.TemporaryDirectory() as folder:
        path = Path(folder) / "hero.png"
        session = session_with(Host(), on_event=events.append)
        assert await save(session, result_at(), path, overwrite=False) == path
        assert path.read_bytes() == png()
        assert names_in(Path(folder)) == ["hero.png"]
    assert events == [Saved(result=result_at(), path=path, size_bytes=len(png()))]


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


async def test_the_name_holds_nothing_until_the_picture_is_whole_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, list[int]]] = []
    path = tmp_path / "a.png"

    def look(descriptor: int) -> None:
        parts = [part.stat().st_size for part in tmp_path.iterdir()]
        seen.append((path.exists(), parts))

    monkeypatch.setattr("segmind_swap._downloads.os.fsync", look)
    await save(session_with(Host()), result_at(), path, overwrite=False)
    assert seen == [(False, [len(png())])]
    assert path.read_bytes() == png()


# A name that cannot be used is refused before anything is asked for


@pytest.fixture
def unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that nothing can be written to, for root too."""
    monkeypatch.setattr("segmind_swap._downloads.os.access", lambda path, mode: mode != os.W_OK)
    yield tmp_path
    assert names_in(tmp_path) == []


async def refused(path: Path, complaint: str, *, overwrite: bool = False) -> None:
    host = Host()
    with pytest.raises(ConfigurationError, match=complaint):
        await check_target(Target.named(path, overwrite=overwrite))
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


# What goes wrong leaves nothing behind


@pytest.mark.parametrize(
    "reply", [b"<html>gone</html>", 404, OSError("cut"), "http://images.segmind.com/a.png"]
)
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
    monkeypatch.setattr("segmind_swap._downloads.os.fsync", full)
    with pytest.raises(DownloadError, match="No space left on device") as caught:
        await save(session_with(Host()), result_at(), path, overwrite=overwrite)
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_move_that_fails_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    monkeypatch.setattr("segmind_swap._downloads.os.link", full)
    monkeypatch.setattr("segmind_swap._downloads.Path.replace", full)
    with pytest.raises(DownloadError, match="No space left on device"):
        await save(session_with(Host()), result_at(), tmp_path / "a.png", overwrite=overwrite)
    assert names_in(tmp_path) == []


async def test_a_failure_to_overwrite_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    monkeypatch.setattr("segmind_swap._downloads.os.fsync", full)
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
        monkeypatch.setattr("segmind_swap._downloads.os.link", no_hard_links)
    with pytest.raises(DownloadError, match="made by somebody else") as caught:
        await save(session_with(Meddling()), result_at(), path, overwrite=False)
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)
    assert path.read_text() == "somebody else's"
    assert names_in(tmp_path) == ["a.png"]


def no_hard_links(*_: object) -> NoReturn:
    raise OSError(95, "Operation not supported")


async def test_a_file_system_without_hard_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmind_swap._downloads.os.link", no_hard_links)
    path = tmp_path / "a.png"
    assert await save(session_with(Host()), result_at(), path, overwrite=False) == path
    assert path.read_bytes() == png()
    assert names_in(tmp_path) == ["a.png"]


# Cancellation


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
    with anyio.CancelScope() as scope:
        monkeypatch.setattr(
            "segmind_swap._downloads.os.fsync", lambda _: anyio.from_thread.run_sync(scope.cancel)
        )
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
            "segmind_swap._downloads.os.fsync", lambda _: loop.call_soon_threadsafe(task.cancel)
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
    with pytest.raises(DownloadError, match="made by somebody else") as caught:
        await _downloads.save(session_with(Host()), result, Target.named(path, overwrite=False))
    assert (caught.value.url, caught.value.job) == (result.url, result.job)
    assert path.read_bytes() == b"precious"


async def test_a_name_can_be_claimed_by_one_swap_at_a_time(tmp_path: Path) -> None:
    session = session_with(Host())
    one, other = (Target.named(tmp_path / name, overwrite=False) for name in ("a.png", "b.png"))
    async with claimed(session, one):
        with pytest.raises(ConfigurationError, match="another swap under way saves there"):
            async with claimed(session, one):
                pass
        async with claimed(session, other):
            pass
    async with claimed(session, one), claimed(session, None):
        pass
    assert session.targets == set()


async def test_a_file_that_holds_this_very_picture_is_as_good_as_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    saved = await _downloads.save(session_with(Host()), result_at(), Target.named(path, overwrite=False))
    assert saved.path == path
    assert names_in(tmp_path) == ["a.png"]


async def test_a_suffix_is_added_whatever_dots_a_name_has(tmp_path: Path) -> None:
    target = Target(tmp_path / "v1.5", suffixed=True)
    saved = await _downloads.save(session_with(Host()), result_at(), target)
    assert saved.path == tmp_path / "v1.5.png"
    with pytest.raises(ConfigurationError, match=r"v1\.5\.png exists already"):
        await check_target(target)


def test_what_a_killed_write_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    target, other = (Target(tmp_path / name, suffixed=True) for name in ("a", "b"))
    for part in (target.part("0"), target.part("1"), other.part("0")):
        part.write_bytes(b"half a pict")
    (tmp_path / "a.png").write_bytes(png())
    target.sweep()
    assert sorted(names_in(tmp_path)) == sorted([other.part("0").name, "a.png"])
