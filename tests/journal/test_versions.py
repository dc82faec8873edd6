"""The versions of a swap in a journal: their order, the current one, and the rows of a redo."""

import pytest

from segmind_swap import OutcomeState
from segmind_swap._journal.store import Store
from segmind_swap._journal.versions import storable
from segmind_swap._protocols.entry import Entry, EntryConflict, NewEntry, NewVersion

from ..support.journal_rows import a_job, a_result, in_memory, row

S = OutcomeState


def begun(store: Store, *ids: str, after: int = 1, pictures: str = "q") -> list[Entry]:
    versions = [
        NewVersion(id=id, after=after, fingerprint=pictures, reference="hero2.png", scene="street.png")
        for id in ids
    ]
    with store.transaction():
        return store.versions.begin(versions, run=store.run)


def finished(store: Store, number: int, state: OutcomeState, *, cost_usd: float | None = None) -> None:
    with store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
        result = a_result(number, cost_usd=cost_usd) if state.is_done else None
        store.step(number, state, billable_posts=1, job=a_job(number), result=result)


def saved(store: Store, *ids: str) -> None:
    for id in ids:
        row(store, id, S.SAVED, posts=1, job=a_job(), result=a_result())


def told(entries: list[Entry]) -> list[tuple[str, int]]:
    return [(entry.id, entry.version) for entry in entries]


def test_a_new_version_is_pending_and_costs_nothing_yet() -> None:
    store = in_memory()
    saved(store, "a")
    (version,) = begun(store, "A")
    assert (version.id, version.version, version.state, version.billable_posts) == ("a", 2, S.PENDING, 0)
    assert (version.fingerprint, version.reference) == ("q", "hero2.png")
    assert version.input == NewEntry(id="a", fingerprint="p", reference="hero.png", scene="street.png")
    assert store.money(0.15).usd(0.15) == pytest.approx(0.15)


@pytest.mark.parametrize("state", S)
def test_a_version_is_current_as_soon_as_it_is_done_and_not_before(state: OutcomeState) -> None:
    store = in_memory()
    saved(store, "a")
    (version,) = begun(store, "a")
    with store.transaction():
        store._db.execute("UPDATE swaps SET state = ? WHERE number = ?", (state, version.number))
    current = 2 if state.is_done else 1
    assert told(list(store.find(["a"]).values())) == [("a", current)]
    assert told(list(store.entries())) == [("a", current)]
    assert store.counts() == {(state if state.is_done else S.SAVED): 1}
    latest = store.entry_of("a")
    assert latest is not None
    assert latest.version == 2


def test_the_money_of_all_versions_counts() -> None:
    store = in_memory()
    saved(store, "a", "b")
    first, second = begun(store, "a", "b")
    finished(store, first.number, S.SAVED, cost_usd=0.4)
    finished(store, second.number, S.UNKNOWN)
    assert store.money(0.15).usd(0.15) == pytest.approx(0.15 + 0.15 + 0.4 + 0.15)


def test_versions_come_in_the_order_of_their_ids_first_runs_over_many_pages() -> None:
    store = in_memory()
    ids = [f"s{number}" for number in range(700)]
    saved(store, *ids)
    for version in begun(store, *reversed(ids)):
        finished(store, version.number, S.SAVED)
    begun(store, "s3", after=2)
    expected = [(id, version) for id in ids for version in (1, 2, *([3] if id == "s3" else []))]
    assert told(list(store.versions.all())) == expected
    assert told(list(store.versions.all(["S3", "s1", "none"]))) == [
        ("s1", 1),
        ("s1", 2),
        ("s3", 1),
        ("s3", 2),
        ("s3", 3),
    ]
    assert told(list(store.entries(S.SAVED))) == [(id, 2) for id in ids]
    assert store.ids() == ids
    assert store.ids(S.PENDING) == ["s3"]


def test_a_redo_that_is_refused_for_one_swap_begins_no_version() -> None:
    store = in_memory()
    saved(store, "a")
    row(store, "b", S.UNKNOWN, posts=1)
    with pytest.raises(EntryConflict, match="'b' cannot be redone"):
        begun(store, "a", "b")
    with pytest.raises(EntryConflict, match="given twice"):
        begun(store, "a", "A")
    assert told(list(store.versions.all())) == [("a", 1), ("b", 1)]


def test_a_version_of_which_nothing_was_sent_takes_the_pictures_of_the_last_redo() -> None:
    store = in_memory()
    saved(store, "a")
    (before,) = begun(store, "a", pictures="q")
    (after,) = begun(store, "a", pictures="r")
    assert (after.number, after.fingerprint) == (before.number, "r")
    assert len(list(store.versions.all())) == 2


def test_an_input_is_compared_with_the_first_version_and_taken_once_a_run() -> None:
    store = in_memory()
    saved(store, "a")
    (version,) = begun(store, "a", pictures="q")
    finished(store, version.number, S.SAVED)
    swap = NewEntry(id="a", fingerprint="p", reference="hero.png", scene="street.png")
    with store.transaction():
        store.run += 1
        assert store.take(swap).version == 2
        with pytest.raises(EntryConflict, match="given to another swap"):
            store.take(swap)
        store.run += 1
        with pytest.raises(EntryConflict, match=r"other pictures \(hero\.png into"):
            store.take(NewEntry(id="a", fingerprint="q", reference="hero2.png", scene="street.png"))


def test_a_sending_version_of_a_dead_run_is_unknown_and_listed() -> None:
    store = in_memory()
    saved(store, "a")
    (version,) = begun(store, "a")
    with store.transaction():
        store.step(version.number, S.SENDING, billable_posts=1)
        store.end_sending()
    assert store.ids(S.UNKNOWN) == ["a"]
    assert store.counts() == {S.SAVED: 1}


def test_a_name_that_is_not_utf_8_can_be_stored() -> None:
    assert storable("a\udcff") == "a\\udcff"
