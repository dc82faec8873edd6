"""The stretch in which a paid request has left: whoever goes away then, its answer comes home."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from segmind_swap._concurrency import GRACE, DetachedTasks

from .conftest import run_on_asyncio


class Work:
    """Ten seconds of work, with its last byte at the fifth; keeps what it was told."""

    def __init__(self, *, seconds: float = 10, last_byte_after: float = 5) -> None:
        self.ended: str | None = None
        self.revokes = 0
        self.orphaned: list[str | None] = []
        self._seconds = seconds
        self._last_byte_after = last_byte_after
        self._last_byte_at = float("inf")

    async def work(self) -> str:
        self._last_byte_at = anyio.current_time() + self._last_byte_after
        try:
            await anyio.sleep(self._seconds)
        except BaseException:
            self.ended = "stopped"
            raise
        self.ended = "finished"
        return "accepted"

    def revoke(self) -> bool:
        self.revokes += 1
        return anyio.current_time() < self._last_byte_at

    async def run_by(self, supervisor: DetachedTasks) -> str | None:
        return await supervisor.run(self.work, revoke=self.revoke, on_orphaned=self.orphaned.append)


def idle(supervisor: DetachedTasks) -> bool:
    return not supervisor._running and not supervisor._asyncio_tasks


async def settle() -> None:
    """Lets what is ready run."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


async def test_the_result_passes_through() -> None:
    supervisor, work = DetachedTasks(), Work()
    assert await work.run_by(supervisor) == "accepted"
    await settle()
    assert (work.revokes, work.orphaned) == (0, [])
    assert idle(supervisor)


async def test_an_exception_passes_through_as_it_is() -> None:
    supervisor = DetachedTasks()
    error = LookupError("no such thing")
    deserted: list[None] = []

    async def fail() -> None:
        await anyio.sleep(1)
        raise error

    with pytest.raises(LookupError) as caught:
        await supervisor.run(fail, revoke=lambda: True, on_orphaned=deserted.append)
    assert caught.value is error
    await settle()
    assert deserted == []
    assert idle(supervisor)


async def test_many_callers_each_get_their_own_result() -> None:
    supervisor = DetachedTasks()
    results: dict[int, int | None] = {}

    async def call(number: int) -> None:
        async def work() -> int:
            await anyio.sleep(100 - number)
            return number

        results[number] = await supervisor.run(work, revoke=lambda: True, on_orphaned=lambda _: None)

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(call, number)
    assert results == {number: number for number in range(100)}
    await settle()
    assert idle(supervisor)


# A caller who goes away before the last byte


async def test_a_caller_cancelled_before_the_last_byte_stops_the_work_at_once() -> None:
    supervisor, work = DetachedTasks(), Work()
    started = anyio.current_time()
    with anyio.move_on_after(2) as scope:
        await work.run_by(supervisor)
    assert scope.cancelled_caught
    assert anyio.current_time() - started == pytest.approx(2, abs=0.5)
    assert (work.ended, work.revokes, work.orphaned) == ("stopped", 1, [])
    await settle()
    assert idle(supervisor)


async def test_work_that_cannot_stop_at_once_holds_its_caller_for_five_seconds_at_most() -> None:
    supervisor = DetachedTasks()
    told: list[None] = []

    async def stubborn() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(60)

    started = anyio.current_time()
    with anyio.move_on_after(2):
        await supervisor.run(stubborn, revoke=lambda: True, on_orphaned=told.append)
    assert anyio.current_time() - started == pytest.approx(7, abs=0.5)
    await anyio.sleep(60)
    assert told == []
    assert idle(supervisor)


