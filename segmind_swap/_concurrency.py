"""Tasks that survive their caller's cancellation. Only this file distinguishes asyncio from trio.

Between the last byte of a paid request and the record of its response, cancellation would lose money. A
shielded scope does not help, because plain asyncio cancellation passes through it. So this work runs in a
detached task of the client, and the caller waits for that task.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import sniffio

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
GRACE = 15.0
"""Seconds that a detached task may continue after its caller was cancelled."""
_CLEANUP = 5.0
"""Further seconds that a cancelled task has to release its connection."""


class _DetachedTask(Generic[T]):
    """One detached task, and its result."""

    def __init__(self, work: Callable[[], Awaitable[T]], on_orphaned: Callable[[T | None], None]) -> None:
        self.done = anyio.Event()
        self.scope = anyio.CancelScope()
        self.is_orphaned = False
        self._work = work
        self._on_orphaned = on_orphaned
        self._result: T | None = None
        self._error: Exception | None = None

    async def run(self) -> None:
        try:
            with self.scope:
                self._result = await self._work()
        except Exception as exc:
            self._error = exc
        finally:
            self.done.set()
            if self.is_orphaned:
                self.report()

    def report(self) -> None:
        """Passes the result to `on_orphaned`; None if there is no result."""
        self._on_orphaned(self._result)

    def result(self) -> T | None:
        if self._error is not None:
            raise self._error
        return self._result


class DetachedTasks:
    """Runs work that continues after its caller was cancelled. Belongs to one event loop."""

    def __init__(self) -> None:
        self._running: set[_DetachedTask[object]] = set()
        # The event loop of asyncio keeps only weak references to its tasks.
        self._asyncio_tasks: set[asyncio.Task[None]] = set()

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        revoke: Callable[[], bool],
        on_orphaned: Callable[[T | None], None],
    ) -> T | None:
        """Runs `work()` in a task of the client, with a copy of the caller's context variables.

        If the caller is cancelled, `revoke()` tries to stop the request before its last byte leaves. If
        `revoke()` succeeds, the task is cancelled. Otherwise the task continues for up to 15 s and passes its
        result to `on_orphaned`.

        Args:
            work: The work. Its exceptions are raised here.
            revoke: Returns whether the work can be stopped without loss.
            on_orphaned: Called at most once, if the caller cannot receive the result. Gets the result; None
                if there is no result. Must not raise.

        Returns:
            The result; None if the client was closed and the work took too long.
        """
        task = _DetachedTask(work, on_orphaned)
        self._start(task)
        try:
            await task.done.wait()
        except BaseException:
            if task.done.is_set():
                task.report()
            elif revoke():
                task.scope.cancel()
                with anyio.CancelScope(shield=True), anyio.move_on_after(_CLEANUP):
                    await task.done.wait()
            else:
                task.is_orphaned = True
                task.scope.deadline = anyio.current_time() + GRACE
            raise
        return task.result()

    async def drain(self) -> None:
        """Waits for all detached tasks, at most 20 s, also in a cancelled scope."""
        tasks = list(self._running)
        for task in tasks:
            task.scope.deadline = min(task.scope.deadline, anyio.current_time() + GRACE)
        with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE + _CLEANUP):
            for task in tasks:
                await task.done.wait()

    def _start(self, task: _DetachedTask[T]) -> None:
        running: set[_DetachedTask[T]] = self._running  # type: ignore[assignment]  # tasks of any result

        async def body() -> None:
            try:
                await task.run()
            finally:
                running.discard(task)

        running.add(task)
        name = "segmind_swap: detached request"
        if sniffio.current_async_library() == "trio":
            import trio  # noqa: PLC0415 - only users of trio have it

            # Unlike a nursery's task, a system task survives a KeyboardInterrupt of the main task. By default
            # it does not inherit the context variables of its caller, as a task of asyncio does.
            trio.lowlevel.spawn_system_task(body, name=name, context=contextvars.copy_context())
        else:
            import asyncio  # noqa: PLC0415 - only users of asyncio need it

            asyncio_task = asyncio.create_task(body(), name=name)
            self._asyncio_tasks.add(asyncio_task)
            asyncio_task.add_done_callback(self._asyncio_tasks.discard)


def threadsafe_caller() -> Callable[[Callable[[], object]], None]:
    """Returns a function with which another thread calls functions on this event loop.

    After the event loop has ended, the returned function does nothing.
    """
    if sniffio.current_async_library() == "trio":
        import trio  # noqa: PLC0415 - only users of trio have it

        call_soon: Callable[[Callable[[], object]], object] = trio.lowlevel.current_trio_token().run_sync_soon
    else:
        import asyncio  # noqa: PLC0415 - only users of asyncio need it

        call_soon = asyncio.get_running_loop().call_soon_threadsafe

    def call(function: Callable[[], object]) -> None:
        # Both event loops raise RuntimeError, or a subclass, after they have ended.
        with suppress(RuntimeError):
            call_soon(function)

    return call
