"""Many tasks' steps in few commits, and whatever was acknowledged is on the disk."""

import gc
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from segmind_swap import JournalError, OutcomeState
from segmind_swap._concurrency import threadsafe_caller
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import Memory, open_reader, open_writer
from segmind_swap._journal.store import Store
from segmind_swap._journal.writer import Writer
from segmind_swap._protocols.entry import Entry, NewEntry

from ..support.journal_rows import at, begun, child, in_memory, line_of, row

S = OutcomeState
pytestmark = pytest.mark.real_time


class Counting(Store):
    """Counts its transactions; the next may be held up, and may fail."""

    def __init__(self, path: Path) -> None:
        store = open_writer(path)
        super().__init__(store.path, store._db, store._lock)
        self.transactions = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        begun(self)
        self.transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.transactions += 1
        self.may_go_on.wait()
        with super().transaction():
            yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def take(id: str) -> Callable[[Store], Entry | str]:
    return partial(Store.take, swap=NewEntry(id=id, fingerprint="p", reference="r", scene="s"))


def ids(path: Path) -> list[str]:
    store = open_reader(path)
    try:
        return [entry.id for entry in store.entries()]
    finally:
        store.close()


async def test_a_step_is_on_the_disk_when_its_caller_goes_on(path: Path) -> None:
    writer = Writer(at(path))
    entry = await writer.do(take("a"))
    assert isinstance(entry, Entry)
    assert ids(path) == ["a"]
    await writer.aclose()
    assert writer.path == str(path)


async def test_steps_are_written_in_the_order_in_which_they_came(path: Path) -> None:
    writer = Writer(at(path))
    wanted = [str(number) for number in range(1100)]
    for id in wanted[:-1]:
        writer.post(take(id))
    await writer.do(take(wanted[-1]))
    assert ids(path) == wanted
    await writer.aclose()


async def test_the_steps_of_many_tasks_go_into_few_commits(path: Path) -> None:
    store = Counting(path)
    writer = Writer(store)
    store.may_go_on.clear()
    done: list[str] = []

    async def call(id: str) -> None:
        await writer.do(take(id))
        done.append(id)

    async with anyio.create_task_group() as group:
        for number in range(1024):
            group.start_soon(call, str(number))
        await anyio.wait_all_tasks_blocked()
        assert done == []
        store.may_go_on.set()
    assert len(done) == 1024
    # One that came first alone, and the rest in full groups of 512.
    assert store.transactions <= 4
    assert len(ids(path)) == 1024
    await writer.aclose()


# Trouble


async def test_a_full_disk_fails_every_step_that_waits_and_the_writer_goes_on_when_there_is_room(
    path: Path,
) -> None:
    store = Counting(path)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    writer = Writer(store)
    store.may_go_on.clear()
    errors: list[JournalError] = []

    async def call(id: str) -> None:
        with pytest.raises(JournalError, match=r"could not be written: .*full") as caught:
            await writer.do(take(id))
        errors.append(caught.value)

    async with anyio.create_task_group() as group:
        # The first is alone in its commit; each id is as large as a page.
        for number in range(10):
            group.start_soon(call, f"{number}" * 5000)
            await anyio.wait_all_tasks_blocked()
        store.may_go_on.set()
    assert len(errors) == 10
    assert {error.path for error in errors} == {str(path)}
    assert ids(path) == []
    await writer.do(lambda store: store._db.execute(f"SELECT {pages}").fetchone())
    store._db.execute("PRAGMA max_page_count = 100000")
    await writer.do(take("a"))
    assert ids(path) == ["a"]
    await writer.aclose()


