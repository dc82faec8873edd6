"""The bill of a journal: a line a version, certain and at most, and the sum of the summary."""

from pathlib import Path

import pytest

from segmind_swap import Journal, JournalError, OutcomeState, SwapVersion
from segmind_swap._journal.store import Store
from segmind_swap._protocols.entry import NewVersion

from ..support.journal_rows import a_job, a_result, at, begun, row

S = OutcomeState


@pytest.fixture(params=["a file", ":memory:"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    if request.param == ":memory:":
        return Journal(":memory:")
    at(tmp_path / "run.db").close()
    return Journal(str(tmp_path / "run.db"))


def redo_of(
    store: Store, id: str, state: OutcomeState, *, after: int = 1, cost_usd: float | None = None
) -> None:
    """A later version of a swap, which ends in `state`."""
    new = NewVersion(id=id, after=after, fingerprint="q", reference="hero2.png", scene="street.png")
    with store.transaction():
        (entry,) = store.versions.begin([new], run=store.run)
        if state is S.PENDING:
            return
        store.step(entry.number, S.SENDING, billable_posts=1)
        result = a_result(9, cost_usd=cost_usd) if state.is_done else None
        job = None if state is S.UNKNOWN else a_job(9)
        failed_runs, posts = (1, 0) if state is S.FAILED else (0, 1)
        store.step(entry.number, state, billable_posts=posts, failed_runs=failed_runs, job=job, result=result)


def filled(journal: Journal) -> None:
    store = begun(journal.open_writer())
    for id in ("plain", "redone", "failed", "unknown", "planned"):
        row(store, id, S.SAVED, posts=1, job=a_job(), result=a_result())
    redo_of(store, "redone", S.SAVED, cost_usd=0.5)
    redo_of(store, "redone", S.SAVED, after=2, cost_usd=0.1)
    redo_of(store, "failed", S.FAILED)
    redo_of(store, "unknown", S.UNKNOWN)
    redo_of(store, "planned", S.PENDING)
    row(store, "accepted", S.ACCEPTED, posts=2, job=a_job())
    with store.transaction():
        store.facts.set_price(0.25)
    store.close()


def line(version: SwapVersion) -> tuple[str | None, int, bool, float, float]:
    outcome = version.outcome
    return (
        outcome.request.id,
        outcome.version,
        version.is_current,
        round(version.certain_usd, 4),
        round(version.at_most_usd, 4),
    )


def test_each_version_has_its_line_with_what_is_certain_and_what_it_is_at_most(journal: Journal) -> None:
    filled(journal)
    assert list(map(line, journal.versions())) == [
        ("plain", 1, True, 0.25, 0.25),
        ("redone", 1, False, 0.25, 0.25),
        ("redone", 2, False, 0.5, 0.5),
        ("redone", 3, True, 0.1, 0.25),
        ("failed", 1, True, 0.25, 0.25),
        ("failed", 2, False, 0.0, 0.25),
        ("unknown", 1, True, 0.25, 0.25),
        ("unknown", 2, False, 0.0, 0.25),
        ("planned", 1, True, 0.25, 0.25),
        ("planned", 2, False, 0.0, 0.0),
        ("accepted", 1, True, 0.25, 0.5),
    ]
    summary = journal.summary()
    assert sum(version.at_most_usd for version in journal.versions()) == pytest.approx(summary.committed_usd)


def test_a_summary_counts_ids_and_tells_what_redos_did_and_cost(journal: Journal) -> None:
    filled(journal)
    summary = journal.summary()
    assert summary.states == {S.SAVED: 5, S.ACCEPTED: 1}
    assert (summary.redone, summary.redos) == (1, {S.FAILED: 1, S.UNKNOWN: 1, S.PENDING: 1})
    assert summary.redo_usd == pytest.approx(0.5 + 0.25 + 0.25 + 0.25)
    assert summary.unknown == ("unknown",)
    free = journal.summary(failed_runs_are_free=True)
    assert free.redo_usd == pytest.approx(summary.redo_usd - 0.25)
    assert [outcome.version for outcome in journal.outcomes()] == [1, 3, 1, 1, 1, 1]


def test_a_person_decides_about_the_version_that_is_open(journal: Journal) -> None:
    filled(journal)
    journal.resubmit("unknown")
    journal.abandon("accepted")
    states = {(o.request.id, o.version): o.state for o in (v.outcome for v in journal.versions())}
    assert states["unknown", 2] is S.PENDING
    assert states["unknown", 1] is S.SAVED
    assert states["accepted", 1] is S.ABANDONED


def test_the_job_of_an_earlier_version_is_not_taken_for_a_later_one(journal: Journal) -> None:
    filled(journal)
    with pytest.raises(JournalError, match=r"is that of the job of 'plain', version 1"):
        journal.wait_again("unknown", poll_url=a_job().poll_url)


def test_a_copy_that_had_a_job_of_its_own_stays_billed_for_that_job(journal: Journal) -> None:
    store = begun(journal.open_writer())
    row(store, "original", S.SAVED, posts=1, job=a_job(1), result=a_result(1))
    number = row(store, "copy", S.ACCEPTED, posts=1, job=a_job(2))
    with store.transaction():
        store.step(number, S.ABANDONED, manual=True)
        store.step(number, S.PENDING, manual=True)
        store.facts.set_price(0.25)
        store.copy(number, a_result(1, cost_usd=0.0).model_copy(update={"copy_of": "original"}))
        assert [job.request_id for job in store.entry(number).past_jobs] == ["2"]
    store.close()
    assert list(map(line, journal.versions())) == [
        ("original", 1, True, 0.25, 0.25),
        ("copy", 1, True, 0.25, 0.25),
    ]


def test_the_price_of_a_bill_can_be_given(journal: Journal) -> None:
    filled(journal)
    assert next(version.at_most_usd for version in journal.versions(price_usd=1.0)) == pytest.approx(1.0)
