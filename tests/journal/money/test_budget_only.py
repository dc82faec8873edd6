"""The ledger of a batch without a journal: it keeps the money, and no entry."""

import pytest

from segmind_swap._journal.money.budget_only import BudgetOnly
from segmind_swap._protocols.entry import EntryConflict, NewEntry, NewVersion


async def test_each_input_gets_a_new_entry_and_none_is_found_again() -> None:
    ledger = await BudgetOnly().open(
        origin="https://api.segmind.com",
        workflow="w-v1",
        price_usd=0.15,
        budget_usd=1.0,
        failed_runs_are_free=False,
        tag_of_key=lambda _salt: "",
    )
    swap = NewEntry(id="a", fingerprint="f", reference="hero.png", scene="street.png")
    first, second = await ledger.take(swap), await ledger.take(swap)
    assert first.number != second.number
    assert await ledger.find(["a"]) == {}
    assert [entry async for entry in ledger.versions()] == []
    await ledger.aclose()


async def test_a_redo_is_refused_because_there_is_nothing_to_redo() -> None:
    ledger = await BudgetOnly().open(
        origin="https://api.segmind.com",
        workflow="w-v1",
        price_usd=0.15,
        budget_usd=None,
        failed_runs_are_free=False,
        tag_of_key=lambda _salt: "",
    )
    version = NewVersion(id="a", after=1, fingerprint="f", reference="hero.png", scene="street.png")
    with pytest.raises(EntryConflict, match="journal"):
        await ledger.begin_versions([version])
    await ledger.aclose()
