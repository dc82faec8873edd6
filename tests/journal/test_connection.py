"""The journal's file: its owner's alone, one writer's alone, and opened only where it can be written."""

import gc
import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from segmind_swap import Journal, JournalError, OutcomeState
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import (
    Handover,
    Memory,
    _open_at_rest,
    _open_copy,
    open_reader,
    open_shared,
    open_writer,
    sqlite_uri,
)
from segmind_swap._journal.store import Store

from ..support.journal_rows import (
    OPENINGS,
    Opening,
    a_database,
    at,
    begun,
    child,
    line_of,
    names,
    refused,
    row,
    tell,
    whole_file,
)

S = OutcomeState
ReadingOnly = Callable[[Path], AbstractContextManager[None]]
WRITER = """
import sys
from pathlib import Path
from segmind_swap._journal.connection import open_writer
store = open_writer(Path(sys.argv[1]))
print("opened", flush=True)
sys.stdin.readline()
store.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return whole_file(tmp_path_factory.mktemp("whole"))


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes")
def test_a_new_journal_and_its_log_can_be_read_by_their_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        store = at(path)
        row(store)
        files = [path, *(path.with_name(f"run.db-{suffix}") for suffix in ("wal", "shm"))]
        assert [mode(file) for file in files] == [0o600] * 3
    finally:
        os.umask(before)
    store.close()
    assert mode(path) == 0o600


def test_a_journal_survives_the_loss_of_power(path: Path) -> None:
    store = open_writer(path)
    (kind,) = store._db.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._db.execute("PRAGMA synchronous").fetchone()
    assert (kind, synchronous) == ("wal", 2)
    (full,) = store._db.execute("PRAGMA fullfsync").fetchone()
    assert full == 1
    store.close()


@pytest.mark.parametrize(
    "name",
    ["my run.db", "50%.db", "what?.db", "a#b.db", "größe.db", "%3f%23", "a&mode=ro", "日本.db", "file:x"],
)
def test_a_journal_may_have_any_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = at(tmp_path / name)
    row(store)
    reader = open_reader(tmp_path / name)
    assert reader.counts() == {S.PENDING: 1}
    reader.close()
    store.close()
    assert names(tmp_path) == sorted([name, f"{name}.lock"])
    monkeypatch.chdir(tmp_path)
    relative = open_reader(Path(name))
    assert relative.counts() == {S.PENDING: 1}
    relative.close()


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PureWindowsPath(r"\\nas\jobs\out\journal.db"), "file:////nas/jobs/out/journal.db?mode=rw"),
        (
            PureWindowsPath(r"\\wsl.localhost\Debian\a b#1.db"),
            "file:////wsl.localhost/Debian/a%20b%231.db?mode=rw",
        ),
        (PureWindowsPath(r"\\?\C:\out\journal.db"), "file:////%3F/C:/out/journal.db?mode=rw"),
        (PureWindowsPath(r"\\?\UNC\nas\jobs\j.db"), "file:////%3F/UNC/nas/jobs/j.db?mode=rw"),
        (PureWindowsPath(r"C:\out\größe 50%.db"), "file:///C:/out/gr%C3%B6%C3%9Fe%2050%25.db?mode=rw"),
        (PurePosixPath("/out/journal.db"), "file:///out/journal.db?mode=rw"),
        (PurePosixPath("//out/journal.db"), "file:////out/journal.db?mode=rw"),
    ],
)
def test_the_uri_of_a_journal_names_no_host(path: PurePath, uri: str) -> None:
    assert sqlite_uri(path, "mode=rw") == uri


@pytest.mark.skipif(os.name != "posix", reason="two slashes are a share there")
def test_a_path_that_begins_with_two_slashes_is_a_journal(path: Path) -> None:
    with closing(at(path)) as store:
        row(store)
    with closing(open_reader(Path(f"/{path}"))) as reader:
        assert reader.counts() == {S.PENDING: 1}


# A journal that may be read and not written


@pytest.fixture
def of_another_user() -> ReadingOnly:
    """Makes a folder one that this process may read and not write; root becomes another user meanwhile."""
    if os.name != "posix":
        pytest.skip("there are no such modes")

    @contextmanager
    def reading_only(folder: Path) -> Iterator[None]:
        is_root = os.geteuid() == 0
        folder.chmod(0o555)
        for file in folder.iterdir():
            file.chmod(0o444)
        if is_root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)

    return reading_only


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that another user can reach, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("has_lock", [True, False])
def test_a_journal_at_rest_is_read_where_nothing_can_be_written(
    elsewhere: Path, of_another_user: ReadingOnly, has_lock: bool
) -> None:
    path = elsewhere / "run.db"
    store = at(path)
    row(store)
    store.close()
    if not has_lock:
        (elsewhere / "run.db.lock").unlink()
    before = names(elsewhere)
    with of_another_user(elsewhere):
        assert Journal(path).summary().states == {S.PENDING: 1}
        assert [outcome.state for outcome in Journal(path).outcomes()] == [S.PENDING]
    assert names(elsewhere) == before
    open_writer(path).close()


def test_a_journal_that_is_being_written_is_never_read_without_its_log(
    elsewhere: Path, of_another_user: ReadingOnly, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = elsewhere / "run.db"
    at(path).close()
    with child(WRITER, path) as other:
        # No row is written yet, so that there may be no log, and only the lock shows the writer.
        assert line_of(other) == "opened"
        monkeypatch.setattr("segmind_swap._journal.connection._has_log", lambda path: False)
        assert _open_at_rest(path) is None
        tell(other)
        assert line_of(other) == "closed"
    monkeypatch.undo()
    store = _open_at_rest(path)
    assert store is not None
    assert "in use" in str(refused(open_writer, path)), "no batch begins while the journal is read so"
    store.close()
    open_writer(path).close()


KILLED = """
import os, sys
from pathlib import Path
from segmind_swap import OutcomeState
sys.path.append(sys.argv[2])
from tests.support.journal_rows import at, row
store = at(Path(sys.argv[1]))
row(store, "a", OutcomeState.UNKNOWN, posts=1)
print("written", flush=True)
sys.stdin.readline()
row(store, "b", OutcomeState.UNKNOWN, posts=1)
os.kill(os.getpid(), 9)
"""


def test_the_log_of_a_batch_that_runs_or_was_killed_is_read_where_nothing_can_be_written(
    elsewhere: Path, of_another_user: ReadingOnly, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = elsewhere / "run.db"
    copies = Path(tempfile.mkdtemp())
    copies.chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    # The checkout comes last on the path, so that the installed package is the one that is tested.
    with child(KILLED, path, Path(__file__).parents[2]) as other:
        assert line_of(other) == "written"
        with of_another_user(elsewhere):
            while_it_runs = Journal(path).summary()
            # The index of the log may be another user's alone, or missing on another file system.
            shm = path.with_name("run.db-shm")
            assert "run.db-wal" in names(elsewhere)
        hidden = shm.rename(copies.parent / f"{copies.name}-shm")
        with of_another_user(elsewhere):
            assert Journal(path).summary() == while_it_runs
        hidden.rename(shm)
        tell(other)
        other.wait()
    assert while_it_runs.states == {S.UNKNOWN: 1}
    for index in ("there", "gone"):
        if index == "gone":
            shm.unlink()
        before = names(elsewhere)
        with of_another_user(elsewhere):
            summary = Journal(path).summary()
            assert [outcome.request.id for outcome in Journal(path).outcomes()] == ["a", "b"]
        assert (summary.states, summary.unknown) == ({S.UNKNOWN: 2}, ("a", "b")), "the newest, never older"
        assert summary.committed_usd == pytest.approx(2 * while_it_runs.committed_usd)
        assert names(elsewhere) == before
    assert names(copies) == []


@pytest.mark.parametrize("change", ["the log begins again", "the journal is written", "another log"])
def test_a_journal_that_changes_while_it_is_copied_is_never_shown(
    elsewhere: Path, of_another_user: ReadingOnly, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = elsewhere / "run.db"
    store = at(path)
    row(store)
    log = path.with_name("run.db-wal")
    kept = log.read_bytes()
    store.close()
    log.write_bytes(kept)
    copyfile = shutil.copyfile

    def copied(source: Path | str, target: Path | str) -> None:
        copyfile(source, target)
        if str(source) == str(path) and change == "the log begins again":
            log.write_bytes(os.urandom(32) + kept[32:])
        elif str(source) == str(path):
            os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))

    if change == "another log":
        path.with_name("run.db-journal").write_bytes(b"x")
    monkeypatch.setattr("segmind_swap._journal.connection.shutil.copyfile", copied)
    assert _open_copy(path) is None


def test_a_copy_without_a_folder_for_it_says_what_to_set(
    elsewhere: Path, of_another_user: ReadingOnly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")
    path = elsewhere / "run.db"
    with child(KILLED, path, Path(__file__).parents[2]) as other:
        assert line_of(other) == "written"
        path.with_name("run.db-shm").unlink()  # as on another file system
        with of_another_user(elsewhere):
            assert "set TMPDIR to a folder" in str(refused(open_reader, path))


@pytest.mark.parametrize("opened", [open_writer, open_shared, open_reader])
def test_rows_are_sorted_without_a_temporary_file_which_a_container_may_have_no_place_for(
    path: Path, opened: Callable[[Path], Store]
) -> None:
    open_writer(path).close()
    with closing(opened(path)) as store:
        (place,) = store._db.execute("PRAGMA temp_store").fetchone()
    assert place == 2, "memory"


def test_a_journal_that_may_not_be_read_says_so(elsewhere: Path, of_another_user: ReadingOnly) -> None:
    path = elsewhere / "run.db"
    at(path).close()
    with of_another_user(elsewhere):
        pass
    path.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    assert "Permission denied" in str(refused(open_reader, path))


def test_a_second_writer_is_refused_at_once_while_others_can_look(path: Path) -> None:
    store = at(path)
    row(store)
    error = refused(open_writer, path)
    assert "in use by another process, or by another batch" in str(error)
    reader = open_reader(path)
    assert reader.counts() == {S.PENDING: 1}
    reader.close()
    store.close()
    open_writer(path).close()


def test_a_writer_in_another_process_is_refused_until_the_first_has_ended(path: Path) -> None:
    with child(WRITER, path) as other:
        assert line_of(other) == "opened"
        assert "in use" in str(refused(open_writer, path))
        open_reader(path).close()
        tell(other)
        assert line_of(other) == "closed"
        open_writer(path).close()


def test_a_writer_that_is_killed_leaves_the_journal_free(path: Path) -> None:
    with child(WRITER, path) as other:
        assert line_of(other) == "opened"
        other.kill()
        other.wait()
        open_writer(path).close()


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_to_a_journal_is_the_same_journal(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    store = at(path)
    link.symlink_to(path)
    refused(open_writer, link)
    store.close()
    store = open_writer(link)
    refused(open_writer, path)
    store.close()


def test_a_refused_writer_and_a_look_from_another_process_take_nothing_from_the_first(path: Path) -> None:
    """POSIX drops a process's locks on a file when it closes any descriptor of it."""
    code = """
        import os, sys
        from pathlib import Path
        from segmind_swap import JournalError, OutcomeState
        from segmind_swap._journal.connection import open_reader, open_writer
        from segmind_swap._protocols.entry import NewEntry
        path = Path(sys.argv[1])
        store = open_writer(path)
        for opening in (open_writer, open_reader):
            try:
                opening(path).close()
            except JournalError:
                pass
        print("another was refused", flush=True)
        sys.stdin.readline()
        with store.transaction():
            store.take(NewEntry(id="a", fingerprint="p", reference="r", scene="s"))
            store.step(1, OutcomeState.SENDING, billable_posts=1)
        print("written", flush=True)
        sys.stdin.readline()
    """
    with child(code, path) as writer:
        assert line_of(writer) == "another was refused"
        open_reader(path).close()  # the last that closes a journal removes its log
        tell(writer)
        assert line_of(writer) == "written"
        writer.kill()
        writer.wait()
    reader = open_reader(path)
    assert reader.counts() == {S.SENDING: 1}
    reader.close()


