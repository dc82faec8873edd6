"""Fixtures of the tests of the command line."""

from pathlib import Path

import pytest
from PIL import Image

from .processes import with_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a reference, a scene, and a folder of eight scenes."""
    (tmp_path / "scenes").mkdir()
    for number in range(8):
        Image.new("RGB", (64, 48), (number * 30, 90, 90)).save(tmp_path / "scenes" / f"s{number}.png")
    return with_pictures(tmp_path)
