"""The ways to open a journal: several processes may make it at once, and orders need no lock."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from segmind_swap import Journal, JournalError, JournalInUseError, OutcomeState
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import open_reader, open_shared, open_writer
from segmind_swap._journal.opening import Opening
from segmind_swap._journal.store import Store

from ..support.journal_rows import a_database, at, child, line_of, names, ordered, refused, row, tell

S = OutcomeState
pytestmark = pytest.mark.real_time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "swaps.db"


def _at_once(openings: list[Callable[[], Store]]) -> list[Store | Exception]:
    results: list[Store | Exception] = []
    barrier = threading.Barrier(len(openings))

    def work(opening: Callable[[], Store]) -> None:
        barrier.wait()
        try:
            results.append(opening())
        except Exception as exc:
            results.append(exc)

    threads = [threading.Thread(target=work, args=(opening,)) for opening in openings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("attempt", range(5))
def test_many_that_make_a_journal_at_the_same_moment_make_one(path: Path, attempt: int) -> None:
    openings = [lambda: open_shared(path)] * 5 + [lambda: open_writer(path)]
    stores = _at_once(openings)
    for number, store in enumerate(stores):
        assert isinstance(store, Store), store
        ordered(store, str(number))
        (kind,) = store.query("PRAGMA journal_mode").fetchone()
        (synchronous,) = store.query("PRAGMA synchronous").fetchone()
        assert (kind, synchronous) == ("wal", 2)
    for store in stores:
        assert isinstance(store, Store)
        store.close()
    reader = open_reader(path)
    assert reader.counts() == {S.PENDING: 6}
    reader.close()
    assert names(path.parent) == ["swaps.db", "swaps.db.lock"]


KILLED = """
import os, sys
from pathlib import Path
from segmind_swap._journal import connection
def killed(database):
    create(database)
    print("made", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
create, connection.create = connection.create, killed
connection.open_shared(Path(sys.argv[1]))
"""


def test_a_process_that_is_killed_while_it_makes_the_tables_leaves_them_to_the_next(path: Path) -> None:
    with child(KILLED, path) as other:
        assert line_of(other) == "made"
        opened: list[Store | Exception] = []
        waits = threading.Thread(target=lambda: opened.extend(_at_once([lambda: open_shared(path)])))
        waits.start()
        tell(other)
        other.wait()
        waits.join()
    (store,) = opened
    assert isinstance(store, Store), store
    ordered(store, "a")
    store.close()
    at(path).close()


def test_orders_are_added_while_a_batch_has_the_lock_and_a_second_batch_is_refused(path: Path) -> None:
    batch = at(path)
    row(batch, "of the batch")
    service = open_shared(path)
    ordered(service, "a")
    with pytest.raises(JournalInUseError) as caught:
        open_writer(path)
    assert caught.value.path == str(path)
    row(batch, "of the batch too")
    ordered(service, "b")
    assert batch.counts() == {S.PENDING: 4}
    batch.close()
    ordered(service, "c")
    service.close()


def test_a_journal_in_memory_has_orders_beside_its_batch() -> None:
    opening = Opening(Path(":memory:"))
    batch, service = opening.writer(), opening._shared()
    with pytest.raises(JournalInUseError):
        opening.writer()
    ordered(service, "a")
    service.close()
    assert batch.counts() == {S.PENDING: 1}


@pytest.mark.parametrize("content", [b"x", b"id,reference,scene\n" * 100, bytes(4096)])
def test_a_file_that_is_no_journal_gets_no_orders_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(open_shared, path)
    assert path.read_bytes() == content
    a_database(path := path.with_name("other.db"))
    content = path.read_bytes()
    refused(open_shared, path)
    assert path.read_bytes() == content


async def test_orders_of_another_service_leave_no_file_open(path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not show them")
    at(path).close()
    journal = Journal(path)
    before = len(names(descriptors))
    for _ in range(3):
        with pytest.raises(JournalError, match="belongs to the origin"):
            await journal.open_orders(origin="https://other.example", workflow=WORKFLOW)
    assert len(names(descriptors)) == before
    orders = await journal.open_orders(origin=BASE_URL, workflow=WORKFLOW)
    await orders.aclose()
    assert len(names(descriptors)) == before
