"""Every async test runs on asyncio and on trio, in virtual time unless it is marked `real_time`."""

import asyncio
import inspect
import selectors
from typing import Any

import anyio
import pytest
import trio.testing


class _Leap(selectors.DefaultSelector):
    """A selector which never waits: where the loop would, the loop's clock leaps ahead instead."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            # Nothing is scheduled at all: only another thread can wake the loop, so really wait for it.
            return super().select(None)
        if not ready and timeout:
            self.leapt += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in which an hour's sleep costs nothing, as in trio's autojump clock."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        # Nothing but the leaps: what the machine takes for its work does not count, and cannot fail a test.
        return self._leap.leapt


def _options(backend: str, *, real_time: bool) -> dict[str, Any]:
    if real_time:
        return {}
    if backend == "asyncio":
        return {"loop_factory": VirtualTimeLoop}
    return {"clock": trio.testing.MockClock(autojump_threshold=0)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if inspect.iscoroutinefunction(metafunc.function):
        if "loop" not in metafunc.fixturenames:
            metafunc.fixturenames.append("loop")
        metafunc.parametrize("loop", ["asyncio", "trio"])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    backend = str(pyfuncitem.callspec.params["loop"])
    real_time = pyfuncitem.get_closest_marker("real_time") is not None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def test() -> None:
        await pyfuncitem.obj(**arguments)

    anyio.run(test, backend=backend, backend_options=_options(backend, real_time=real_time))
    return True