async def test_a_step_that_does_not_fit_fails_alone(path: Path) -> None:
    store = Counting(path)
    number = row(store)
    writer = Writer(store)
    store.may_go_on.clear()
    ended: list[str] = []

    async def call(name: str, step: Callable[[Store], object], error: type[Exception] | None = None) -> None:
        try:
            await writer.do(step)
        except Exception as exc:
            assert type(exc) is error, exc
        else:
            assert error is None
        ended.append(name)

    def mistaken(store: Store) -> None:
        raise LookupError("a mistake of ours")

    unwritable = partial(Store.take, swap=NewEntry(id="\ud800", fingerprint="p", reference="r", scene="s"))
    async with anyio.create_task_group() as group:
        group.start_soon(call, "b", take("b"))
        group.start_soon(call, "skips", lambda store: store.step(number, S.SAVED), JournalError)
        group.start_soon(call, "is no text", unwritable, JournalError)
        group.start_soon(call, "is a mistake", mistaken, LookupError)
        group.start_soon(call, "c", take("c"))
        await anyio.wait_all_tasks_blocked()
        store.may_go_on.set()
    assert sorted(ended) == ["b", "c", "is a mistake", "is no text", "skips"]
    assert sorted(ids(path)) == ["a", "b", "c"]
    await writer.aclose()


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError("no such device")])
async def test_trouble_of_the_disk_in_one_step_fails_all_of_its_commit_and_writes_none(
    path: Path, error: Exception
) -> None:
    store = Counting(path)
    writer = Writer(store)
    store.may_go_on.clear()
    failures: list[str] = []

    def trouble(store: Store) -> None:
        raise error

    async def call(step: Callable[[Store], object]) -> None:
        try:
            await writer.do(step)
        except JournalError as exc:
            failures.append(str(exc))

    async with anyio.create_task_group() as group:
        group.start_soon(call, lambda store: None)  # alone in the first commit, maybe
        await anyio.wait_all_tasks_blocked()
        for step in (take("a"), trouble, take("b")):
            group.start_soon(call, step)
        await anyio.wait_all_tasks_blocked()
        store.may_go_on.set()
    assert len(failures) >= 3
    assert all(str(error) in failure for failure in failures)
    assert ids(path) == []
    await writer.aclose()


async def test_what_nobody_waits_for_is_logged_when_it_does_not_fit(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = at(path)
    number = row(store)
    writer = Writer(store)
    writer.post(lambda store: store.step(number, S.SAVED))
    writer.post(partial(Store.take, swap=NewEntry(id="\ud800", fingerprint="p", reference="r", scene="s")))
    await writer.do(take("b"))
    first, second = (record.message for record in caplog.records if record.levelno == logging.WARNING)
    assert "does not let 'a', which is pending, become saved" in first
    assert "surrogates" in second
    assert ids(path) == ["a", "b"]
    await writer.aclose()


async def test_a_caller_that_is_cancelled_does_not_take_its_step_back(path: Path) -> None:
    store = Counting(path)
    writer = Writer(store)
    store.may_go_on.clear()
    async with anyio.create_task_group() as group:
        group.start_soon(writer.do, take("a"))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    store.may_go_on.set()
    await writer.do(take("b"))
    assert ids(path) == ["a", "b"]
    await writer.aclose()


# The end


async def test_closing_writes_all_that_came_before_and_lets_others_in(path: Path) -> None:
    store = Counting(path)
    writer = Writer(store)
    store.may_go_on.clear()
    for number in range(600):
        writer.post(take(str(number)))
    async with anyio.create_task_group() as group:
        group.start_soon(writer.aclose)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(JournalError, match="in use"):
            open_writer(path)
        store.may_go_on.set()
    open_writer(path).close()
    assert len(ids(path)) == 600


async def test_a_close_that_is_cancelled_waits_all_the_same(path: Path) -> None:
    store = Counting(path)
    writer = Writer(store)
    store.may_go_on.clear()
    writer.post(take("a"))
    scope = anyio.CancelScope()

    async def close() -> None:
        with scope:
            await writer.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(close)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        store.may_go_on.set()
    open_writer(path).close()
    assert ids(path) == ["a"]


@pytest.mark.parametrize("kind", ["a file", "memory"])
async def test_closing_again_does_nothing_and_no_step_is_taken_any_more(path: Path, kind: str) -> None:
    writer = Writer(at(path) if kind == "a file" else in_memory())
    writer.close()
    writer.close()
    await writer.aclose()
    await writer.aclose()
    with anyio.fail_after(60), pytest.raises(JournalError, match="is closed"):
        await writer.do(take("a"))
    writer.post(take("a"))


async def test_the_writers_thread_ends_with_it(path: Path) -> None:
    writer = Writer(at(path))
    await writer.do(take("a"))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "segmind_swap: journal")
    assert thread.daemon
    await writer.aclose()
    await anyio.to_thread.run_sync(thread.join)


