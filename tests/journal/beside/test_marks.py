"""The file of marks: durable, shared by processes, and never of another journal."""

import sqlite3
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from segmind_swap import Journal, JournalError
from segmind_swap._journal.beside.marks import FileMarks, marks_path
from segmind_swap._protocols.marks import Mark, Verdict

from ...support.journal_rows import at

pytestmark = pytest.mark.real_time

SHA = "a" * 64
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def mark(id: str = "a", *, at_s: float = 0, decision: Verdict = Verdict.KEEP) -> Mark:
    return Mark(id=id, sha256=SHA, decision=decision, at=NOON + timedelta(seconds=at_s))


async def test_marks_can_be_written_while_a_batch_holds_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.db")
    writer = at(journal.path)
    try:
        await journal.marks.put([mark()])
        assert await Journal(journal.path).marks.read() == [mark()]
    finally:
        writer.close()


async def test_looking_makes_no_file_and_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    at(tmp_path / "run.db").close()
    marks = Journal(tmp_path / "run.db").marks
    path = marks_path(tmp_path / "run.db")
    assert await marks.read() == []
    assert not path.exists()
    await marks.put([mark()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_whose_first_writer_was_killed_has_no_marks_and_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "run.db.marks"
    path.touch()
    marks = FileMarks(path, "j")
    assert await marks.read() == []
    assert await marks.put([mark()]) == [mark()]


async def test_the_marks_of_another_journal_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "run.db.marks"
    await FileMarks(path, "one").put([mark()])
    before = path.read_bytes()
    other = FileMarks(path, "other")
    with pytest.raises(JournalError, match=r"run\.db\.marks could not be read: it has"):
        await other.read()
    with pytest.raises(JournalError, match="could not be written"):
        await other.put([mark()])
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [2, None])
async def test_a_file_that_this_version_did_not_make_is_refused(tmp_path: Path, version: int | None) -> None:
    path = tmp_path / "run.db.marks"
    if version is None:
        path.write_bytes(b"no database at all, but long enough to be one" * 100)
    else:
        await FileMarks(path, "one").put([mark()])
        with sqlite3.connect(path) as db:
            db.execute(f"PRAGMA user_version = {version}")
        db.close()
    with pytest.raises(JournalError, match="schema 2" if version else "not a database"):
        await FileMarks(path, "one").read()


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db.marks"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other (x)")
    db.close()
    with pytest.raises(JournalError, match="it is no file of marks"):
        await FileMarks(path, "one").put([mark()])


async def test_a_link_to_a_journal_has_the_same_marks(tmp_path: Path) -> None:
    at(tmp_path / "run.db").close()
    (tmp_path / "link.db").symlink_to(tmp_path / "run.db")
    await Journal(tmp_path / "link.db").marks.put([mark()])
    assert await Journal(tmp_path / "run.db").marks.read() == [mark()]


WRITER = """
import sys, anyio
from datetime import UTC, datetime
from pathlib import Path
from segmind_swap._journal.beside.marks import FileMarks
from segmind_swap._protocols.marks import Mark, Verdict
async def main(name):
    marks = FileMarks(Path(sys.argv[2]), "j")
    for n in range(20):
        at = datetime.now(UTC)
        await marks.put([Mark(id=f"{name}-{n}", sha256="a" * 64, decision=Verdict.KEEP, at=at)])
anyio.run(main, sys.argv[1])
"""


async def test_two_processes_write_at_once_and_no_mark_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "run.db.marks"
    async with anyio.create_task_group() as group:
        for name in "ab":
            group.start_soon(anyio.run_process, [sys.executable, "-c", WRITER, name, str(path)])
    assert len(await FileMarks(path, "j").read()) == 40


async def test_a_journal_keeps_its_id_and_two_journals_have_two(tmp_path: Path) -> None:
    at(tmp_path / "run.db").close()
    at(tmp_path / "other.db").close()
    id = Journal(tmp_path / "run.db").id
    (tmp_path / "run.db").rename(tmp_path / "moved.db")
    assert Journal(tmp_path / "moved.db").id == id != Journal(tmp_path / "other.db").id
    with pytest.raises(JournalError, match="there is no journal"):
        _ = Journal(tmp_path / "run.db").id
