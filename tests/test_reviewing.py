"""`Review` and its journal: what is read again, and what is not. `tests/review` has the rest."""

from pathlib import Path

import pytest

from segmind_swap import Journal, OutcomeState, Review, Verdict
from segmind_swap._reviewing import _JournalSource

from .support.journal_rows import at, row
from .support.reviews import a_batch, picture, saved


async def test_a_decision_does_not_make_the_rows_be_read_again_and_a_new_row_does(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    source = _JournalSource(Journal(folder / "journal.db"))
    assert source.has_changed()
    rows = await source.saved()
    assert not source.has_changed()
    await Review(folder / "journal.db").decide("a", Verdict.KEEP)
    assert source.has_changed()
    assert await source.saved() is rows
    store = at(folder / "journal.db")
    (folder / "b.png").write_bytes(picture(2))
    saved(store, folder, "b", 2)
    store.close()
    assert source.has_changed()
    assert [found.id for found in await source.saved()] == ["a", "b"]


async def test_only_saved_pictures_are_reviewed_with_their_price(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    store = at(folder / "journal.db")
    row(store, "failed", OutcomeState.FAILED, posts=1)
    (folder / "c.png").write_bytes(picture(3))
    saved(store, folder, "c", 3, cost_usd=0.25)
    store.close()
    first, second = await _JournalSource(Journal(folder / "journal.db")).saved()
    assert (first.id, first.price_usd, first.is_price_reported) == ("a", 0.15, False)
    assert (second.id, second.price_usd, second.is_price_reported) == ("c", 0.25, True)


async def test_a_journal_in_memory_keeps_its_decisions_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal(":memory:")
    source = _JournalSource(journal)
    assert source.cache_beside is None
    assert source.has_changed()
    assert source.has_changed(), "nobody can tell"
    assert await Review(journal).pictures() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_review_names_its_journal() -> None:
    assert repr(Review("out/journal.db")) == f"Review({str(Path('out/journal.db'))!r})"
