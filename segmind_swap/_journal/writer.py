"""One thread that writes a journal: it commits the steps of many tasks together.

A task gets the result of its step when the commit is on the disk.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio

from .._concurrency import threadsafe_caller
from .._errors import JournalError
from .errors import IN_MEMORY, journal_error

if TYPE_CHECKING:
    from .store import Store

log = logging.getLogger("segmind_swap")
T = TypeVar("T")
_GROUP = 512


class _Write(Generic[T]):
    """One step, and its result."""

    def __init__(self, step: Callable[[Store], T]) -> None:
        self.done = anyio.Event()
        self._step = step
        self._result: T | None = None
        self._error: Exception | None = None

    def run(self, store: Store) -> None:
        try:
            self._result = self._step(store)
        except (sqlite3.Error, OSError):
            # A failure of the disk: every step of the transaction fails.
            raise
        except ValueError as exc:
            self._error = store.error(f"cannot hold a step's values: {exc}")
        except Exception as exc:
            # The step is not allowed in the current state of its row: only this step fails.
            self._error = exc

    def fail(self, error: Exception) -> None:
        self._error = error

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return cast("T", self._result)


class Writer:
    """Takes steps from the tasks of one event loop, and writes them in the order of the calls.

    A store in memory is written at once, without a thread: there is no disk to wait for.

    Args:
        store: The store, which the writer closes.
        only_reads: Whether the steps only read. They then see one state of the store, and lock out nobody.
    """

    def __init__(self, store: Store, *, only_reads: bool = False) -> None:
        self.path: str = store.path
        self._store = store
        self._only_reads = only_reads
        self._inline = store.path == IN_MEMORY
        self._queue: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._closed = anyio.Event()
        self._is_closing = False
        if not self._inline:
            self._call_on_loop = threadsafe_caller()
            # A daemon: a process whose loop has died must not hang. Acknowledged steps are on the disk.
            threading.Thread(target=self._work, name="segmind_swap: journal", daemon=True).start()

    async def do(self, step: Callable[[Store], T]) -> T:
        """Writes a step, and returns its result once the step is on the disk.

        If the caller is cancelled, the step is written all the same.

        Raises:
            JournalError: the disk failed, the step is not allowed, or the journal is closed already.
        """
        write = _Write(step)
        self._put(write)
        await write.done.wait()
        return write.result()

    def post(self, step: Callable[[Store], object]) -> None:
        """Writes a step after all earlier steps. Nobody waits for it: a failure is logged."""

        def logged(store: Store) -> None:
            try:
                step(store)
            except (JournalError, ValueError) as exc:
                log.warning("%s", exc)

        self._put(_Write(logged))

    def _put(self, write: _Write[Any]) -> None:
        if self._is_closing:
            write.fail(journal_error(self.path, "is closed"))
            write.done.set()
        elif self._inline:
            self._commit([write])
            write.done.set()
        else:
            self._queue.put(write)

    def close(self) -> None:
        """Closes the journal after all earlier steps."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._inline:
            self._store.close()
            self._closed.set()
        else:
            self._queue.put(None)

    async def aclose(self) -> None:
        """Closes the journal after all earlier steps, and waits until it is closed."""
        self.close()
        with anyio.CancelScope(shield=True):
            await self._closed.wait()

    def _work(self) -> None:
        is_open = True
        while is_open:
            writes, is_open = self._next()
            self._commit(writes)
            self._call_on_loop(partial(_acknowledge, writes))
        try:
            self._store.close()
        finally:
            self._call_on_loop(self._closed.set)

    def _commit(self, writes: Sequence[_Write[Any]]) -> None:
        try:
            with self._store.snapshot() if self._only_reads else self._store.transaction():
                for write in writes:
                    write.run(self._store)
        except Exception as exc:
            for write in writes:
                write.fail(exc)

    def _next(self) -> tuple[list[_Write[Any]], bool]:
        """The steps that wait to be written, and whether the writer is still open.

        Waits for a step, or for the end of the writer.
        """
        writes: list[_Write[Any]] = []
        waiting = self._queue.get()
        while waiting is not None:
            writes.append(waiting)
            if len(writes) == _GROUP or self._queue.empty():
                return writes, True
            waiting = self._queue.get()
        return writes, False


def _acknowledge(writes: Sequence[_Write[Any]]) -> None:
    for write in writes:
        write.done.set()
