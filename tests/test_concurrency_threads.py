"""Functions that run in a thread: in which thread, and what a cancellation does to them."""

import threading
import time

import anyio
import anyio.to_thread
import pytest

from segmind_swap._concurrency import run_in_thread


async def test_a_function_runs_in_a_thread_that_ends_with_its_event_loop(loop: str) -> None:
    names = [await run_in_thread(lambda: threading.current_thread().name) for _ in range(3)]
    assert threading.current_thread().name not in names
    if loop == "asyncio":
        assert not any("AnyIO worker thread" in name for name in names)


async def test_what_the_function_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        await run_in_thread(fail)


async def test_a_cancelled_scope_waits_for_the_function() -> None:
    ended: list[bool] = []

    def slow() -> None:
        time.sleep(0.05)
        ended.append(True)

    with anyio.CancelScope() as scope:

        async def cancel() -> None:
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(cancel)
            await run_in_thread(slow)
    assert ended == [True]
    assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
