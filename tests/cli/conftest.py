"""Fixtures of the tests of the command line."""

from pathlib import Path

import pytest

from .processes import drawn, with_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a reference, a scene, and a folder of eight scenes."""
    (tmp_path / "scenes").mkdir()
    for number in range(8):
        drawn(number).save(tmp_path / "scenes" / f"s{number}.png")
    return with_pictures(tmp_path)
