"""The marks of this package pass the tests that any marks must pass."""

from pathlib import Path

import pytest

from segmind_swap._journal.beside.marks import FileMarks, MemoryMarks
from segmind_swap._protocols.marks import Marks
from segmind_swap.testing.contracts import MarksContract


class TestFile(MarksContract):
    @pytest.fixture
    def marks(self, tmp_path: Path) -> Marks:
        return FileMarks(tmp_path / "run.db.marks", "a journal")


class TestMemory(MarksContract):
    @pytest.fixture
    def marks(self) -> Marks:
        return MemoryMarks()
