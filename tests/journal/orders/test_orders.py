"""Orders in a file: processes at once, one thread that writes and one that reads."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import anyio
import pytest

from segmind_swap import Journal, JournalError, OutcomeState
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import open_reader
from segmind_swap._journal.orders.rows import OrderRows
from segmind_swap._journal.store import Store
from segmind_swap._protocols.orders import Endings, OrderLimits

from ...support.journal_rows import an_order, at, child, line_of, tell

S = OutcomeState
LIMITS = OrderLimits(
    daily_budget_usd=1e6, max_queued=10_000, max_per_owner=10_000, max_per_owner_a_day=10_000
)

# Each waits for a line, so that all of them begin at once: the journal is made by one of them.
ENQUEUES = """
import json, sys
import anyio
sys.path.append(sys.argv[2])
from segmind_swap import Journal
from tests.journal.orders.test_orders import BASE_URL, LIMITS, WORKFLOW, an_order

async def main():
    orders = await Journal(sys.argv[1]).open_orders(origin=BASE_URL, workflow=WORKFLOW)
    added = []
    async def add(id):
        order, is_new = await orders.add(an_order(id, owner="ann"), limits=LIMITS)
        assert (await orders.find([id]))[id].number == order.number
        added.extend([id] * is_new)
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(add, f"swap {number}")
    await orders.aclose()
    print(json.dumps(added), flush=True)

print("ready", flush=True)
sys.stdin.readline()
anyio.run(main)
sys.stdin.readline()
"""
HOLDS = """
import json, sys
import anyio
sys.path.append(sys.argv[2])
from segmind_swap import Journal
from segmind_swap._protocols.entry import NewEntry
from tests.journal.orders.test_orders import BASE_URL, LIMITS, WORKFLOW
from tests.support.journal_rows import URLS, a_job

async def main():
    journal = Journal(sys.argv[1])
    ledger = await journal.open(
        origin=BASE_URL, workflow=WORKFLOW, price_usd=0.1, budget_usd=None, daily_budget_usd=1e6
    )
    ended = anyio.Event()
    written = []
    async def write(worker):
        while not ended.is_set():
            id = f"of the batch {worker} {len(written)}"
            entry = await ledger.take(NewEntry(id=id, fingerprint=id, reference="r", scene="s"))
            await ledger.reserve(entry)
            await ledger.claim(entry, in_doubt=0, urls=URLS)
            await ledger.accept(entry, a_job(entry.number), in_doubt=0)
            written.append(id)
    async with anyio.create_task_group() as group:
        for worker in range(8):
            group.start_soon(write, worker)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        ended.set()
    await ledger.aclose()
    print(json.dumps(written), flush=True)

print("ready", flush=True)
sys.stdin.readline()
anyio.run(main)
"""


@pytest.mark.real_time
def test_four_processes_that_order_the_same_swaps_while_a_fifth_submits_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    path, checkout = tmp_path / "swaps.db", Path(__file__).parents[3]
    with ExitStack() as children:
        holder = children.enter_context(child(HOLDS, path, checkout))
        others = [children.enter_context(child(ENQUEUES, path, checkout)) for _ in range(4)]
        everyone = [holder, *others]
        assert [line_of(process) for process in everyone] == ["ready"] * 5
        for process in everyone:
            tell(process)
        added = [json.loads(line_of(process)) for process in others]
        tell(holder)
        written = json.loads(line_of(holder))
        for process in others:
            tell(process)
        assert [process.wait() for process in everyone] == [0] * 5
    ids = [f"swap {number}" for number in range(200)]
    assert sorted(id for of_one in added for id in of_one) == sorted(ids), (
        "each was added once, by one of them"
    )
    assert written
    with closing(open_reader(path)) as store:
        orders = OrderRows(store).unfinished(with_completed=True)
        assert sorted(order.id for order in orders) == sorted(ids)
        assert [order.change for order in orders] == list(range(1, 201))
        assert store.counts() == {S.PENDING: 200, S.ACCEPTED: len(written)}
        assert set(store.ids(S.ACCEPTED)) == set(written)


@contextmanager
def held(path: Path) -> Iterator[Store]:
    """Somebody else's transaction, in which nobody can write."""
    other = at(path)
    with other.transaction():
        yield other
    other.close()


@pytest.mark.real_time
async def test_reads_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "swaps.db"
    orders = await Journal(path).open_orders(origin=BASE_URL, workflow=WORKFLOW)
    order, _ = await orders.add(an_order(), limits=LIMITS)
    with held(path):
        with anyio.fail_after(5):
            assert (await orders.find(["a"]))["a"].number == order.number
            assert [order.id for order in await orders.changed_after(0)] == ["a"]
            assert await orders.last_change() == 1
            assert len(await orders.unfinished()) == 1
            assert await orders.spooled() == set(order.pictures)
            assert await orders.halt() is None
            assert await orders.endings() == Endings()
        with anyio.move_on_after(0.3) as scope:
            await orders.add(an_order("b"), limits=LIMITS)
        assert scope.cancelled_caught, "a writer does wait"
    with anyio.fail_after(20):
        await orders.add(an_order("c"), limits=LIMITS)
    assert set(await orders.find(["b", "c"])) == {"b", "c"}, "it is written all the same"
    await orders.aclose()


@pytest.mark.real_time
async def test_an_order_that_its_caller_no_longer_waits_for_may_have_been_added_and_is_joined(
    tmp_path: Path,
) -> None:
    path = tmp_path / "swaps.db"
    orders = await Journal(path).open_orders(origin=BASE_URL, workflow=WORKFLOW)
    with held(path), anyio.move_on_after(0.05):
        await orders.add(an_order(), limits=LIMITS)
    order, is_new = await orders.add(an_order(), limits=LIMITS)
    assert not is_new
    assert [found.number for found in await orders.unfinished()] == [order.number]
    await orders.aclose()


@pytest.mark.real_time
async def test_orders_whose_file_is_gone_are_refused_and_none_is_lost_in_another_file(tmp_path: Path) -> None:
    path = tmp_path / "swaps.db"
    orders = await Journal(path).open_orders(origin=BASE_URL, workflow=WORKFLOW)
    await orders.add(an_order(), limits=LIMITS)
    path.rename(tmp_path / "moved.db")
    with pytest.raises(JournalError, match="was moved, removed or replaced"):
        await orders.add(an_order("b"), limits=LIMITS)
    await orders.aclose()


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "segmind_swap: journal"]


@pytest.mark.real_time
async def test_closing_ends_both_threads(tmp_path: Path) -> None:
    before = _threads()
    orders = await Journal(tmp_path / "swaps.db").open_orders(origin=BASE_URL, workflow=WORKFLOW)
    assert orders.name == str(tmp_path / "swaps.db")
    started = [thread for thread in _threads() if thread not in before]
    assert len(started) == 2
    await orders.aclose()
    await orders.aclose()
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


async def test_in_memory_orders_need_no_thread_and_no_time() -> None:
    journal = Journal(":memory:")
    before = threading.active_count()
    orders = await journal.open_orders(origin=BASE_URL, workflow=WORKFLOW)
    started = anyio.current_time()
    for number in range(100):
        await orders.add(an_order(str(number)), limits=LIMITS)
    assert len(await orders.find(list(map(str, range(100))))) == 100
    assert (anyio.current_time(), threading.active_count()) == (started, before)
    await orders.aclose()
    assert journal.summary().states == {S.PENDING: 100}
