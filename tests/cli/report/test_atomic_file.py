"""A file that gets its name when it is complete."""

from pathlib import Path

import pytest

from segmind_swap.cli._report.atomic_file import atomic_file


def test_a_file_is_replaced_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("before")
    with atomic_file(path) as file:
        file.write("after é")
        file.flush()
        assert path.read_text() == "before"
    assert path.read_text(encoding="utf-8") == "after é"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_left_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write("after")
        raise RuntimeError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_renamed_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.mkdir()
    with pytest.raises(OSError, match=r"page\.html"), atomic_file(path) as file:
        file.write("after")
    assert list(tmp_path.iterdir()) == [path]
