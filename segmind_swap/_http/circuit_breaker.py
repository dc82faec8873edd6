"""When the service answers no submit, none is sent: each might be paid, and nobody could tell.

Five submits in a row without an answer below 500 close the way for the whole client. Then the first who waits
asks a free question every 5, 10, … 60 seconds. When that is answered, one submit tries the way, and only
its own answer opens it to the others: a gateway may fail paid calls alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from .._events import EventHandler, OutageBegan, OutageEnded

FAILURES = 5
SHORTEST = 5.0
LONGEST = 60.0

Probe = Callable[[], Awaitable[str | None]]
"""Asks the service something free; None if it answered, else what happened instead."""


class CircuitBreaker:
    """Follows the submits of one client. Belongs to one event loop."""

    def __init__(self, probe: Probe, on_event: EventHandler | None) -> None:
        self._probe = probe
        self._on_event = on_event
        self._failures = 0
        self._delay = SHORTEST
        self._lasts = False
        self._turn = anyio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the way is closed."""
        return self._lasts

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[bool]:
        """Waits until a submit may leave; to be left when it is over. Yields whether it goes alone."""
        if self._lasts:
            async with self._turn:
                if await self._may_try():
                    yield True  # the others wait for the turn that this one holds
                    return
        yield False

    async def _may_try(self) -> bool:
        """Waits until the service answers; False if another's submit has ended the outage meanwhile."""
        while self._lasts:
            await anyio.sleep(self._delay)
            complaint = await self._probe()
            if complaint is None:
                return self._lasts
            self._wait_longer(complaint)
        return False

    def answered(self) -> None:
        """A submit was answered with less than 500."""
        self._failures = 0
        if self._lasts:
            self._lasts = False
            self._emit(OutageEnded())

    def failed(self, cause: str, *, alone: bool) -> None:
        """A submit was not answered, or with 500 and more. `alone` is what `way` told it."""
        self._failures += 1
        if self._lasts:
            # Those that left before the way was closed tell nothing new.
            if alone:
                self._wait_longer(cause)
        elif self._failures >= FAILURES:
            self._lasts = True
            self._delay = SHORTEST
            self._emit(OutageBegan(delay=self._delay, cause=cause))

    def _wait_longer(self, cause: str) -> None:
        self._delay = min(2 * self._delay, LONGEST)
        self._emit(OutageBegan(delay=self._delay, cause=cause))
