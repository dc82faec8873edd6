"""The ledgers of this package pass the tests that any ledger must pass."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from segmind_swap import Journal
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget_only import BudgetOnly
from segmind_swap._protocols.ledger import Ledger, LedgerSource
from segmind_swap._protocols.orders import OrderSource
from segmind_swap.testing.contracts import AmendmentContract, LedgerContract, MoneyContract, OrdersContract


class _SqliteContract(LedgerContract, AmendmentContract):
    async def crash(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        await ledger._writer.aclose()

    def set_clock(self, source: LedgerSource, now: Callable[[], datetime]) -> None:
        assert isinstance(source, Journal)
        source._opening.clock = now


class TestSqliteFile(_SqliteContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> LedgerSource:
        return Journal(tmp_path / "run.db")


class TestSqliteInMemory(_SqliteContract):
    @pytest.fixture
    def source(self) -> LedgerSource:
        return Journal(":memory:")


class _SqliteOrdersContract(OrdersContract):
    crash = _SqliteContract.crash
    set_clock = _SqliteContract.set_clock


class TestOrdersInAFile(_SqliteOrdersContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> OrderSource:
        return Journal(tmp_path / "swaps.db")


class TestOrdersInMemory(_SqliteOrdersContract):
    @pytest.fixture
    def source(self) -> OrderSource:
        return Journal(":memory:")


class TestBudgetOnly(MoneyContract):
    def set_clock(self, source: LedgerSource, now: Callable[[], datetime]) -> None:
        assert isinstance(source, BudgetOnly)
        source.clock = now

    @pytest.fixture
    def source(self) -> LedgerSource:
        return BudgetOnly()
