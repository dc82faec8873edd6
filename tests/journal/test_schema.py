"""The journal's tables: a damaged journal, or one of another version, is refused and not changed."""

from contextlib import suppress
from pathlib import Path

import pytest

from segmind_swap import JournalError, OutcomeState
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import open_reader, open_writer
from segmind_swap._journal.schema import APPLICATION_ID, VERSION
from segmind_swap._protocols.entry import Entry, EntryConflict, NewEntry

from ..support.journal_rows import OPENINGS, Opening, a_database, a_job, at, refused, row, whole_file

S = OutcomeState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return whole_file(tmp_path_factory.mktemp("whole"))


def test_a_journal_is_the_same_again_when_it_is_opened_again(path: Path) -> None:
    store = at(path)
    number = row(store, state=S.ACCEPTED, posts=1, job=a_job())
    entry = store.entry(number)
    store.close()
    store = at(path)
    assert list(store.entries()) == [entry]
    assert store.run == 2
    store.close()


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
        (APPLICATION_ID, 1, "was made by an older version"),
        (APPLICATION_ID, VERSION + 1, f"was made by a newer version of segmind-swap (schema {VERSION + 1})"),
    ],
)
def test_somebody_elses_database_is_refused_and_left_as_it_is(
    opening: Opening, path: Path, kind: int, version: int, words: str
) -> None:
    a_database(path, kind=kind, version=version)
    content = path.read_bytes()
    assert words in str(refused(opening, path))
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_journal_but_is_none_to_look_at(path: Path) -> None:
    path.touch()
    assert "no journal" in str(refused(open_reader, path))
    assert path.read_bytes() == b""
    store = at(path)
    row(store)
    store.close()


@OPENINGS
def test_a_journal_with_other_tables_is_refused_and_left_as_it_is(opening: Opening, path: Path) -> None:
    a_database(path, kind=APPLICATION_ID, version=VERSION)
    content = path.read_bytes()
    assert "is damaged (its tables differ): keep it" in str(refused(opening, path))
    assert path.read_bytes() == content


class _Enough(Exception):
    """Nothing of it is to be written: a disk that is waited for would make the test long."""


def _used(path: Path) -> dict[str, Entry]:
    """The rows that a batch would go on with in a damaged journal."""
    store = open_writer(path)
    found: dict[str, Entry] = {}
    try:
        with suppress(_Enough), store.transaction():
            store.begin_run(origin=BASE_URL, workflow=WORKFLOW)
            store.money(0.1522)
            store.counts()
            for state in S:
                # A damaged fingerprint is a conflict: the input is refused, and nothing is sent.
                with suppress(JournalError, EntryConflict):
                    found[state] = store.take(
                        NewEntry(id=state, fingerprint="p", reference="hero.png", scene="street.png")
                    )
            raise _Enough
    finally:
        store.close()
    return found


def _look(path: Path) -> None:
    store = open_reader(path)
    try:
        with store.snapshot():
            list(store.entries())
            store.counts()
            store.money(0.1522)
    finally:
        store.close()


def _check_damaged(path: Path, content: bytes) -> None:
    """The journal is refused, or the input is, or no swap that may have been paid is to be sent."""
    path.write_bytes(content)
    with suppress(JournalError):
        _look(path)
    assert path.read_bytes() == content, "who looks changes nothing"
    try:
        found = _used(path)
    except (JournalError, EntryConflict):
        return
    for state, entry in found.items():
        assert state == S.PENDING or entry.state is not S.PENDING, f"{state} would be sent"


def test_a_journal_that_was_cut_off_anywhere_is_refused_and_kept(path: Path, whole: bytes) -> None:
    for length in [1, 16, 99, 100, 512, 4095, *range(4096, len(whole), 1111)]:
        content = whole[:length]
        path.write_bytes(content)
        refused(open_writer, path)
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
    refused(open_writer, path)
    assert path.read_bytes() == content


def test_a_lost_key_is_found_before_it_is_paid_again(path: Path, whole: bytes) -> None:
    """Only a comparison of the table with its index shows it."""
    places = [place for place in range(len(whole)) if whole.startswith(b"accepted", place)]
    assert len(places) > 3, "the key, its index, the id and the state"
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1
        _check_damaged(path, bytes(content))
