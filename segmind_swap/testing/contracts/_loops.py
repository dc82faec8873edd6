"""Runs each test of a contract on each event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

import anyio
import pytest


class OnEachLoop:
    """Runs each test on the event loops of `backends`. The argument `backend` of a test is the event loop."""

    backends: ClassVar[tuple[str, ...]] = ("asyncio", "trio")
    patience: ClassVar[float] = 30.0
    """Seconds after which a test has failed: what never wakes up would hang."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrises each test by the event loops."""
        if "backend" in metafunc.fixturenames:
            metafunc.parametrize("backend", self.backends)

    def run(self, test: Callable[[], Awaitable[None]], backend: str) -> None:
        """Runs a test on an event loop of its own."""

        async def bounded() -> None:
            with anyio.fail_after(self.patience):
                await test()

        anyio.run(bounded, backend=backend)
