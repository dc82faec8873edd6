"""Journals with rows made by hand."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from segmind_swap import JournalError, OutcomeState, SwapError, SwapJob, SwapResult
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import Memory, open_reader, open_writer
from segmind_swap._journal.orders.rows import OrderRows
from segmind_swap._journal.store import Store
from segmind_swap._protocols.entry import Entry, NewEntry
from segmind_swap._protocols.orders import NewOrder, Order, OrderLimits

S = OutcomeState
URLS = ("https://inputs.example/hero.png", "https://inputs.example/street.png")
URL = "https://images.segmind.com/generations/a1.png"


def a_job(number: int = 1, *, possible_duplicates: int = 0) -> SwapJob:
    return SwapJob(
        poll_url=f"{BASE_URL}/workflows/request/{number}",
        request_id=str(number),
        workflow=WORKFLOW,
        submitted_at=datetime(2026, 11, 22, tzinfo=UTC),
        possible_duplicates=possible_duplicates,
    )


def a_result(number: int = 1, *, cost_usd: float | None = None, path: Path | None = None) -> SwapResult:
    job = a_job(number)
    return SwapResult(job=job, url=URL, outputs=(), seconds=71.9, cost_usd=cost_usd, path=path)


def begun(store: Store, *, origin: str = BASE_URL, workflow: str = WORKFLOW) -> Store:
    """A store in its next run."""
    with store.transaction():
        store.begin_run(origin=origin, workflow=workflow)
    return store


def in_memory() -> Store:
    return begun(Memory().open_writer())


def at(path: Path) -> Store:
    return begun(open_writer(path))


def offered(store: Store, id: str, pictures: str = "p") -> Entry:
    """The entry of an input; raises `EntryConflict` if the input cannot have it."""
    with store.transaction():
        return store.take(NewEntry(id=id, fingerprint=pictures, reference="hero.png", scene="street.png"))


def taken(store: Store, id: str = "a", pictures: str = "p") -> Entry:
    return offered(store, id, pictures)


def row(
    store: Store,
    id: str = "a",
    state: OutcomeState = OutcomeState.PENDING,
    *,
    posts: int = 0,
    failed_runs: int = 0,
    job: SwapJob | None = None,
    result: SwapResult | None = None,
    error: SwapError | None = None,
) -> int:
    """The number of a new row that is in any state, however it came there."""
    number = taken(store, id).number
    with store.transaction():
        store._db.execute("UPDATE swaps SET state = 'sending' WHERE number = ?", (number,))
        if state is not OutcomeState.ABANDONED:
            store.step(
                number,
                state,
                billable_posts=posts,
                failed_runs=failed_runs,
                job=job,
                result=result,
                error=error,
            )
        else:
            store.step(
                number, OutcomeState.UNKNOWN, billable_posts=posts, job=job, result=result, error=error
            )
            store.step(number, state, manual=True)
    return number


def an_order(id: str = "a", *, pictures: str = "p", owner: str | None = None) -> NewOrder:
    return NewOrder(
        swap=NewEntry(id=id, fingerprint=pictures, reference="hero.png", scene="street.png"),
        owner=owner,
        pictures=(f"{id}-reference.png", f"{id}-scene.png"),
    )


def ordered(store: Store, id: str = "a", *, owner: str | None = None, pay_again: bool = False) -> Order:
    """The order of an id, added or joined."""
    with store.transaction():
        rows = OrderRows(store)
        now, limits = datetime.now(UTC), OrderLimits()
        order, _ = rows.add(an_order(id, owner=owner), limits=limits, pay_again=pay_again, now=now)
        return order


def an_entry(id: str = "a", *, version: int = 1) -> Entry:
    """An entry whose POST is under way, in no ledger."""
    return Entry(
        number=1, id=id, fingerprint="p", reference="r", scene="s", state=S.SENDING, run=1, version=version
    )


@contextmanager
def child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs some Python; told to end by its killing, or the end of its input."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a child prints; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], line: str = "") -> None:
    """Gives a child a line to read."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


Opening = Callable[[Path], Store]
OPENINGS = pytest.mark.parametrize("opening", [open_writer, open_reader])


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def refused(opening: Opening, path: Path) -> JournalError:
    with pytest.raises(JournalError) as caught:
        opening(path).close()
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    return caught.value


def whole_file(folder: Path) -> bytes:
    """A journal's file with a row and an order in each state."""
    path = folder / "run.db"
    store = at(path)
    for number, state in enumerate(S):
        result = a_result(number) if state in {S.COMPLETED, S.SAVED} else None
        row(store, state, state, posts=state is not S.PENDING, job=a_job(number), result=result)
        ordered(store, state)
    store.close()
    assert names(path.parent) == ["run.db", "run.db.lock"], "the log is in the file again"
    return path.read_bytes()


def a_database(path: Path, *, kind: int = 0, version: int = 0) -> None:
    """Writes a database of somebody else's, which may say that it is a journal."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.execute(f"PRAGMA application_id = {kind}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
