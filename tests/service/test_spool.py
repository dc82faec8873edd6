"""The spool: private, durable and bounded files, which are removed when they are not needed."""

import os
import stat
import time
from pathlib import Path

import pytest

from segmind_swap import JournalError, LimitExceededError
from segmind_swap._api.image_header import LoadedImage, checked
from segmind_swap._service.spool import FileSpool, MemorySpool, Spool

from ..support.sessions import png

URL = "https://pictures.example/a.png"
MAX = 10_000_000


def picture() -> LoadedImage:
    return checked(png(), max_bytes=MAX)


@pytest.fixture(params=["file", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    if request.param == "memory":
        return MemorySpool({}, max_bytes=MAX)
    return FileSpool(tmp_path / "swaps.db.spool", max_bytes=MAX)


def content_of(spool: Spool, name: str) -> bytes | None:
    image = spool.image_of(name)
    if isinstance(image, bytes):
        return image
    assert isinstance(image, str)
    return Path(image).read_bytes() if Path(image).is_file() else None


async def test_a_picture_is_found_under_its_name_until_it_is_removed(spool: Spool) -> None:
    await spool.open()
    pictures = [picture(), picture()]
    names = spool.names_for(pictures)
    await spool.put(names, pictures)
    assert [content_of(spool, name) for name in names] == [one.data for one in pictures]
    await spool.sweep(set())
    assert content_of(spool, names[0]) is not None, "it is not old enough to be an orphan"
    assert set(await spool.names()) == set(names)
    await spool.remove(names)
    await spool.remove(names)
    assert list(await spool.names()) == []
    assert [content_of(spool, name) for name in names] == [None, None]


async def test_a_url_needs_no_file(spool: Spool, tmp_path: Path) -> None:
    await spool.open()
    names = spool.names_for([URL, URL])
    await spool.put(names, [URL, URL])
    assert [spool.image_of(name) for name in names] == [URL, URL]
    await spool.remove(names)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_names_are_random_and_say_only_the_role_and_the_type(spool: Spool) -> None:
    first, second = (spool.names_for([picture(), URL]) for _ in range(2))
    assert first[0] != second[0]
    token, _, rest = first[0].partition("-")
    assert (len(token), rest, first[1]) == (32, "reference.png", URL)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no such permissions")
async def test_only_the_owner_can_read_the_folder_and_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "swaps.db.spool"
    folder.mkdir(mode=0o777)
    spool = FileSpool(folder, max_bytes=MAX)
    before = os.umask(0)
    try:
        await spool.open()
        names = spool.names_for([picture(), picture()])
        await spool.put(names, [picture(), picture()])
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert {file.stat().st_uid for file in folder.iterdir()} == {os.getuid()}


async def test_a_folder_that_is_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("a file")
    for name in ("link", "file"):
        with pytest.raises(JournalError, match="for pictures cannot be used") as caught:
            await FileSpool(tmp_path / name, max_bytes=MAX).open()
        assert caught.value.path == str(tmp_path / name)


async def test_what_would_exceed_the_bound_is_refused_and_not_written(spool: Spool, tmp_path: Path) -> None:
    await spool.open()
    one = picture()
    small: Spool = (
        FileSpool(tmp_path / "swaps.db.spool", max_bytes=2 * len(one.data))
        if isinstance(spool, FileSpool)
        else MemorySpool({}, max_bytes=2 * len(one.data))
    )
    names = small.names_for([one, one])
    await small.put(names, [one, one])
    more = small.names_for([one, URL])
    with pytest.raises(LimitExceededError, match="the bound of the service") as caught:
        await small.put(more, [one, URL])
    assert (caught.value.limit, caught.value.maximum) == ("max_spool_bytes", 2 * len(one.data))
    assert content_of(small, more[0]) is None


async def test_the_files_of_other_processes_count_too(tmp_path: Path) -> None:
    one = picture()
    first, second = (FileSpool(tmp_path / "spool", max_bytes=2 * len(one.data)) for _ in range(2))
    await first.open()
    await first.put(first.names_for([one, one]), [one, one])
    with pytest.raises(LimitExceededError):
        await second.put(second.names_for([one, URL]), [one, URL])


async def test_an_orphan_is_removed_after_an_hour_and_a_needed_file_never(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path / "spool", max_bytes=MAX)
    await spool.open()
    pictures = [picture(), picture()]
    needed, orphan = spool.names_for(pictures), spool.names_for(pictures)
    for names in (needed, orphan):
        await spool.put(names, pictures)
    old = time.time() - 3700
    for name in (*needed, orphan[0]):
        os.utime(tmp_path / "spool" / name, (old, old))
    await spool.sweep(set(needed))
    assert {file.name for file in (tmp_path / "spool").iterdir()} == {*needed, orphan[1]}


async def test_a_disk_that_fails_is_an_error_of_the_journal(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path / "spool", max_bytes=MAX)
    await spool.open()
    (tmp_path / "spool").rmdir()
    names = spool.names_for([picture(), URL])
    with pytest.raises(JournalError, match="No such file"):
        await spool.put(names, [picture(), URL])
    await spool.sweep(set())
