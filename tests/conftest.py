"""Every async test runs on asyncio and on trio, in virtual time unless it is marked `real_time`."""

import asyncio
import inspect
import logging
import random
import selectors
import signal
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import pytest
import trio.testing
from hypothesis import HealthCheck, settings

from segmind_swap._journal import writer as journal_writer
from segmind_swap._journal.writer import Writer

# The same examples on each run, and none refused because a busy machine made it slowly. Others are tried with
# `--hypothesis-profile=default`.
settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

# Under `nohup`, the programs that tests start would ignore SIGHUP, too. A handler is not inherited, so the
# programs have the default then. The tests themselves still go on after a hangup.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

_T = TypeVar("_T")

FAST = "asyncio-fast"
"""The loop's name where polls and uploads go through the transport of the extra `fast`."""

_PATIENCE = 30.0
"""Real seconds for which virtual time stands still while worker threads are at work."""


class _Leap(selectors.DefaultSelector):
    """A selector which never waits: where the loop would, the loop's clock leaps ahead instead.

    It does wait for worker threads: else what a thread does would take until the next deadline, or not,
    as the machine pleases.
    """

    leapt = 0.0
    threads: anyio.CapacityLimiter | None = None
    writes = 0
    """Steps that a journal's thread has not acknowledged yet."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            # Nothing is scheduled at all: only another thread can wake the loop, so really wait for it.
            return super().select(None)
        is_thread_at_work = self.threads is not None and self.threads.borrowed_tokens > 0
        if not ready and timeout and (is_thread_at_work or self.writes > 0):
            ready = super().select(_PATIENCE)
        if not ready and timeout:
            self.leapt += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in which an hour's sleep costs nothing, as in trio's autojump clock."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)
        self._leap.threads = self.run_until_complete(self._threads())

    async def _threads(self) -> anyio.CapacityLimiter:
        # Only a task can ask for the loop's own.
        return anyio.to_thread.current_default_thread_limiter()

    def time(self) -> float:
        # Nothing but the leaps: what the machine takes for its work does not count, and cannot fail a test.
        return self._leap.leapt

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        # The runner's bound, new in Python 3.12, would pass at once in virtual time. Threads need real time.
        await super().shutdown_default_executor()


def _count_writes_of_journals() -> None:
    """Makes virtual time wait for the thread of a journal, too, which is none of the loop's workers."""
    put, acknowledge = Writer._put, journal_writer._acknowledge

    def counted(change: int) -> None:
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if isinstance(loop, VirtualTimeLoop):
                loop._leap.writes += change

    def counting_put(writer: Writer, write: Any) -> None:
        put(writer, write)
        if not write.done.is_set():
            counted(1)

    def counting_acknowledge(writes: Sequence[Any]) -> None:
        acknowledge(writes)
        counted(-len(writes))

    Writer._put = counting_put  # type: ignore[method-assign, assignment]
    journal_writer._acknowledge = counting_acknowledge


_count_writes_of_journals()


def run_on_asyncio(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs it as `asyncio.run` does, without anyio around it, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class _Standstill(trio.abc.Instrument):
    """Makes a clock of trio's wait for worker threads, as `_Leap` does."""

    def __init__(self, clock: trio.testing.MockClock) -> None:
        self._clock = clock
        self._at_work = False

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        at_work = trio.to_thread.current_default_thread_limiter().borrowed_tokens > 0
        if at_work is not self._at_work:
            self._at_work = at_work
            self._clock.autojump_threshold = _PATIENCE if at_work else 0.0


def virtual_trio() -> dict[str, Any]:
    """The arguments with which `trio.run` runs in virtual time."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    return {"clock": clock, "instruments": [_Standstill(clock)]}


def _options(backend: str, *, real_time: bool) -> dict[str, Any]:
    if real_time:
        return {}
    return {"loop_factory": VirtualTimeLoop} if backend == "asyncio" else virtual_trio()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if inspect.iscoroutinefunction(metafunc.function):
        if "loop" not in metafunc.fixturenames:
            metafunc.fixturenames.append("loop")
        has_wires = metafunc.definition.get_closest_marker("wires") is not None
        metafunc.parametrize("loop", ["asyncio", "trio", *([FAST] if has_wires else [])])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # The jitter of backoffs is then the same on each run: a test must not fail once in fifty, by chance.
    random.seed(item.nodeid)
    # An example of the documentation sets the level of the log, as a program does. Other tests read the log.
    logging.getLogger("segmind_swap").setLevel(logging.NOTSET)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    loop = str(pyfuncitem.callspec.params["loop"])
    backend = loop.removesuffix("-fast")
    real_time = pyfuncitem.get_closest_marker("real_time") is not None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def test() -> None:
        await pyfuncitem.obj(**arguments)

    with pytest.MonkeyPatch.context() as patch:
        if loop != FAST:
            # As if the extra were not there.
            patch.setattr("segmind_swap._http.pools.fast_transport", lambda **_: None)
        anyio.run(test, backend=backend, backend_options=_options(backend, real_time=real_time))
    return True
