"""Pauses the submits of a client while the service does not answer, because each submit would be in doubt.

Five submits in a row without a response below 500 open the circuit breaker. Then the first task that waits
sends a free request (the probe) after 5, 10, … 60 seconds. Once a probe is answered, one submit is sent as a
trial. Only a response to the trial closes the breaker, because a gateway may fail paid calls alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from .._events import Emit, OutageBegan, OutageEnded

FAILURES = 5
SHORTEST = 5.0
LONGEST = 60.0

Probe = Callable[[], Awaitable[str | None]]
"""Sends a free request. Returns None if the service answered, else the problem in words."""


class CircuitBreaker:
    """Follows the submits of one client. Belongs to one event loop."""

    def __init__(self, probe: Probe, emit: Emit) -> None:
        self._probe = probe
        self._emit = emit
        self._failures = 0
        self._delay = SHORTEST
        self._is_open = False
        self._trial = anyio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether submits must wait."""
        return self._is_open

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[bool]:
        """Waits until a submit may be sent. Yields whether the submit is the trial.

        Stay in the block until the submit has ended: the other submits wait for the end of the trial.
        """
        if self._is_open:
            async with self._trial:
                if await self._is_trial_due():
                    yield True
                    return
        yield False

    async def _is_trial_due(self) -> bool:
        """Probes until the service answers. False if another submit has closed the breaker meanwhile."""
        while self._is_open:
            await anyio.sleep(self._delay)
            problem = await self._probe()
            if problem is None:
                return self._is_open
            self._wait_longer(problem)
        return False

    def answered(self) -> None:
        """Closes the breaker, because a submit had a response below 500."""
        self._failures = 0
        if self._is_open:
            self._is_open = False
            self._emit(OutageEnded())

    def failed(self, cause: str, *, is_trial: bool) -> None:
        """Counts a submit without a response below 500. `is_trial` is the value that `permit` has yielded."""
        self._failures += 1
        if self._is_open:
            # Submits that were sent before the breaker opened show nothing new.
            if is_trial:
                self._wait_longer(cause)
        elif self._failures >= FAILURES:
            self._is_open = True
            self._delay = SHORTEST
            self._emit(OutageBegan(delay=self._delay, cause=cause))

    def _wait_longer(self, cause: str) -> None:
        self._delay = min(2 * self._delay, LONGEST)
        self._emit(OutageBegan(delay=self._delay, cause=cause))