async def test_a_loop_that_is_gone_neither_stops_nor_ends_the_writer(path: Path, loop: str) -> None:
    def elsewhere() -> None:
        writer: list[Writer] = []

        async def left() -> None:
            writer.append(Writer(at(path)))
            await writer[0].do(take("a"))

        anyio.run(left, backend=loop)
        writer[0].post(take("b"))
        writer[0].close()
        for thread in threading.enumerate():
            if thread.name == "segmind_swap: journal":
                thread.join()
        assert ids(path) == ["a", "b"]
        open_writer(path).close()

    await anyio.to_thread.run_sync(elsewhere)


async def test_a_wake_up_comes_from_any_thread_and_is_nothing_when_the_loop_is_over(loop: str) -> None:
    woken = anyio.Event()
    call = threadsafe_caller()
    await anyio.to_thread.run_sync(call, woken.set)
    await woken.wait()

    def elsewhere() -> Callable[[Callable[[], object]], None]:
        async def main() -> Callable[[Callable[[], object]], None]:
            return threadsafe_caller()

        return anyio.run(main, backend=loop)

    late = await anyio.to_thread.run_sync(elsewhere)
    late(lambda: pytest.fail("there is no loop to call it"))


# In memory


async def test_a_journal_in_memory_is_written_at_once_and_without_a_thread() -> None:
    memory = Memory()
    writer = Writer(begun(memory.open_writer()))
    before = threading.active_count()
    writer.post(take("a"))
    assert memory.open_reader().counts() == {S.PENDING: 1}
    entry = await writer.do(take("b"))
    assert isinstance(entry, Entry)
    with pytest.raises(JournalError, match="does not let"):
        await writer.do(lambda store: store.step(entry.number, S.SAVED))
    assert threading.active_count() == before
    await writer.aclose()
    gc.collect()
    assert begun(memory.open_writer()).counts() == {S.PENDING: 2}


# The process is killed

UNTIL_KILLED = """
import sys
from functools import partial
from pathlib import Path

import anyio

from segmind_swap import OutcomeState
from segmind_swap._journal.connection import open_writer
from segmind_swap._journal.store import Store
from segmind_swap._protocols.entry import NewEntry
from segmind_swap._journal.writer import Writer

first = int(sys.argv[2])


async def main():
    store = open_writer(Path(sys.argv[1]))
    with store.transaction():
        store.begin_run(origin=sys.argv[4], workflow=sys.argv[5])
    writer = Writer(store)

    async def call(task):
        number = first + task
        while True:
            id = str(number)
            entry = await writer.do(
                partial(Store.take, swap=NewEntry(id=id, fingerprint="p", reference="r", scene="s"))
            )
            await writer.do(
                partial(Store.step, number=entry.number, state=OutcomeState.SENDING, billable_posts=1)
            )
            sys.stdout.write(f"{id}\\n")
            sys.stdout.flush()
            number += 16

    async with anyio.create_task_group() as group:
        for task in range(16):
            group.start_soon(call, task)


anyio.run(main, backend=sys.argv[3])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_that_was_acknowledged_is_lost_when_the_process_is_killed(path: Path, backend: str) -> None:
    acknowledged: set[str] = set()
    for attempt in range(3):
        with child(UNTIL_KILLED, path, attempt * 100_000, backend, BASE_URL, WORKFLOW) as process:
            for _ in range(40 + 60 * attempt):
                acknowledged.add(line_of(process))
            process.kill()
            assert process.stdout is not None
            # The last line may have been cut off in the middle.
            acknowledged.update(process.stdout.read().split("\n")[:-1])
        found = {entry: state for entry, state in _states(path).items() if entry in acknowledged}
        assert set(found) == acknowledged
        assert set(found.values()) <= {S.SENDING, S.UNKNOWN}
    store = at(path)
    states = {entry.id: entry.state for entry in store.entries()}
    store.close()
    assert {states[id] for id in acknowledged} == {S.UNKNOWN}


def _states(path: Path) -> dict[str, OutcomeState]:
    store = open_reader(path)
    try:
        return {entry.id: entry.state for entry in store.entries()}
    finally:
        store.close()


def test_a_process_whose_loop_died_with_steps_waiting_ends(path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        import anyio
        from segmind_swap._journal.connection import open_writer
        from segmind_swap._journal.writer import Writer

        async def main():
            writer = Writer(open_writer(Path(sys.argv[1])))
            writer.post(lambda store: store.facts.set_price(0.2))
            raise KeyboardInterrupt

        try:
            anyio.run(main)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    with child(code, path) as process:
        assert line_of(process) == "interrupted"
        assert process.wait() == 0
