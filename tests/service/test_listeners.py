"""Listeners: any number of them, each with the newest update, and none with a query of its own."""

import gc
from functools import partial

import anyio
import pytest

from segmind_swap import OutcomeState, SwapUpdate, UnknownIdError
from segmind_swap._protocols.orders import Order
from segmind_swap._service.listeners import Listeners

from ..support.orders import changed, order

S = OutcomeState


class Store:
    """The orders that listeners read. Counts the reads."""

    def __init__(self, *orders: Order) -> None:
        self.orders = {one.id: one for one in orders}
        self.reads = 0

    async def find(self, id: str) -> Order:
        self.reads += 1
        await anyio.sleep(0.01)
        if id not in self.orders:
            raise UnknownIdError("there is no such swap", id=id)
        return self.orders[id]


async def test_the_last_state_comes_first_then_each_newer_one_up_to_the_final_one() -> None:
    first = order()
    listeners = Listeners(Store(first).find, are_saved=False)
    updates = listeners.updates("s1", after=None)
    assert (await anext(updates)).state is S.PENDING
    for state in (S.ACCEPTED, S.COMPLETED):
        first = changed(first, state)
        listeners.publish(first)
        assert (await anext(updates)).state is state
    with pytest.raises(StopAsyncIteration):
        await anext(updates)


async def test_an_update_that_was_seen_does_not_come_again() -> None:
    first = order(change=7)
    listeners = Listeners(Store(first).find, are_saved=False)
    updates = listeners.updates("s1", after=7)
    with anyio.move_on_after(1) as scope:
        await anext(updates)
    assert scope.cancelled_caught
    listeners.publish(changed(first, S.FAILED))
    assert (await anext(updates)).state is S.FAILED


async def test_a_final_update_that_was_seen_ends_at_once() -> None:
    listeners = Listeners(Store(order(change=7, state=S.FAILED)).find, are_saved=False)
    assert [update async for update in listeners.updates("s1", after=7)] == []


async def test_a_listener_that_has_seen_a_later_change_elsewhere_reads_again() -> None:
    first = order(change=3)
    store = Store(first)
    listeners = Listeners(store.find, are_saved=False)
    early = listeners.updates("s1", after=None)
    await anext(early)
    store.orders["s1"] = later = changed(changed(first, S.SENDING), S.ACCEPTED)
    late = listeners.updates("s1", after=4)
    assert (await anext(late)).change == later.change
    assert (await anext(early)).change == later.change


async def test_a_change_of_another_journal_is_no_reason_to_wait_forever() -> None:
    listeners = Listeners(Store(order(change=3)).find, are_saved=False)
    assert (await anext(listeners.updates("s1", after=9_000))).change == 3


async def test_a_slow_listener_gets_the_newest_update_and_an_old_one_never_comes() -> None:
    first = order()
    listeners = Listeners(Store(first).find, are_saved=False)
    updates = listeners.updates("s1", after=None)
    await anext(updates)
    newest = changed(changed(changed(first, S.SENDING), S.ACCEPTED), S.COMPLETED)
    listeners.publish(newest)
    listeners.publish(changed(first, S.SENDING))
    assert [update.state async for update in updates] == [S.COMPLETED]


async def test_ten_thousand_listeners_of_a_thousand_swaps_cost_a_read_a_swap_and_no_task() -> None:
    orders = [order(number) for number in range(1000)]
    store = Store(*orders)
    listeners = Listeners(store.find, are_saved=False)
    seen: list[SwapUpdate] = []

    async def listen(id: str) -> None:
        seen.extend([update async for update in listeners.updates(id, after=None)])

    async with anyio.create_task_group() as group:
        for one in orders:
            group.start_soon(listen, one.id)
        await anyio.sleep(1)
        for number in range(9000):
            group.start_soon(listen, orders[number % 1000].id)
        await anyio.sleep(1)
        assert store.reads == 1000
        for one in orders:
            listeners.publish(changed(one, S.FAILED))
    assert store.reads == 1000
    assert len(seen) == 20_000


async def test_nothing_is_kept_of_a_listener_that_has_gone() -> None:
    listeners = Listeners(Store(order()).find, are_saved=False)
    updates = listeners.updates("s1", after=None)
    await anext(updates)
    assert len(listeners._topics) == 1
    del updates
    gc.collect()
    assert len(listeners._topics) == 0


async def test_an_unknown_id_is_an_error_for_each_listener() -> None:
    listeners = Listeners(Store().find, are_saved=False)
    for _ in range(2):
        with pytest.raises(UnknownIdError):
            await anext(listeners.updates("s1", after=None))


async def test_a_cancelled_listener_goes_on_with_its_next_call() -> None:
    first = order()
    listeners = Listeners(Store(first).find, are_saved=False)
    updates = listeners.updates("s1", after=None)
    with anyio.move_on_after(0.001) as scope:
        await anext(updates)
    assert scope.cancelled_caught, "while it reads"
    assert (await anext(updates)).change == 1
    with anyio.move_on_after(1) as scope:
        await anext(updates)
    assert scope.cancelled_caught, "while it waits"
    listeners.publish(changed(first, S.FAILED))
    assert (await anext(updates)).state is S.FAILED


async def test_closing_ends_all_listeners_those_that_wait_and_those_that_come() -> None:
    listeners = Listeners(Store(order()).find, are_saved=False)
    ended: list[int] = []

    async def listen(number: int) -> None:
        async for _ in listeners.updates("s1", after=None):
            pass
        ended.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(partial(listen, number))
        await anyio.sleep(1)
        listeners.close()
    assert sorted(ended) == [0, 1, 2]
    assert [update async for update in listeners.updates("s1", after=None)] == []
