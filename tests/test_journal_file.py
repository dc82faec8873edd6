"""The journal's file: its owner's alone, one writer's alone, and whatever else is in it is left as it is."""

import os
import re
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from segmind_swap import JournalError, OutcomeState
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal_file import APPLICATION_ID, Memory, to_read, to_write
from segmind_swap._store import Entry, Store

from .journals import a_job, a_result, at, begun, child, line_of, row, tell

S = OutcomeState
Opening = Callable[[Path], Store]
OPENINGS = pytest.mark.parametrize("opening", [to_write, to_read])

WRITER = """
import sys
from pathlib import Path
from segmind_swap._journal_file import to_write
store = to_write(Path(sys.argv[1]))
print("opened", flush=True)
sys.stdin.readline()
store.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def refused(opening: Opening, path: Path) -> JournalError:
    with pytest.raises(JournalError) as caught:
        opening(path).close()
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal's file with a row in each state."""
    path = tmp_path_factory.mktemp("whole") / "run.db"
    store = at(path)
    for number, state in enumerate(S):
        result = a_result(number) if state in {S.COMPLETED, S.SAVED} else None
        row(store, state, state, posts=state is not S.PENDING, job=a_job(number), result=result)
    store.close()
    assert names(path.parent) == ["run.db", "run.db.lock"], "the log is in the file again"
    return path.read_bytes()


# Its owner's alone


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
    store = to_write(path)
    (kind,) = store._db.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._db.execute("PRAGMA synchronous").fetchone()
    assert (kind, synchronous) == ("wal", 2)
    store.close()


def test_a_journal_is_the_same_again_when_it_is_opened_again(path: Path) -> None:
    store = at(path)
    number = row(store, state=S.ACCEPTED, posts=1, job=a_job())
    entry = store.entry(number)
    store.close()
    store = at(path)
    assert list(store.entries()) == [entry]
    assert store.run == 2
    store.close()


@pytest.mark.parametrize(
    "name",
    ["my run.db", "50%.db", "what?.db", "a#b.db", "größe.db", "%3f%23", "a&mode=ro", "日本.db", "file:x"],
)
def test_a_journal_may_have_any_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = at(tmp_path / name)
    row(store)
    reader = to_read(tmp_path / name)
    assert reader.counts() == {S.PENDING: 1}
    reader.close()
    store.close()
    assert names(tmp_path) == sorted([name, f"{name}.lock"])
    monkeypatch.chdir(tmp_path)
    relative = to_read(Path(name))
    assert relative.counts() == {S.PENDING: 1}
    relative.close()


# One writer's alone


def test_a_second_writer_is_refused_at_once_while_others_can_look(path: Path) -> None:
    store = at(path)
    row(store)
    error = refused(to_write, path)
    assert "in use by another process, or by another batch" in str(error)
    reader = to_read(path)
    assert reader.counts() == {S.PENDING: 1}
    reader.close()
    store.close()
    to_write(path).close()


def test_a_writer_in_another_process_is_refused_until_the_first_has_ended(path: Path) -> None:
    with child(WRITER, path) as other:
        assert line_of(other) == "opened"
        assert "in use" in str(refused(to_write, path))
        to_read(path).close()
        tell(other)
        assert line_of(other) == "closed"
        to_write(path).close()


def test_a_writer_that_is_killed_leaves_the_journal_free(path: Path) -> None:
    with child(WRITER, path) as other:
        assert line_of(other) == "opened"
        other.kill()
        other.wait()
        to_write(path).close()


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_to_a_journal_is_the_same_journal(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    store = at(path)
    link.symlink_to(path)
    refused(to_write, link)
    store.close()
    store = to_write(link)
    refused(to_write, path)
    store.close()


def test_a_refused_writer_and_a_look_from_another_process_take_nothing_from_the_first(path: Path) -> None:
    """POSIX drops a process's locks on a file when it closes any descriptor of it."""
    code = """
        import os, sys
        from pathlib import Path
        from segmind_swap import JournalError, OutcomeState
        from segmind_swap._journal_file import to_read, to_write
        path = Path(sys.argv[1])
        store = to_write(path)
        for opening in (to_write, to_read):
            try:
                opening(path).close()
            except JournalError:
                pass
        print("another was refused", flush=True)
        sys.stdin.readline()
        with store.transaction():
            store.take(key="a", id="a", fingerprint="p", reference="r", scene="s")
            store.step(1, OutcomeState.SENDING, posts=1)
        print("written", flush=True)
        sys.stdin.readline()
    """
    with child(code, path) as writer:
        assert line_of(writer) == "another was refused"
        to_read(path).close()  # the last that closes a journal removes its log
        tell(writer)
        assert line_of(writer) == "written"
        writer.kill()
        writer.wait()
    reader = to_read(path)
    assert reader.counts() == {S.SENDING: 1}
    reader.close()


def test_a_journal_in_memory_has_one_writer_too_and_ends_with_its_object() -> None:
    memory = Memory()
    store = begun(memory.to_write())
    row(store)
    with pytest.raises(JournalError, match="in use"):
        memory.to_write()
    reader = memory.to_read()
    assert reader.counts() == {S.PENDING: 1}
    reader.close()
    with pytest.raises(JournalError, match="in use"):
        memory.to_write()
    store.close()
    again = begun(memory.to_write())
    assert again.run == 2
    another = Memory()
    assert another.to_read().counts() == {}


# Files that are none


def _sqlite(path: Path, *, kind: int = 0, version: int = 0) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.execute(f"PRAGMA application_id = {kind}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()


@OPENINGS
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id,reference,scene\n" * 100, "is no journal"),
        (b"x", "no journal"),
        (bytes(4096), "no journal"),
        (b"SQLite format 3\0" + bytes(84), "journal"),
    ],
    ids=["text", "a byte", "zeros", "a head alone"],
)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(
    opening: Opening, path: Path, content: bytes, words: str
) -> None:
    path.write_bytes(content)
    assert words in str(refused(opening, path))
    assert path.read_bytes() == content


