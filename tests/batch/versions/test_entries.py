"""A batch uses the current version of an id; a redo uses the version that it has begun."""

from dataclasses import replace

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap._batch.versions.entries import BegunVersions, CurrentEntries
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._protocols.entry import EntryConflict, NewEntry, NewVersion

from ...support.journal_rows import a_result, row

SWAP = NewEntry(id="a", fingerprint="p", reference="hero.png", scene="street.png")


async def opened(journal: Journal) -> SqliteLedger:
    return await journal.open(origin=BASE_URL, workflow=WORKFLOW, price_usd=0.15, budget_usd=None)


async def test_the_entry_of_an_input_is_the_current_version_or_the_one_that_the_redo_has_begun() -> None:
    journal = Journal(":memory:")
    ledger = await opened(journal)
    row(ledger._writer._store, "a", OutcomeState.SAVED, posts=1, result=a_result())
    (begun,) = await ledger.begin_versions(
        [NewVersion(id="a", after=1, fingerprint="q", reference="hero2.png", scene="street.png")]
    )
    current, redo = CurrentEntries(ledger), BegunVersions(ledger, [begun])
    assert {id: entry.version for id, entry in (await current.find(["a", "b"])).items()} == {"a": 1}
    assert {id: entry.version for id, entry in (await redo.find(["A", "b"])).items()} == {"A": 2}
    assert current.input_of(begun) == SWAP
    own = replace(SWAP, fingerprint="q", reference="hero2.png")
    assert redo.input_of(begun) == own
    assert await redo.take(own) == begun
    with pytest.raises(EntryConflict, match="was changed"):
        await redo.take(SWAP)
    await ledger.aclose()


async def test_a_redo_does_not_change_how_many_inputs_the_batch_expects() -> None:
    journal = Journal(":memory:")
    ledger = await opened(journal)
    await CurrentEntries(ledger).expect(["a", "b", "c"])
    await BegunVersions(ledger, []).expect(["a"])
    assert journal.summary().states == {OutcomeState.PENDING: 3}
    await ledger.aclose()