async def test_plain_task_cancellation_before_the_last_byte_stops_the_work_at_once(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    supervisor, work = DetachedTasks(), Work()
    caller = asyncio.create_task(work.run_by(supervisor))
    await asyncio.sleep(2)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert (work.ended, work.orphaned) == ("stopped", [])
    await settle()
    assert idle(supervisor)


async def test_an_asyncio_timeout_before_the_last_byte_stops_the_work_at_once(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("it is asyncio's own")
    supervisor, work = DetachedTasks(), Work()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await work.run_by(supervisor)
    assert (work.ended, work.orphaned) == ("stopped", [])
    await settle()
    assert idle(supervisor)


# A caller who goes away after it


async def test_after_the_last_byte_the_work_goes_on_and_its_result_is_told_once() -> None:
    supervisor, work = DetachedTasks(), Work()
    started = anyio.current_time()
    with anyio.move_on_after(6) as scope:
        await work.run_by(supervisor)
    assert scope.cancelled_caught
    assert anyio.current_time() - started == pytest.approx(6, abs=0.5), "the caller leaves at once"
    assert work.orphaned == []
    await anyio.sleep(5)
    assert (work.ended, work.revokes, work.orphaned) == ("finished", 1, ["accepted"])
    await anyio.sleep(60)
    assert work.orphaned == ["accepted"]
    assert idle(supervisor)


async def test_after_plain_task_cancellation_the_work_goes_on_and_its_result_is_told_once(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    supervisor, work = DetachedTasks(), Work()
    caller = asyncio.create_task(work.run_by(supervisor))
    await asyncio.sleep(6)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.orphaned == []
    await asyncio.sleep(60)
    assert (work.ended, work.orphaned) == ("finished", ["accepted"])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_after_an_asyncio_timeout_the_work_goes_on_and_its_result_is_told_once(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("it is asyncio's own")
    supervisor, work = DetachedTasks(), Work()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await work.run_by(supervisor)
    await asyncio.sleep(60)
    assert (work.ended, work.orphaned) == ("finished", ["accepted"])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_work_that_brings_nothing_home_in_its_grace_is_told_as_nothing() -> None:
    supervisor, work = DetachedTasks(), Work(seconds=100)
    with anyio.move_on_after(6):
        await work.run_by(supervisor)
    await anyio.sleep(GRACE - 1)
    assert work.orphaned == []
    await anyio.sleep(2)
    assert (work.ended, work.orphaned) == ("stopped", [None])
    await anyio.sleep(100)
    assert work.orphaned == [None]
    assert idle(supervisor)


def test_the_grace_is_fifteen_seconds() -> None:
    assert GRACE == 15


async def test_deserted_work_that_fails_is_told_as_nothing() -> None:
    supervisor = DetachedTasks()
    told: list[None] = []

    async def fail() -> None:
        await anyio.sleep(10)
        raise LookupError("nobody hears this")

    with anyio.move_on_after(6):
        await supervisor.run(fail, revoke=lambda: False, on_orphaned=told.append)
    await anyio.sleep(10)
    assert told == [None]
    assert idle(supervisor)


async def test_a_caller_cancelled_in_the_very_tick_the_work_finished_still_has_the_result_told() -> None:
    supervisor = DetachedTasks()
    told: list[str | None] = []
    returned: list[str | None] = []
    with anyio.CancelScope() as scope:

        async def work() -> str:
            await anyio.sleep(1)
            scope.cancel()
            return "accepted"

        returned.append(await supervisor.run(work, revoke=lambda: False, on_orphaned=told.append))
    await settle()
    assert told + returned == ["accepted"], "either the caller has it or `deserted` was told, never neither"
    assert idle(supervisor)


async def test_a_caller_cancelled_in_the_tick_after_the_work_finished_still_has_the_result_told(
    loop: str,
) -> None:
    if loop != "asyncio":
        pytest.skip("only plain asyncio can cancel a task that is about to run")
    supervisor = DetachedTasks()
    told: list[str | None] = []

    async def work() -> str:
        await asyncio.sleep(1)
        # Runs after the work is done, and before its caller wakes up.
        asyncio.get_running_loop().call_soon(caller.cancel)
        return "accepted"

    caller = asyncio.create_task(supervisor.run(work, revoke=lambda: False, on_orphaned=told.append))
    with pytest.raises(asyncio.CancelledError):
        await caller
    await settle()
    assert told == ["accepted"]
    assert idle(supervisor)


async def test_a_caller_cancelled_beforehand_loses_nothing() -> None:
    supervisor, work = DetachedTasks(), Work(seconds=3, last_byte_after=0)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await work.run_by(supervisor)
    await anyio.sleep(60)
    assert work.ended != "finished" or work.orphaned == ["accepted"]
    assert idle(supervisor)


async def test_a_caller_cancelled_twice_has_the_result_told_once(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio's cancellation is level-triggered anyway")
    supervisor, work = DetachedTasks(), Work()

    async def clings() -> None:
        try:
            await work.run_by(supervisor)
        except asyncio.CancelledError:
            await asyncio.sleep(100)

    caller = asyncio.create_task(clings())
    await asyncio.sleep(6)
    caller.cancel()
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.sleep(60)
    assert work.orphaned == ["accepted"]
    assert idle(supervisor)


def test_an_answer_on_its_way_when_the_loop_ends_is_told_as_nothing() -> None:
    work = Work(seconds=100, last_byte_after=0)

    async def leave() -> None:
        supervisor = DetachedTasks()
        caller = asyncio.create_task(work.run_by(supervisor))
        await asyncio.sleep(0.01)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

    run_on_asyncio(leave())
    assert (work.ended, work.orphaned) == ("stopped", [None])


# The end of a client


async def test_draining_nothing_takes_no_time() -> None:
    started = anyio.current_time()
    await DetachedTasks().drain()
    assert anyio.current_time() - started == pytest.approx(0, abs=0.1)


async def test_draining_waits_for_deserted_work() -> None:
    supervisor, work = DetachedTasks(), Work()
    with anyio.move_on_after(6):
        await work.run_by(supervisor)
    started = anyio.current_time()
    await supervisor.drain()
    assert anyio.current_time() - started == pytest.approx(4, abs=0.5)
    assert work.orphaned == ["accepted"]


async def test_draining_waits_even_in_a_cancelled_scope() -> None:
    supervisor, work = DetachedTasks(), Work()
    with anyio.move_on_after(6):
        await work.run_by(supervisor)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await supervisor.drain()
    assert work.orphaned == ["accepted"]


async def test_draining_lasts_no_longer_than_the_grace() -> None:
    supervisor = DetachedTasks()
    works = [Work(seconds=1000, last_byte_after=0) for _ in range(3)]
    results: list[str | None] = []

    async def call(work: Work) -> None:
        results.append(await work.run_by(supervisor))

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(call, work)
        await anyio.sleep(1)
        started = anyio.current_time()
        await supervisor.drain()
        assert anyio.current_time() - started == pytest.approx(GRACE, abs=0.5)
    assert results == [None, None, None], "callers who still wait hear that there is no result"
    assert [work.ended for work in works] == ["stopped"] * 3
    await settle()
    assert idle(supervisor)


async def test_draining_does_not_extend_a_grace_that_runs_already() -> None:
    supervisor, work = DetachedTasks(), Work(seconds=1000)
    with anyio.move_on_after(6):
        await work.run_by(supervisor)
    await anyio.sleep(10)
    started = anyio.current_time()
    await supervisor.drain()
    assert anyio.current_time() - started == pytest.approx(5, abs=0.5)
    assert work.orphaned == [None]


async def test_callers_get_their_results_while_a_client_drains() -> None:
    supervisor, work = DetachedTasks(), Work()
    results: list[str | None] = []

    async def call() -> None:
        results.append(await work.run_by(supervisor))

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.sleep(1)
        await supervisor.drain()
    assert (results, work.orphaned) == (["accepted"], [])
