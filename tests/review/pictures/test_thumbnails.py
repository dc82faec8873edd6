"""Thumbnails: small, made once, and never a reason to fail."""

from pathlib import Path

import pytest
from PIL import Image

from segmind_swap import KnownThumbnails, make_thumbnail
from segmind_swap._review.pictures import thumbnails
from segmind_swap._review.pictures.contents import Contents
from segmind_swap._review.pictures.thumbnails import LONG_SIDE_PX, Thumbnails

from ...support.reviews import picture, sha256


def test_a_thumbnail_is_small_and_made_once(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(picture(1, size=(1200, 800)))
    sha = sha256(file.read_bytes())
    made = Thumbnails(tmp_path).make(file, sha)
    assert made.parent == tmp_path / "review-files"
    with Image.open(made) as image:
        assert image.size == (LONG_SIDE_PX, round(LONG_SIDE_PX * 2 / 3))
    assert made.stat().st_size < 20_000
    file.write_bytes(b"gone")
    assert Thumbnails(tmp_path).make(file, sha) == made
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_a_picture_that_cannot_be_decoded_is_its_own_thumbnail(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"no picture")
    assert Thumbnails(tmp_path).make(file, "a" * 64) == file
    assert Thumbnails(tmp_path).make(tmp_path / "gone.png", "b" * 64) == tmp_path / "gone.png"
    # A folder in which nothing can be written.
    (tmp_path / "review-files").touch()
    file.write_bytes(picture(1))
    assert Thumbnails(tmp_path).make(file, "c" * 64) == file


def test_without_pillow_the_picture_is_shown_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(picture(1))
    monkeypatch.setattr(thumbnails, "can_measure", lambda: False)
    assert Thumbnails(tmp_path).make(file, "a" * 64) == file


def test_a_thumbnail_of_any_file_is_that_of_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.png"
    assert make_thumbnail(file, tmp_path) == file, "there is no such file"
    file.write_bytes(picture(1))
    assert make_thumbnail(file, tmp_path) == Thumbnails(tmp_path).path(sha256(picture(1)))
    monkeypatch.setattr(thumbnails, "can_measure", lambda: False)
    assert make_thumbnail(file, tmp_path) == file


def test_a_copy_that_was_made_is_found_without_reading_the_picture(tmp_path: Path) -> None:
    file, journal = tmp_path / "a.png", tmp_path / "journal.db"
    file.write_bytes(picture(1))
    assert KnownThumbnails(journal, tmp_path).of(file) is None
    with Contents(journal) as contents:
        sha = contents.sha256(file)
    assert KnownThumbnails(journal, tmp_path).of(file) is None, "nobody has made it"
    made = Thumbnails(tmp_path).make(file, sha)
    assert KnownThumbnails(journal, tmp_path).of(file) == made
    file.write_bytes(picture(2) + b"0")
    assert KnownThumbnails(journal, tmp_path).of(file) is None, "the picture is another one"
    for name in ("gone.png", "a\0b", "https://cdn.example/a.png"):
        assert KnownThumbnails(journal, tmp_path).of(name) is None
