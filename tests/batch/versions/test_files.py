"""The file of a version replaces that of the version before only when its content has a second name."""

import os
from pathlib import Path

import pytest

from segmind_swap._batch.versions.files import VersionFile
from segmind_swap._review.pictures.picture import SavedVersion
from segmind_swap._review.pictures.places import Places
from segmind_swap._swap.output_files import check_target, is_kept

from ...support.journal_rows import a_job
from ...support.sessions import png

FIRST, SECOND, OTHER = png(1), png(2), png(3)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def file_of(folder: Path, *, version: int = 2, earlier: dict[str, int] | None = None) -> VersionFile:
    known = {"a.png": 1} if earlier is None else earlier
    return VersionFile(folder / "a", suffixed=True, version=version, earlier=known)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(FIRST)
    return tmp_path


@pytest.fixture(params=["links", "no links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hard links, and on a file system that has none."""

    def refused(source: object, target: object, **more: object) -> None:
        raise PermissionError("this file system has no hard links")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("links")
def test_the_earlier_file_is_kept_under_a_second_name_before_it_is_replaced(folder: Path) -> None:
    file = file_of(folder)
    assert file.keep_earlier() == {1: folder / "versions" / "a.1.png"}
    assert (folder / "a.png").read_bytes() == (folder / "versions" / "a.1.png").read_bytes() == FIRST
    assert file.write(SECOND, ".png") == folder / "a.png"
    assert (folder / "a.png").read_bytes() == SECOND
    assert (folder / "versions" / "a.1.png").read_bytes() == FIRST
    assert names(folder) == ["a.png", "versions/a.1.png"]


@pytest.mark.usefixtures("links")
def test_the_earlier_file_goes_when_the_new_one_has_another_suffix(folder: Path) -> None:
    file = file_of(folder)
    file.keep_earlier()
    assert file.write(SECOND, ".jpg") == folder / "a.jpg"
    assert names(folder) == ["a.jpg", "versions/a.1.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_each_step_can_be_done_again_after_a_kill(folder: Path, suffix: str) -> None:
    """After each step, a new object with what the journal would say by then continues."""
    file_of(folder).keep_earlier()
    file_of(folder).keep_earlier()
    written = file_of(folder, earlier={}).write(SECOND, suffix)
    assert file_of(folder, earlier={}).write(SECOND, suffix).read_bytes() == SECOND
    assert (folder / "versions" / "a.1.png").read_bytes() == FIRST
    assert names(folder) == sorted([written.name, "versions/a.1.png"])


def test_a_kill_between_the_new_name_and_the_removal_of_the_old_one_is_mended(folder: Path) -> None:
    file_of(folder).keep_earlier()
    (folder / "a.jpg").write_bytes(SECOND)
    assert file_of(folder, earlier={}).write(SECOND, ".jpg") == folder / "a.jpg"
    assert names(folder) == ["a.jpg", "versions/a.1.png"]


def test_a_file_without_a_second_name_is_never_replaced_or_removed(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        file_of(folder, earlier={}).write(SECOND, ".png")
    file = file_of(folder)
    file.keep_earlier()
    # A person changes the picture at this moment, with a program that writes another file of the same name.
    (folder / "a.png").unlink()
    (folder / "a.png").write_bytes(OTHER)
    with pytest.raises(FileExistsError):
        file.write(SECOND, ".png")
    assert file.write(SECOND, ".jpg") == folder / "a.jpg"
    assert (folder / "a.png").read_bytes() == OTHER


@pytest.mark.usefixtures("links")
def test_a_second_name_that_is_in_use_is_not_overwritten(folder: Path) -> None:
    (folder / "versions").mkdir()
    (folder / "versions" / "a.1.png").write_bytes(OTHER)
    file = file_of(folder)
    assert file.keep_earlier() == {1: folder / "versions" / "a.1-2.png"}
    assert file.keep_earlier() == {1: folder / "versions" / "a.1-2.png"}
    file.write(SECOND, ".png")
    assert (folder / "versions" / "a.1.png").read_bytes() == OTHER
    assert (folder / "versions" / "a.1-2.png").read_bytes() == FIRST


def test_a_file_that_is_gone_keeps_its_second_name_for_the_case_that_it_comes_back(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    assert file.keep_earlier() == {1: tmp_path / "versions" / "a.1.png"}
    assert file.write(SECOND, ".png") == tmp_path / "a.png"
    assert names(tmp_path) == ["a.png"]


def test_the_second_names_of_another_id_are_not_those_of_this_one(folder: Path) -> None:
    """The first version of `a.1` is kept as `a.1.1.png`."""
    (folder / "versions").mkdir()
    (folder / "versions" / "a.1.1.png").write_bytes(FIRST)
    with pytest.raises(FileExistsError):
        file_of(folder, earlier={}).write(SECOND, ".png")
    assert file_of(folder).keep_earlier() == {1: folder / "versions" / "a.1.png"}


def test_a_third_version_keeps_the_second(folder: Path) -> None:
    second = file_of(folder)
    second.keep_earlier()
    second.write(SECOND, ".png")
    third = file_of(folder, version=3, earlier={"a.png": 2})
    assert third.keep_earlier() == {2: folder / "versions" / "a.2.png"}
    third.write(OTHER, ".webp")
    assert names(folder) == ["a.webp", "versions/a.1.png", "versions/a.2.png"]
    assert (folder / "versions" / "a.2.png").read_bytes() == SECOND


async def test_a_name_that_belongs_to_no_earlier_version_is_refused_before_anything_is_paid(
    folder: Path,
) -> None:
    await check_target(file_of(folder))
    (folder / "a.jpg").write_bytes(OTHER)
    with pytest.raises(Exception, match=r"a\.jpg exists already"):
        await check_target(file_of(folder))


def test_the_path_of_a_second_name_is_told_from_that_of_a_current_file(tmp_path: Path) -> None:
    assert is_kept(tmp_path / "versions" / "a.1.png")
    assert not is_kept(tmp_path / "a.png")


@pytest.mark.parametrize("number", ["", "-2"])
def test_a_file_whose_second_name_a_review_has_discarded_is_still_kept(folder: Path, number: str) -> None:
    """Killed after the second name was given; then a person discards the first version."""
    (folder / "versions").mkdir()
    if number:
        (folder / "versions" / "a.1.png").write_bytes(OTHER)
    (kept,) = file_of(folder).keep_earlier().values()
    assert kept == folder / "versions" / f"a.1{number}.png"
    saved = SavedVersion(
        id="a",
        version=1,
        path=kept,
        reference="r",
        scene="s",
        job=a_job(),
        price_usd=0.1,
        is_price_reported=False,
    )
    discarded = Places(folder).discarded(saved)
    discarded.parent.mkdir()
    kept.rename(discarded)
    assert file_of(folder, earlier={}).write(SECOND, ".png") == folder / "a.png"
    assert (folder / "a.png").read_bytes() == SECOND
    assert discarded.read_bytes() == FIRST


@pytest.mark.usefixtures("links")
def test_a_link_in_the_place_of_the_earlier_file_keeps_its_content_under_the_second_name(
    folder: Path,
) -> None:
    (folder / "store").mkdir()
    (folder / "a.png").rename(folder / "store" / "a.png")
    (folder / "a.png").symlink_to(Path("store", "a.png"))
    # An earlier run of another program has left a link that leads nowhere.
    (folder / "versions").mkdir()
    (folder / "versions" / "a.1.png").symlink_to(Path("store", "a.png"))
    file = file_of(folder)
    assert file.keep_earlier() == {1: folder / "versions" / "a.1-2.png"}
    assert file.write(SECOND, ".png").read_bytes() == SECOND
    assert (folder / "versions" / "a.1-2.png").read_bytes() == FIRST
    assert (folder / "store" / "a.png").read_bytes() == FIRST
