"""A delivery: the chosen pictures, complete or not at all, and nothing of this machine."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from segmind_swap import ConfigurationError, Review, Verdict
from segmind_swap._review.delivery import delivery

from ...support.reviews import a_batch, picture


async def decided(tmp_path: Path) -> Review:
    folder = a_batch(tmp_path, ["a", "b", "c", "d"])
    review = Review(folder / "journal.db")
    for id, verdict in (("a", Verdict.KEEP), ("b", Verdict.DISCARD), ("c", Verdict.KEEP)):
        await review.decide(id, verdict)
    return review


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def test_the_kept_pictures_are_handed_on_with_their_origin_and_checksums(tmp_path: Path) -> None:
    review = await decided(tmp_path)
    done = await review.export(tmp_path / "delivery")
    assert (done.path, done.pictures) == (tmp_path / "delivery", 2)
    found = files(done.path)
    pictures = {"pictures/a.png", "pictures/c.png"}
    assert {name for name in found if not name.startswith("thumbnails/")} == {
        *pictures,
        "index.html",
        "manifest.csv",
        "SHA256SUMS",
    }
    assert len([name for name in found if name.startswith("thumbnails/")]) == 2
    for line in (done.path / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((done.path / name).read_bytes()).hexdigest() == digest
        pictures.discard(name)
    assert pictures == set()
    assert len((done.path / "manifest.csv").read_text().splitlines()) == 3
    assert done.size_bytes == sum((done.path / name).stat().st_size for name in found)


async def test_nothing_of_this_machine_is_in_a_delivery(tmp_path: Path) -> None:
    review = await decided(tmp_path)
    done = await review.export(tmp_path / "delivery")
    for name in files(done.path):
        content = (done.path / name).read_bytes()
        assert str(tmp_path).encode() not in content
        assert tmp_path.name.encode() not in content


async def test_an_existing_target_is_never_changed(tmp_path: Path) -> None:
    review = await decided(tmp_path)
    (tmp_path / "delivery").mkdir()
    (tmp_path / "d.zip").touch()
    for target, as_zip in (("delivery", False), ("d", True), ("d.zip", True)):
        with pytest.raises(ConfigurationError, match="exists already"):
            await review.export(tmp_path / target, as_zip=as_zip)
    assert list((tmp_path / "delivery").iterdir()) == []
    assert not list(tmp_path.glob(".*"))


async def test_one_zip_has_the_same_files_and_the_same_pictures_make_the_same_zip(tmp_path: Path) -> None:
    review = await decided(tmp_path)
    folder = await review.export(tmp_path / "delivery")
    done = await review.export(tmp_path / "x" / "delivery", as_zip=True)
    assert done.path == tmp_path / "x" / "delivery.zip"
    with zipfile.ZipFile(done.path) as archive:
        assert {name.removeprefix("delivery/") for name in archive.namelist()} == files(folder.path)
        assert archive.testzip() is None
    again = await review.export(tmp_path / "y" / "delivery.zip", as_zip=True)
    assert again.path.read_bytes() == done.path.read_bytes()


async def test_other_decisions_are_handed_on_if_they_are_asked_for(tmp_path: Path) -> None:
    review = await decided(tmp_path)
    done = await review.export(tmp_path / "delivery", only=[Verdict.KEEP, Verdict.UNDECIDED])
    assert done.pictures == 3
    assert "pictures/b.png" not in files(done.path)


async def test_where_nothing_is_kept_there_is_nothing_to_hand_on(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    with pytest.raises(ConfigurationError, match="no picture to export"):
        await Review(folder / "journal.db").export(tmp_path / "delivery")
    assert not (tmp_path / "delivery").exists()


async def test_a_picture_that_has_changed_since_the_decision_stops_the_export(tmp_path: Path) -> None:
    review = await decided(tmp_path)
    (tmp_path / "out" / "c.png").write_bytes(b"another")
    with pytest.raises(ConfigurationError, match="'c' has changed"):
        await review.export(tmp_path / "delivery")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hero.png", "out", "scenes"]


@pytest.mark.parametrize("as_zip", [False, True])
async def test_a_disk_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_zip: bool
) -> None:
    review = await decided(tmp_path)

    def full(*values: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(delivery, "checksums", full)
    with pytest.raises(OSError, match="No space left"):
        await review.export(tmp_path / "delivery", as_zip=as_zip)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hero.png", "out", "scenes"]


async def test_a_target_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = await decided(tmp_path)
    link = os.link

    def late(source: Path, target: Path) -> None:
        Path(target).write_text("of somebody else")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(ConfigurationError, match="exists already"):
        await review.export(tmp_path / "delivery.zip", as_zip=True)
    assert (tmp_path / "delivery.zip").read_text() == "of somebody else"
    assert not list(tmp_path.glob(".*"))


async def test_a_picture_that_was_decided_about_and_is_not_there_stops_the_export(tmp_path: Path) -> None:
    await decided(tmp_path)
    folder = tmp_path / "out"
    (folder / "a.png").unlink()
    (folder / "c.png").write_bytes(picture(9))
    (folder / "d.png").unlink()
    with pytest.raises(ConfigurationError) as caught:
        await Review(folder / "journal.db").export(tmp_path / "delivery")
    message = str(caught.value)
    assert "'a' is in no file any more" in message
    assert "'c' has changed since it was looked at" in message
    assert "'d'" not in message, "nobody has decided about it"
    assert not (tmp_path / "delivery").exists()
    review = Review(folder / "journal.db")
    await review.pictures()
    await review.decide("c", Verdict.KEEP)
    with pytest.raises(ConfigurationError, match="'a' is in no file"):
        await review.export(tmp_path / "delivery")
    (folder / "a.png").write_bytes(picture(1))
    done = await Review(folder / "journal.db").export(tmp_path / "delivery")
    assert done.pictures == 2
