"""Lets what a gate learns of the rate limit outlive the process: the ledger of a batch keeps the belief."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from ..._models import Rate
from ..._protocols.gate import Gate, RateKeeper
from ..._protocols.ledger import Ledger

log = logging.getLogger("segmind_swap")

# Seconds after which a change is written. Changes in between are written together.
_LOOK = 5.0
# An unchanged belief is written again after so many seconds, because its age counts.
_REFRESH = 600.0


@asynccontextmanager
async def remembered_rate(gate: Gate, ledger: Ledger) -> AsyncGenerator[None, None]:
    """Starts the gate from what an earlier batch has learned, and keeps what the gate learns in the block.

    A gate without a belief of its own is left alone. No failure of gate or ledger ends the batch: it would
    cost time only.
    """
    if not isinstance(gate, RateKeeper):
        yield
        return
    memory = _Memory(gate, ledger)
    await memory.recall()
    async with anyio.create_task_group() as group:
        group.start_soon(memory.keep_changes)
        try:
            yield
        finally:
            group.cancel_scope.cancel()
            memory.keep(is_end=True)


class _Memory:
    """What one batch has read and kept."""

    def __init__(self, gate: RateKeeper, ledger: Ledger) -> None:
        self._gate = gate
        self._ledger = ledger
        self._changes_before = 0
        self._kept: tuple[float | None, bool, bool] | None = None
        self._kept_at = 0.0

    async def recall(self) -> None:
        """Tells the gate what the ledger has kept. A belief about another key is a first guess only."""
        try:
            learned = await self._ledger.learned_rate()
            if learned is not None:
                is_guess = not learned.is_same_key
                self._gate.believe(learned.rate, age=learned.age, is_guess=is_guess)
            self._changes_before = self._gate.rate_changes
        except Exception:
            log.exception("what an earlier run has learned of the rate limit could not be used")

    async def keep_changes(self) -> None:
        """Keeps each change, until it is cancelled."""
        while True:
            await anyio.sleep(_LOOK)
            self.keep()

    def keep(self, *, is_end: bool = False) -> None:
        """Keeps the belief if it is news. At the end of the batch, an old belief gets a new age, too."""
        try:
            rate = self._gate.rate()
            if self._has_learned(rate) and (is_end or self._is_news(rate)):
                self._ledger.keep_rate(rate)
                self._kept, self._kept_at = _belief(rate), anyio.current_time()
        except Exception:
            log.exception("what was learned of the rate limit could not be kept")

    def _has_learned(self, rate: Rate) -> bool:
        """Whether the gate knows more than what it was told. If not, the earlier belief keeps its age."""
        is_own = rate.limited_ago is not None or self._gate.rate_changes != self._changes_before
        return is_own and (rate.per_minute is not None or rate.count_polls)

    def _is_news(self, rate: Rate) -> bool:
        return _belief(rate) != self._kept or anyio.current_time() - self._kept_at >= _REFRESH


def _belief(rate: Rate) -> tuple[float | None, bool, bool]:
    return rate.per_minute, rate.is_guess, rate.count_polls
