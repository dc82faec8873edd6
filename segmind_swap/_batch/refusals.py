"""Decides whether a 403 or a 404 to a submit is about one input, or about every swap of the account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import anyio

from .._errors import SwapError
from .._protocols.entry import Entry

_INPUTS = 3
"""So many different inputs in a row show that the refusal does not depend on the input."""
_GRACE = 1.0
"""Seconds without another submit, after which a refused input waits no longer for the verdict."""


class _Waiting:
    """A refused input that waits for the verdict."""

    def __init__(self) -> None:
        self.is_decided = anyio.Event()
        self.is_of_the_input = True


class Refusals:
    """The submits of a batch that were answered 403 or 404, as long as they come one after the other.

    A refusal is about every swap if the service never accepted a submit of this client before, or if three
    different inputs in a row meet it. Then the batch stops, and these inputs are PENDING again. Else the
    refusal is about its input, which is REJECTED. A refused input waits for the verdict, without a slot. The
    verdict comes with the next submit, or when no other submit is under way.
    """

    def __init__(
        self,
        *,
        has_accepted: Callable[[], bool],
        stop: Callable[[SwapError], None],
        reopen: Callable[[Entry], Awaitable[object]] | None,
    ) -> None:
        """Makes an empty series.

        Args:
            has_accepted: Whether the service has accepted a submit of this client.
            stop: Stops the batch because of an error.
            reopen: Makes the entry of a REJECTED input PENDING; None if a REJECTED input stays so.
        """
        self._has_accepted = has_accepted
        self._stop = stop
        self._reopen = reopen
        self._submits = 0
        self._has_stopped = False
        self._fingerprints: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._rejected: list[Entry] = []

    @contextmanager
    def submit_under_way(self) -> Iterator[None]:
        """Counts a swap that will submit, and has neither a job nor a refusal."""
        self._submits += 1
        try:
            yield
        finally:
            self._submits -= 1

    def ended_otherwise(self) -> None:
        """Ends the series: a submit was accepted, or was refused because of its input."""
        self._decide(is_of_the_input=True)
        self._fingerprints.clear()
        self._rejected.clear()

    async def is_of_the_input(self, entry: Entry, error: SwapError) -> bool:
        """Waits for the verdict about a refused input. False if the batch was stopped because of the error.

        `rejected` must be called once the ledger has recorded a rejection.
        """
        self._fingerprints.add(entry.fingerprint)
        if not self._has_accepted() or len(self._fingerprints) >= _INPUTS:
            self._has_stopped = True
            self._stop(error)
            self._decide(is_of_the_input=False)
            while self._rejected and self._reopen is not None:
                await self._reopen(self._rejected.pop())
            return False
        if len(self._waiting) + 1 >= _INPUTS:
            # The same pictures again and again. Their number must not grow in memory.
            return True
        waiting = _Waiting()
        self._waiting.append(waiting)
        while not waiting.is_decided.is_set():
            with anyio.move_on_after(_GRACE):
                await waiting.is_decided.wait()
                break
            if not self._submits:
                self._decide(is_of_the_input=True)
        return waiting.is_of_the_input

    async def rejected(self, entry: Entry) -> None:
        """Notes a rejection that was recorded, in case that the series goes on and is about every swap."""
        if self._reopen is None or entry.fingerprint not in self._fingerprints:
            return
        if self._has_stopped:
            # The series went on while the ledger recorded the rejection.
            await self._reopen(entry)
        else:
            self._rejected.append(entry)

    def _decide(self, *, is_of_the_input: bool) -> None:
        for waiting in self._waiting:
            waiting.is_of_the_input = is_of_the_input
            waiting.is_decided.set()
        self._waiting.clear()
