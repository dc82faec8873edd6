"""A file is moved, and never replaces another one."""

import os
from pathlib import Path

import pytest

from segmind_swap import Verdict
from segmind_swap._review.decisions.discarded import move, place_for


def test_only_a_discarded_picture_belongs_to_the_other_place(tmp_path: Path) -> None:
    for decision in Verdict:
        place = place_for(decision, home=tmp_path / "a", discarded=tmp_path / "d")
        assert place.name == ("d" if decision is Verdict.DISCARD else "a")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_is_moved_unless_another_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:

        def no_links(*names: object) -> None:
            raise OSError("not supported")

        monkeypatch.setattr(os, "link", no_links)
    source, target = tmp_path / "a.png", tmp_path / "discarded" / "a.1.png"
    source.write_text("a")
    assert move(source, source) is None
    assert move(source, target) is None
    assert (source.exists(), target.read_text()) == (False, "a")
    source.write_text("another")
    assert move(source, target) == f"another file is there: {target}"
    assert (source.read_text(), target.read_text()) == ("another", "a")


def test_a_move_that_was_killed_in_the_middle_is_completed(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    source.write_text("a")
    os.link(source, target)
    assert move(source, target) is None
    assert (source.exists(), target.read_text()) == (False, "a")


def test_a_file_that_cannot_be_moved_says_why(tmp_path: Path) -> None:
    assert move(tmp_path / "gone", tmp_path / "b") == "No such file or directory"


def test_a_folder_that_is_empty_afterwards_is_removed_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "discarded"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_text(name)
    assert move(folder / "a", tmp_path / "a") is None
    assert folder.exists()
    assert move(folder / "b", tmp_path / "b") is None
    assert not folder.exists()
