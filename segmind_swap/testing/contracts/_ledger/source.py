"""What the tests of a ledger need from its implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from ...._protocols.entry import Entry
from ...._protocols.ledger import Ledger, LedgerSource
from .._loops import OnEachLoop
from .._values import PRICE_USD, open_ledger


class OfALedger(OnEachLoop):
    """The tests of a ledger: its source, and what a subclass overrides."""

    @pytest.fixture
    def source(self) -> LedgerSource:
        """The source of the ledger, with a new ledger for each test. To be overridden."""
        raise NotImplementedError("override the fixture `source`")

    async def crash(self, ledger: Ledger) -> None:
        """Closes the ledger as a killed process would: claims stay open. To be overridden."""
        pytest.skip("this test needs an override of `crash`")

    def set_clock(self, source: LedgerSource, now: Callable[[], datetime]) -> None:
        """Lets what the source opens from now on take the time from `now`, in UTC. To be overridden.

        `now` may be called in any thread.
        """
        pytest.skip("this test needs an override of `set_clock`")

    @asynccontextmanager
    async def opened(
        self,
        source: LedgerSource,
        *,
        budget_usd: float | None = None,
        daily_budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        failed_runs_are_free: bool = False,
    ) -> AsyncIterator[Ledger]:
        """Opens the ledger, as a batch does, and closes it at the end of the block."""
        ledger = await open_ledger(
            source,
            budget_usd=budget_usd,
            daily_budget_usd=daily_budget_usd,
            price_usd=price_usd,
            failed_runs_are_free=failed_runs_are_free,
        )
        try:
            yield ledger
        finally:
            await ledger.aclose()

    async def _found(self, ledger: Ledger, id: str = "a") -> Entry:
        return (await ledger.find([id]))[id]