@OPENINGS
@pytest.mark.parametrize(
    ("kind", "version", "words"),
    [
        (0, 0, "is an SQLite file, but no journal of segmind-swap"),
        (0x47504B47, 1, "is an SQLite file, but no journal of segmind-swap"),
        (APPLICATION_ID, 0, "was made by an older version"),
        (APPLICATION_ID, 2, "was made by a newer version of segmind-swap (schema 2)"),
    ],
)
def test_somebody_elses_database_is_refused_and_left_as_it_is(
    opening: Opening, path: Path, kind: int, version: int, words: str
) -> None:
    _sqlite(path, kind=kind, version=version)
    content = path.read_bytes()
    assert words in str(refused(opening, path))
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_journal_but_is_none_to_look_at(path: Path) -> None:
    path.touch()
    assert "no journal" in str(refused(to_read, path))
    assert path.read_bytes() == b""
    store = at(path)
    row(store)
    store.close()


@OPENINGS
def test_a_journal_with_other_tables_is_refused_and_left_as_it_is(opening: Opening, path: Path) -> None:
    _sqlite(path, kind=APPLICATION_ID, version=1)
    content = path.read_bytes()
    assert "is damaged (its tables are others): keep it" in str(refused(opening, path))
    assert path.read_bytes() == content


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
    assert "there is no journal" in str(refused(to_read, path))
    assert not path.exists()


@pytest.mark.skipif(os.name != "posix", reason="a folder is never read-only elsewhere")
@pytest.mark.parametrize("what", ["a new file", "the folder", "the file"])
def test_what_cannot_be_written_is_refused_before_anything_is_paid(whole: bytes, what: str) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from segmind_swap import Journal, JournalError
        from segmind_swap._journal import begin_run
        if os.getuid() == 0:
            os.setuid(65534)  # nobody: root may write everything
        try:
            begin_run(Journal(sys.argv[1]), origin=sys.argv[2], workflow=sys.argv[3])
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
        with child(code, path, BASE_URL, WORKFLOW) as other:
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
    refused(to_write, path)
    assert lock.read_bytes() == content


# Damage


class _Enough(Exception):
    """Nothing of it is to be written: a disk that is waited for would make the test long."""


def _used(path: Path) -> dict[str, Entry]:
    """The rows that a batch would go on with in a damaged journal."""
    store = to_write(path)
    found: dict[str, Entry] = {}
    try:
        with suppress(_Enough), store.transaction():
            store.begin_run(origin=BASE_URL, workflow=WORKFLOW)
            store.money(0.1522)
            store.counts()
            for state in S:
                with suppress(JournalError):
                    entry = store.take(
                        key=state, id=state, fingerprint="p", reference="hero.png", scene="street.png"
                    )
                    if isinstance(entry, Entry):
                        found[state] = entry
            raise _Enough
    finally:
        store.close()
    return found


def _look(path: Path) -> None:
    store = to_read(path)
    try:
        with store.snapshot():
            list(store.entries())
            store.counts()
            store.money(0.1522)
    finally:
        store.close()


def _check_damaged(path: Path, content: bytes) -> None:
    """Nothing but a JournalError comes out, and no swap that may have been paid is to be sent."""
    path.write_bytes(content)
    with suppress(JournalError):
        _look(path)
    assert path.read_bytes() == content, "who looks changes nothing"
    try:
        found = _used(path)
    except JournalError:
        return
    for state, entry in found.items():
        assert state == S.PENDING or entry.state is not S.PENDING, f"{state} would be sent"


def test_a_journal_that_was_cut_off_anywhere_is_refused_and_kept(path: Path, whole: bytes) -> None:
    for length in [1, 16, 99, 100, 512, 4095, *range(4096, len(whole), 1111)]:
        content = whole[:length]
        path.write_bytes(content)
        refused(to_write, path)
        assert path.read_bytes() == content, f"cut off at {length}"
        _check_damaged(path, content)


def test_no_flipped_bit_has_a_swap_paid_again(path: Path, whole: bytes) -> None:
    used = [offset for offset, byte in enumerate(whole) if byte and offset >= 100]
    for number, offset in enumerate([*range(100), *used[:: len(used) // 250]]):
        content = bytearray(whole)
        content[offset] ^= 1 << number % 8
        _check_damaged(path, bytes(content))


def test_a_damaged_page_is_named_and_the_file_kept(path: Path, whole: bytes) -> None:
    content = bytearray(whole)
    start = content.index(b"hero.png")
    page = start - start % 4096
    content[page : page + 16] = b"\xff" * 16
    path.write_bytes(content)
    refused(to_write, path)
    assert path.read_bytes() == content


def test_a_lost_key_is_found_before_it_is_paid_again(path: Path, whole: bytes) -> None:
    """Only a comparison of the table with its index shows it."""
    places = [place for place in range(len(whole)) if whole.startswith(b"accepted", place)]
    assert len(places) > 3, "the key, its index, the id and the state"
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1
        _check_damaged(path, bytes(content))


def test_refused_openings_leave_no_descriptor_open(path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not show them")
    _sqlite(path)
    before = len(names(descriptors))
    store = at(path.with_name("other.db"))
    for opening in (to_write, to_read):
        refused(opening, path)
    refused(to_write, path.with_name("other.db"))
    store.close()
    assert len(names(descriptors)) == before
