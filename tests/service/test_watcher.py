"""The watcher: one look for all listeners, at once after a change of its own, and no end after a failure."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import anyio
import pytest

from segmind_swap import Journal, JournalError
from segmind_swap._protocols.orders import Order, Orders
from segmind_swap._service.halting import Halting
from segmind_swap._service.watcher import Watcher

from ..support.orders import order


class Log:
    """Orders whose changes a test makes. Counts the looks."""

    def __init__(self, *, page: int = 500) -> None:
        self.orders: list[Order] = []
        self.looks = 0
        self.failures: list[Exception] = []
        # Has the halt. A journal in memory ends with this object.
        self.journal = Journal(":memory:")
        self._page = page

    async def changed_after(self, change: int) -> Sequence[Order]:
        self.looks += 1
        if self.failures:
            raise self.failures.pop()
        return [one for one in self.orders if one.change > change][: self._page]


async def watched(log: Log, *, after: int = 0) -> tuple[Watcher, list[int]]:
    seen: list[int] = []

    async def on_changes(orders: Sequence[Order]) -> None:
        seen.extend(one.change for one in orders)

    return await watcher_of(log, on_changes, after=after), seen


async def watcher_of(
    log: Log, on_changes: Callable[[Sequence[Order]], Awaitable[None]], *, after: int = 0
) -> Watcher:
    halts = await log.journal.open_orders(origin="http://127.0.0.1", workflow="w")
    halting = Halting(halts, on_change=lambda: None)
    return Watcher(cast("Orders", log), halting, after=after, on_changes=on_changes)


async def test_each_change_is_given_once_also_if_there_are_many() -> None:
    log = Log(page=3)
    watcher, seen = await watched(log, after=2)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        log.orders += [order(number, change=number) for number in range(1, 12)]
        await anyio.sleep(1)
        log.orders += [order(number, change=number) for number in range(12, 14)]
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    assert seen == list(range(3, 14))


async def test_it_looks_four_times_a_second_and_at_once_when_it_is_poked() -> None:
    log = Log()
    watcher, seen = await watched(log)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await anyio.sleep(10.1)
        assert 38 <= log.looks <= 41
        log.orders.append(order())
        watcher.poke()
        await anyio.sleep(0.001)
        assert seen == [1]
        group.cancel_scope.cancel()


@pytest.mark.parametrize("error", [JournalError("the disk is full", path="swaps.db"), RuntimeError("a bug")])
async def test_a_failure_is_logged_and_is_not_the_end(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()
    watcher, seen = await watched(log)
    log.orders.append(order())
    log.failures += [error, error]
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await anyio.sleep(5)
        group.cancel_scope.cancel()
    assert seen == [1]
    assert str(error) in caplog.text


async def test_what_handles_the_changes_gets_them_again_after_it_has_failed() -> None:
    log = Log()
    log.orders.append(order())
    calls: list[Any] = []

    async def on_changes(orders: Sequence[Order]) -> None:
        calls.append(orders)
        if len(calls) == 1:
            raise JournalError("the disk is full", path="swaps.db")

    watcher = await watcher_of(log, on_changes)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await anyio.sleep(5)
        group.cancel_scope.cancel()
    assert len(calls) == 2


async def test_a_halt_of_another_process_is_seen_within_two_seconds() -> None:
    journal = Journal(":memory:")
    orders = await journal.open_orders(origin="http://127.0.0.1", workflow="w")
    here, there = (Halting(orders, on_change=lambda: None) for _ in range(2))

    async def ignore(_: Sequence[Order]) -> None: ...

    watcher = Watcher(orders, here, after=0, on_changes=ignore)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await there.halt(JournalError("no", path="swaps.db"), seconds=None)
        await anyio.sleep(2)
        assert here.reason is not None
        group.cancel_scope.cancel()