def test_a_journal_in_memory_has_one_writer_too_and_ends_with_its_object() -> None:
    memory = Memory()
    store = begun(memory.open_writer())
    row(store)
    with pytest.raises(JournalError, match="in use"):
        memory.open_writer()
    reader = memory.open_reader()
    assert reader.counts() == {S.PENDING: 1}
    reader.close()
    with pytest.raises(JournalError, match="in use"):
        memory.open_writer()
    store.close()
    again = begun(memory.open_writer())
    assert again.run == 2
    another = Memory()
    assert another.open_reader().counts() == {}


def test_a_journal_in_memory_closes_its_connection_before_the_garbage_collector_finalizes_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a cycle, objects are finalized in the order in which they were made: here, the connection first."""
    was_open: list[bool] = []

    class Watched(sqlite3.Connection):
        def __del__(self) -> None:
            try:
                self.execute("SELECT 1")
            except sqlite3.ProgrammingError:
                was_open.append(False)
            else:
                was_open.append(True)
                self.close()

    made = [Watched(":memory:", isolation_level=None)]
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *_, **__: made.pop())
        cycle: list[object] = [Memory()]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert was_open == [False]


@pytest.mark.parametrize("is_late", [False, True])
def test_a_store_that_its_task_no_longer_waits_for_is_closed(path: Path, is_late: bool) -> None:
    store = at(path)
    handover = Handover()
    with pytest.raises(KeyboardInterrupt), handover:
        if not is_late:
            handover.give(store)
        raise KeyboardInterrupt
    if is_late:
        handover.give(store)
    with pytest.raises(JournalError, match="closed"):
        store.money(0.25)
    at(path).close()


def test_a_store_that_its_task_gets_stays_open(path: Path) -> None:
    store = at(path)
    with Handover() as handover:
        handover.give(store)
    assert store.counts() == {}
    store.close()


@OPENINGS
def test_a_folder_is_no_journal(opening: Opening, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    refused(opening, folder)
    assert names(tmp_path) == ["run"]


@OPENINGS
def test_a_journal_in_a_folder_that_does_not_exist_is_refused(opening: Opening, tmp_path: Path) -> None:
    refused(opening, tmp_path / "none" / "run.db")
    assert names(tmp_path) == []


@OPENINGS
@pytest.mark.skipif(os.name != "posix", reason="names may be as long elsewhere")
def test_a_name_that_no_file_can_have_is_refused(opening: Opening, tmp_path: Path) -> None:
    refused(opening, tmp_path / ("a" * 300))
    refused(opening, tmp_path / "a\0b")


def test_a_look_makes_no_file(path: Path) -> None:
    assert "there is no journal" in str(refused(open_reader, path))
    assert not path.exists()


@pytest.mark.skipif(os.name != "posix", reason="a folder is never read-only elsewhere")
@pytest.mark.parametrize("what", ["a new file", "the folder", "the file"])
def test_what_cannot_be_written_is_refused_before_anything_is_paid(
    whole: bytes, what: str, tmp_path: Path
) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from segmind_swap import Journal, JournalError
        from segmind_swap._journal.opening import Opening
        # A rehearsal loads every module: nobody may not read an interpreter in root's home.
        Opening(Path(sys.argv[4])).begin_run(origin=sys.argv[2], workflow=sys.argv[3]).close()
        if os.getuid() == 0:
            os.setuid(65534)  # nobody: root may write everything
        try:
            Opening(Path(sys.argv[1])).begin_run(origin=sys.argv[2], workflow=sys.argv[3])
        except JournalError as error:
            print(error)
    """
    # Not in pytest's own folder, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "run.db"
        if what != "a new file":
            path.write_bytes(whole)
        path.with_name("run.db.lock").touch(0o666)
        path.with_name("run.db.lock").chmod(0o666)
        if what == "the file":
            path.chmod(0o444)
        folder.chmod(0o777 if what == "the file" else 0o555)
        with child(code, path, BASE_URL, WORKFLOW, tmp_path / "rehearsal.db") as other:
            complaint = line_of(other)
        folder.chmod(0o700)
        assert str(path) in complaint
        assert re.search(r"denied|readonly|unable to open", complaint)
        assert what == "a new file" or path.read_bytes() == whole
        assert names(folder) == ["run.db.lock"] or what != "a new file"


def test_a_lock_that_is_no_lock_is_refused(path: Path) -> None:
    lock = path.with_name("run.db.lock")
    lock.write_bytes(b"somebody's own file, which is not ours\n" * 100)
    content = lock.read_bytes()
    refused(open_writer, path)
    assert lock.read_bytes() == content


def test_refused_openings_leave_no_descriptor_open(path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not show them")
    a_database(path)
    before = len(names(descriptors))
    store = at(path.with_name("other.db"))
    for opening in (open_writer, open_reader):
        refused(opening, path)
    refused(open_writer, path.with_name("other.db"))
    store.close()
    assert len(names(descriptors)) == before
