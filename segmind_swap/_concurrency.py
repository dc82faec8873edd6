"""The client's own tasks: the stretch in which a paid request has left and its answer is not yet recorded.

A shielded scope would not do: plain asyncio cancellation goes through it. So that stretch runs in a task of
the client, on which a caller waits. A caller that is cancelled earlier takes the task along; later, the task
has a grace to bring the answer home.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import sniffio

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
GRACE = 15.0
_CLEANUP = 5.0


class _DetachedTask(Generic[T]):
    """One task under supervision."""

    def __init__(self, work: Callable[[], Awaitable[T]], deserted: Callable[[T | None], None]) -> None:
        self.done = anyio.Event()
        self.scope = anyio.CancelScope()
        self.is_deserted = False
        self._work = work
        self._deserted = deserted
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
            if self.is_deserted:
                self.report()

    def report(self) -> None:
        """Tells what became of work that nobody waits for: its result, or None if it brought none."""
        self._deserted(self._result)

    def result(self) -> T | None:
        if self._error is not None:
            raise self._error
        return self._result


class DetachedTasks:
    """Runs work that must not end with the task that asked for it. Belongs to one event loop."""

    def __init__(self) -> None:
        self._wards: set[_DetachedTask[object]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        revoke: Callable[[], bool],
        deserted: Callable[[T | None], None],
    ) -> T | None:
        """The result of `work()`, done in a task of the client; None if the client was closed meanwhile.

        When the caller is cancelled, `call_back()` is asked whether the work can be stopped without loss. If
        so it is stopped; else it goes on for at most 15 s, and `deserted` is told what came of it.
        """
        ward = _DetachedTask(work, deserted)
        self._start(ward)
        try:
            await ward.done.wait()
        except BaseException:
            if ward.done.is_set():
                ward.report()
            elif revoke():
                ward.scope.cancel()
                with anyio.CancelScope(shield=True), anyio.move_on_after(_CLEANUP):
                    await ward.done.wait()
            else:
                ward.is_deserted = True
                ward.scope.deadline = anyio.current_time() + GRACE
            raise
        return ward.result()

    async def drain(self) -> None:
        """Waits for what is under way, at most its grace; not even a cancelled scope leaves earlier."""
        wards = list(self._wards)
        for ward in wards:
            ward.scope.deadline = min(ward.scope.deadline, anyio.current_time() + GRACE)
        with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE + _CLEANUP):
            for ward in wards:
                await ward.done.wait()

    def _start(self, ward: _DetachedTask[T]) -> None:
        wards: set[_DetachedTask[T]] = self._wards  # type: ignore[assignment]  # a set of wards of anything
        wards.add(ward)

        async def body() -> None:
            try:
                await ward.run()
            finally:
                wards.discard(ward)

        if sniffio.current_async_library() == "trio":
            import trio  # noqa: PLC0415 - only users of trio have it

            # Unlike a nursery's, a system task outlives the main task's KeyboardInterrupt.
            trio.lowlevel.spawn_system_task(body, name="segmind_swap: an answer on its way")
        else:
            import asyncio  # noqa: PLC0415 - only users of asyncio need it

            task = asyncio.create_task(body(), name="segmind_swap: an answer on its way")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def threadsafe_caller() -> Callable[[Callable[[], object]], None]:
    """How another thread has a function called on this event loop. Once the loop is gone, nothing happens."""
    if sniffio.current_async_library() == "trio":
        import trio  # noqa: PLC0415 - only users of trio have it

        soon: Callable[[Callable[[], object]], object] = trio.lowlevel.current_trio_token().run_sync_soon
    else:
        import asyncio  # noqa: PLC0415 - only users of asyncio need it

        soon = asyncio.get_running_loop().call_soon_threadsafe

    def call(function: Callable[[], object]) -> None:
        # Both loops raise RuntimeError (trio one of its own kind) when they are over.
        with suppress(RuntimeError):
            soon(function)

    return call
