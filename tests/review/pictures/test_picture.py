"""A picture to review: its decision, and whether it looks suspicious."""

from datetime import UTC, datetime
from pathlib import Path

from segmind_swap import Mark, ReviewPicture, Verdict, flag_results
from segmind_swap._review.checks.measures import ResultMeasures

from ...support.journal_rows import a_job

SHA = "a" * 64


def a_picture() -> ReviewPicture:
    return ReviewPicture(
        id="a",
        version=1,
        path=Path("a.png"),
        sha256=SHA,
        reference="hero.png",
        scene="street.png",
        job=a_job(),
        price_usd=0.15,
        is_price_reported=True,
    )


def test_a_picture_is_undecided_until_somebody_decides_and_unflagged_until_it_is_measured() -> None:
    before = a_picture()
    assert before.decision is Verdict.UNDECIDED
    assert not before.is_flagged
    mark = Mark(id="a", sha256=SHA, decision=Verdict.REDO, at=datetime.now(UTC))
    flags = flag_results({"a": ResultMeasures(sha256=SHA, spread=0.0)})["a"]
    after = before.model_copy(update={"mark": mark, "flags": flags})
    assert after.decision is Verdict.REDO
    assert after.is_flagged
