"""The SHA-256 of files: each content is read once."""

import os
from pathlib import Path

import pytest

from segmind_swap._review.pictures.contents import Contents, sha256_of

from ...support.reviews import sha256


def test_a_file_is_hashed_again_only_after_a_change(tmp_path: Path) -> None:
    file, journal = tmp_path / "a.png", tmp_path / "journal.db"
    file.write_bytes(b"one")
    stamp = file.stat().st_mtime_ns
    with Contents(journal) as contents:
        assert contents.sha256(file) == sha256(b"one")
    file.write_bytes(b"two")
    os.utime(file, ns=(stamp, stamp))
    with Contents(journal) as contents:
        assert contents.sha256(file) == sha256(b"one"), "it has the size and the time of before"
        file.write_bytes(b"three")
        assert contents.sha256(file) == sha256(b"three")


def test_a_large_file_is_hashed_in_pieces_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    data = os.urandom(3 * 1024 * 1024 + 1)
    (tmp_path / "a").write_bytes(data)
    assert sha256_of(tmp_path / "a") == sha256(data)
    with Contents(None) as contents, pytest.raises(FileNotFoundError):
        contents.sha256(tmp_path / "b")
