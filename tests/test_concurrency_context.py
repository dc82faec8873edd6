"""Detached tasks keep the context variables of their caller, on both event loops."""

import contextvars

import anyio

from segmind_swap._concurrency import DetachedTasks

TRACE: contextvars.ContextVar[str] = contextvars.ContextVar("TRACE", default="none")


async def test_detached_work_sees_the_context_variables_of_its_caller() -> None:
    detached = DetachedTasks()
    seen: dict[str, str | None] = {}

    async def call(trace: str) -> None:
        async def work() -> str:
            await anyio.sleep(1)
            found = TRACE.get()
            TRACE.set("changed by the work")
            return found

        TRACE.set(trace)
        seen[trace] = await detached.run(work, revoke=lambda: True, on_orphaned=lambda _: None)
        assert TRACE.get() == trace, "the work has a copy of its own"

    async with anyio.create_task_group() as group:
        for trace in ("a", "b", "c"):
            group.start_soon(call, trace)
    assert seen == {"a": "a", "b": "b", "c": "c"}


async def test_orphaned_work_reports_in_the_context_of_its_caller() -> None:
    detached = DetachedTasks()
    reported: list[str] = []
    TRACE.set("mine")

    async def work() -> None:
        await anyio.sleep(10)

    with anyio.move_on_after(1):
        await detached.run(work, revoke=lambda: False, on_orphaned=lambda _: reported.append(TRACE.get()))
    TRACE.set("another's")
    await anyio.sleep(20)
    assert reported == ["mine"]
