"""The bill: a line for each version, its kind by the decision about it, and how certain its price is."""

import csv
import io
from pathlib import Path

import anyio
import pytest

from segmind_swap import OutcomeState, Review, SwapJob, Verdict
from segmind_swap.cli._cost.bill import COLUMNS, BilledVersion, Sum, billed, sums_of, write_csv

from ...journal.test_journal_versions import redo_of
from ...support.journal_rows import a_job, a_result, at, ordered, row
from ...support.sessions import png

S = OutcomeState


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A batch with kept, discarded, redone, failed and unknown swaps."""
    store = at(tmp_path / "journal.db")
    for number, id in enumerate(("kept", "discarded", "redone", "undecided", "=cmd")):
        path = tmp_path / f"{id}.png"
        path.write_bytes(png(number))
        cost_usd = 0.4 if id == "kept" else None
        row(store, id, S.SAVED, posts=1, job=a_job(), result=a_result(cost_usd=cost_usd, path=path))
    row(store, "failed", S.FAILED, failed_runs=1, job=a_job())
    row(store, "unknown", S.UNKNOWN, posts=2)
    row(store, "pending")
    with store.transaction():
        store.facts.set_price(0.15)
    store.close()

    async def decide() -> None:
        review = Review(tmp_path / "journal.db", folder=tmp_path)
        await review.decide("kept", Verdict.KEEP)
        await review.decide("discarded", Verdict.DISCARD)
        await review.decide("redone", Verdict.REDO)
        await review.decide("undecided", Verdict.KEEP)
        await review.decide("undecided", Verdict.UNDECIDED)

    anyio.run(decide)
    store = at(tmp_path / "journal.db")
    redo_of(store, "redone", S.SAVED)
    store.close()
    return tmp_path / "journal.db"


def bill(journal: Path) -> list[BilledVersion]:
    return list(billed("out", journal, price_usd=None))


def test_each_version_is_of_the_kind_that_a_person_knows(journal: Path) -> None:
    def told(found: Sum) -> tuple[int, float, float]:
        return found.count, round(found.certain_usd, 4), round(found.at_most_usd, 4)

    assert {kind: told(found) for kind, found in sums_of(bill(journal)).items()} == {
        "kept": (1, 0.4, 0.4),
        "discarded": (1, 0.15, 0.15),
        "undecided": (3, 0.45, 0.45),
        "earlier versions": (1, 0.15, 0.15),
        "pending": (1, 0.0, 0.0),
        "unknown": (1, 0.0, 0.3),
        "failed": (1, 0.0, 0.15),
    }


def test_the_price_of_a_version_is_reported_assumed_perhaps_or_none(journal: Path) -> None:
    found = {(v.version.outcome.request.id, v.version.outcome.version): v.certainty for v in bill(journal)}
    assert found["kept", 1] == "reported"
    assert found["redone", 2] == "assumed"
    assert found["unknown", 1] == found["failed", 1] == "perhaps"
    assert found["pending", 1] == "none"


def test_the_table_has_a_line_for_each_version_and_no_formula(journal: Path) -> None:
    text = io.StringIO()
    write_csv(text, bill(journal))
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 9
    by_id = {(fields["id"], fields["version"]): fields for fields in rows}
    assert ("'=cmd", "1") in by_id
    redone, new = by_id["redone", "1"], by_id["redone", "2"]
    assert (redone["is_current"], redone["decision"], redone["price_usd"]) == ("no", "redo", "0.1500")
    assert (new["is_current"], new["decision"], new["reference"]) == ("yes", "", "hero2.png")
    assert by_id["kept", "1"]["date"] == "2026-11-22T00:00:00+00:00"
    assert (by_id["pending", "1"]["date"], by_id["pending", "1"]["price_usd"]) == ("", "0.0000")


def test_a_bill_can_be_of_another_price(journal: Path) -> None:
    (failed,) = [v for v in billed("out", journal, price_usd=1.0) if v.kind == "failed"]
    assert failed.version.at_most_usd == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost:8000", True),
        ("https://api.segmind.com", False),
        ("https://localhost.example", False),
    ],
)
def test_a_job_of_a_service_on_this_machine_was_billed_to_nobody(
    tmp_path: Path, host: str, is_local: bool
) -> None:
    job = SwapJob(poll_url=f"{host}/workflows/request/1", workflow="w")
    store = at(tmp_path / "journal.db")
    row(store, "a", S.EXPIRED, posts=1, job=job)
    row(store, "in doubt", S.UNKNOWN, posts=1)
    store.close()
    assert [version.is_local for version in bill(tmp_path / "journal.db")] == [is_local, False]


def test_a_copy_names_the_swap_that_was_paid(tmp_path: Path) -> None:
    store = at(tmp_path / "journal.db")
    copied = a_result(cost_usd=0.0, path=tmp_path / "b.png").model_copy(update={"copy_of": "a"})
    row(store, "b", S.SAVED, job=a_job(), result=copied)
    store.close()
    (found,) = bill(tmp_path / "journal.db")
    assert found.fields()["copy_of"] == "a"
    assert "copy_of" in COLUMNS


def test_the_pictures_of_a_service_are_saved_and_not_undecided_until_somebody_decides(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(0))
    store = at(tmp_path / "journal.db")
    number = ordered(store, "a").entry.number
    with store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
        store.step(number, S.ACCEPTED, job=a_job())
        store.step(number, S.COMPLETED, result=a_result())
        store.step(number, S.SAVED, result=a_result(path=path))
    store.close()
    assert [*sums_of(bill(tmp_path / "journal.db"))] == ["saved"]
    anyio.run(Review(tmp_path / "journal.db", folder=tmp_path).decide, "a", Verdict.KEEP)
    assert [*sums_of(bill(tmp_path / "journal.db"))] == ["kept"]
