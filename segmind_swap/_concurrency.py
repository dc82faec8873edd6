"""Tasks of the client instead of its caller's, and threads. Only this file distinguishes asyncio from trio.

Between the last byte of a paid request and the record of its response, cancellation would lose money. A
shielded scope does not help, because plain asyncio cancellation passes through it. So this work runs in a
detached task of the client, and the caller waits for that task.

A batch runs in a task of the client, too: a task group of the caller must not stay open across the caller's
`yield`, because a generator may be closed by another task, or never.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.to_thread
import sniffio

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
GRACE = 15.0
"""Seconds that a detached task may continue after its caller was cancelled."""
_CLEANUP = 5.0
"""Further seconds that a cancelled task has to release its connection."""

# The event loop of asyncio keeps only weak references to its tasks. The client alone cannot keep a task that
# it runs for long: the task refers to its client, and both can become unreachable while the task waits.
_with_background: set[tuple[DetachedTasks, BackgroundTask]] = set()


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


class BackgroundTask:
    """One long task of the client, which its starter ends.

    Attributes:
        error: The exception that has ended the work; None while the work runs, and after a cancellation.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.error: BaseException | None = None
        self._work = work
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    def cancel(self) -> None:
        """Cancels the work. Does not wait for its end."""
        self._scope.cancel()

    async def ended(self) -> None:
        """Waits until the work has ended, also in a cancelled scope."""
        with anyio.CancelScope(shield=True):
            await self._ended.wait()

    def was_dropped(self) -> None:
        """Marks the work as ended, also if it never began."""
        self._ended.set()

    async def run(self) -> None:
        """Does the work, in the client's task."""
        cancelled = anyio.get_cancelled_exc_class()
        try:
            with self._scope:
                await self._work()
        except cancelled:
            # The event loop itself ends. Trio must receive its own exception.
            raise
        except BaseException as exc:
            # An exception that leaves a system task of trio would end the whole program.
            self.error = exc
        finally:
            self._ended.set()


class DetachedTasks:
    """Runs work that continues after its caller was cancelled. Belongs to one event loop."""

    def __init__(self) -> None:
        self._running: set[_DetachedTask[object]] = set()
        self._background: set[BackgroundTask] = set()
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

    def start_background(self, work: Callable[[], Awaitable[None]]) -> BackgroundTask:
        """Starts a long task of the client, with a copy of the caller's context variables."""
        task = BackgroundTask(work)

        def forget() -> None:
            self._background.discard(task)
            _with_background.discard((self, task))
            task.was_dropped()

        async def body() -> None:
            try:
                await task.run()
            finally:
                forget()

        self._background.add(task)
        _with_background.add((self, task))
        # On asyncio, a task that is cancelled before its first step never runs the `finally` above.
        self._spawn(body, "segmind_swap: batch", on_end=forget)
        return task

    async def end_background(self) -> None:
        """Cancels every long task of the client, and waits for their ends, at most 20 s."""
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE + _CLEANUP):
            for task in tasks:
                await task.ended()

    def _start(self, task: _DetachedTask[T]) -> None:
        running: set[_DetachedTask[T]] = self._running  # type: ignore[assignment]  # tasks of any result

        async def body() -> None:
            try:
                await task.run()
            finally:
                running.discard(task)

        running.add(task)
        self._spawn(body, "segmind_swap: detached request")

    def _spawn(
        self,
        body: Callable[[], Coroutine[object, object, None]],
        name: str,
        on_end: Callable[[], None] | None = None,
    ) -> None:
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
            if on_end is not None:
                asyncio_task.add_done_callback(lambda _: on_end())


async def run_in_thread(function: Callable[[], T]) -> T:
    """Runs a function in a worker thread. Cancellation does not interrupt the function.

    On asyncio, the threads are those of the event loop's own executor. anyio's worker threads end with the
    event loop's root task only. Where there is none, as under `nest_asyncio`, they keep the process alive.
    """
    if sniffio.current_async_library() == "trio":
        return await anyio.to_thread.run_sync(function)
    import asyncio  # noqa: PLC0415 - only users of asyncio need it

    # anyio's limiter bounds the threads of this package and of its user together.
    async with anyio.to_thread.current_default_thread_limiter():
        return await _uncancelled(asyncio.to_thread(function))


async def _uncancelled(work: Awaitable[T]) -> T:
    """Awaits work in a shielded scope. The scope cannot be typed as one that swallows no exception."""
    result: list[T] = []
    with anyio.CancelScope(shield=True):
        result.append(await work)
    return result[0]


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
