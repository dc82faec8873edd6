"""The ledgers of this package pass the tests that any ledger must pass."""

from pathlib import Path

import pytest

from segmind_swap import Journal
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget_only import BudgetOnly
from segmind_swap._protocols.ledger import Ledger, LedgerSource
from segmind_swap.testing.contracts import AmendmentContract, LedgerContract, MoneyContract


class _SqliteContract(LedgerContract, AmendmentContract):
    async def crash(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        await ledger._writer.aclose()


class TestSqliteFile(_SqliteContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> LedgerSource:
        return Journal(tmp_path / "run.db")


class TestSqliteInMemory(_SqliteContract):
    @pytest.fixture
    def source(self) -> LedgerSource:
        return Journal(":memory:")


class TestBudgetOnly(MoneyContract):
    @pytest.fixture
    def source(self) -> LedgerSource:
        return BudgetOnly()
