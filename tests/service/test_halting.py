"""A halt: known in every process, ended by its time or by a person."""

import math

import anyio

from segmind_swap import Journal, SwapError
from segmind_swap._protocols.orders import Endings, Orders
from segmind_swap._service.halting import Halting

REASON = SwapError("no credits")


async def orders_of(journal: Journal) -> Orders:
    return await journal.open_orders(origin="http://127.0.0.1", workflow="w")


async def test_a_halt_is_seen_in_another_process_and_ended_there() -> None:
    journal = Journal(":memory:")
    changes: list[str] = []
    first = Halting(await orders_of(journal), on_change=lambda: changes.append("first"))
    second = Halting(await orders_of(journal), on_change=lambda: changes.append("second"))
    await first.halt(REASON, seconds=None)
    await second.refresh()
    assert str(second.reason) == str(first.reason) == "no credits"
    assert (first.needs_a_person, second.needs_a_person, second.submits_at) == (True, True, math.inf)
    await second.resume()
    await first.refresh()
    assert (first.reason, second.reason, first.needs_a_person) == (None, None, False)
    assert changes == ["first", "second", "second", "first"]


async def test_a_halt_with_a_time_ends_by_itself_on_the_clock_of_the_loop() -> None:
    journal = Journal(":memory:")
    halting = Halting(await orders_of(journal), on_change=lambda: None)
    await halting.halt(REASON, seconds=60.0)
    assert not halting.needs_a_person
    for _ in range(3):
        await anyio.sleep(19)
        await halting.refresh()
        await halting.end_if_over()
        assert halting.reason is not None
    await anyio.sleep(4)
    await halting.end_if_over()
    assert halting.reason is None
    await halting.refresh()
    assert halting.reason is None, "also for the other processes"


async def test_a_person_lets_the_next_swaps_be_counted_from_zero_and_the_time_does_not() -> None:
    journal = Journal(":memory:")
    orders = await orders_of(journal)
    halting = Halting(orders, on_change=lambda: None)
    orders.keep_endings(Endings(futile=5, failed=1))
    await halting.halt(REASON, seconds=1.0)
    await anyio.sleep(2)
    await halting.end_if_over()
    assert await orders.endings() == Endings(futile=5, failed=1)
    await halting.resume()
    assert await orders.endings() == Endings()


async def test_nothing_is_told_if_nothing_changes() -> None:
    changes: list[int] = []
    journal = Journal(":memory:")
    halting = Halting(await orders_of(journal), on_change=lambda: changes.append(1))
    await halting.refresh()
    await halting.end_if_over()
    await halting.end()
    assert changes == []
