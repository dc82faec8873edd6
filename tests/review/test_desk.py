"""The desk: what it finds, what it keeps up to date, and where the files of discarded pictures go."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from segmind_swap import ConfigurationError, Journal, JournalError, Mark, Review, Verdict

from ..support.journal_rows import at
from ..support.reviews import a_batch, a_new_version, blank, picture, saved, sha256

V = Verdict


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


async def test_the_pictures_come_in_the_order_of_the_journal_with_their_inputs(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["b", "a"])
    first, second = await Review(folder / "journal.db").pictures()
    assert (first.id, second.id) == ("b", "a")
    assert first.path == folder / "b.png"
    assert first.sha256 == sha256((folder / "b.png").read_bytes())
    assert first.scene == str(tmp_path / "scenes" / "b.png")
    assert first.decision is V.UNDECIDED
    assert (first.price_usd, first.is_price_reported) == (0.15, False)
    assert first.flags is not None
    assert not first.is_flagged


async def test_what_looks_suspicious_has_a_flag(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, {"good": picture(1), "black": blank(), "same": picture(3, figure="navy")})
    seen: list[tuple[int, ...]] = []
    found = await Review(folder / "journal.db").pictures(
        on_progress=lambda done, total: seen.append((done, total))
    )
    flags = {one.id: [flag.value for flag in one.flags.flags] for one in found if one.flags}
    assert flags["good"] == []
    assert flags["black"][0] == "blank"
    assert flags["same"][0] == "unchanged"
    assert seen[-1] == (3, 3)


async def test_a_decision_is_found_by_another_review(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    mark = await Review(folder / "journal.db").decide("A", V.REDO, reasons=["wrong person"], note="hat")
    found, other = await Review(folder / "journal.db").pictures()
    assert found.mark == mark
    assert (mark.id, mark.version, mark.reasons, mark.note) == ("a", 1, ("wrong person",), "hat")
    assert other.mark is None


async def test_a_discarded_picture_is_moved_away_and_comes_back_with_another_decision(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    review = Review(folder / "journal.db")
    await review.decide("a", V.DISCARD)
    assert files(folder) == {"b.png", "discarded/a.1.png"}
    assert (await review.pictures())[0].path == folder / "discarded" / "a.1.png"
    await review.decide("a", V.UNDECIDED)
    assert files(folder) == {"a.png", "b.png"}
    assert not (folder / "discarded").exists()


async def test_no_file_is_ever_replaced_by_a_picture_that_is_moved(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    (folder / "discarded").mkdir()
    (folder / "discarded" / "a.1.png").write_bytes(b"of somebody else")
    review = Review(folder / "journal.db")
    mark = await review.decide("a", V.DISCARD)
    assert mark.decision is V.DISCARD
    assert (folder / "a.png").is_file()
    assert (folder / "discarded" / "a.1.png").read_bytes() == b"of somebody else"
    (problem,) = review.stuck
    assert "another file is there" in problem
    (folder / "discarded" / "a.1.png").unlink()
    await review.pictures()
    assert files(folder) == {"discarded/a.1.png"}
    assert review.stuck == ()


async def test_a_killed_review_is_completed_by_the_next_one(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    journal = Journal(folder / "journal.db")
    data = (folder / "a.png").read_bytes()
    # The decision is stored first. The process ended before it moved the file.
    await journal.marks.put([Mark(id="a", sha256=sha256(data), decision=V.DISCARD, at=datetime.now(UTC))])
    # Or in the middle: the file has both names.
    os.link(folder / "a.png", folder / "other")
    await Review(journal).pictures()
    assert files(folder) == {"b.png", "discarded/a.1.png"}
    (folder / "discarded" / "a.1.png").unlink()
    os.link(folder / "other", folder / "a.png")
    os.link(folder / "other", folder / "discarded" / "a.1.png")
    await Review(journal).pictures()
    assert files(folder) == {"b.png", "discarded/a.1.png"}


async def test_a_decision_of_now_counts_although_a_clock_elsewhere_was_wrong(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    journal = Journal(folder / "journal.db")
    sha = sha256((folder / "a.png").read_bytes())
    late = datetime.now(UTC) + timedelta(days=365)
    await journal.marks.put([Mark(id="a", sha256=sha, decision=V.KEEP, at=late)])
    review = Review(journal)
    await review.pictures()
    mark = await review.decide("a", V.REDO)
    assert mark.at > late
    assert (await Review(journal).pictures())[0].decision is V.REDO


async def test_a_new_version_is_undecided_and_the_earlier_one_can_be_compared(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    await review.decide("a", V.REDO)
    a_new_version(folder, "a", picture(7))
    (found,) = await review.pictures()
    assert (found.version, found.decision) == (2, V.UNDECIDED)
    assert found.sha256 == sha256(picture(7))
    assert [(one.version, one.path) for one in found.earlier] == [(1, folder / "versions" / "a.1.png")]
    await review.decide("a", V.DISCARD)
    assert files(folder) == {"versions/a.1.png", "discarded/a.2.png"}


async def test_a_version_that_was_discarded_before_the_redo_is_found_where_it_is(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    a_new_version(folder, "a", picture(7))
    (folder / "discarded").mkdir()
    (folder / "versions" / "a.1.png").rename(folder / "discarded" / "a.1.png")
    (found,) = await review.pictures()
    assert [one.path for one in found.earlier] == [folder / "discarded" / "a.1.png"]
    assert found.path == folder / "a.png"


async def test_a_picture_that_is_gone_is_named_and_no_other_picture_suffers(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    (folder / "a.png").unlink()
    review = Review(folder / "journal.db")
    assert [found.id for found in await review.pictures()] == ["b"]
    assert review.missing == ("a",)
    with pytest.raises(ConfigurationError, match="no saved picture of 'a'"):
        await review.decide("a", V.KEEP)


async def test_a_batch_is_reviewed_while_it_runs(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    store = at(folder / "journal.db")
    try:
        assert len(await review.pictures()) == 1
        (folder / "b.png").write_bytes(picture(2))
        saved(store, folder, "b", 2)
        await review.decide("a", V.KEEP)
        assert [(one.id, one.decision) for one in await review.pictures()] == [
            ("a", V.KEEP),
            ("b", V.UNDECIDED),
        ]
    finally:
        store.close()


async def test_a_folder_that_was_moved_with_its_scenes_is_reviewed_where_it_is(tmp_path: Path) -> None:
    a_batch(tmp_path / "before", ["a"])
    (tmp_path / "before").rename(tmp_path / "after")
    folder = tmp_path / "after" / "out"
    (found,) = await Review(folder / "journal.db").pictures()
    assert found.path == folder / "a.png"
    assert found.scene == str(tmp_path / "after" / "scenes" / "a.png")
    assert found.reference == str(tmp_path / "after" / "hero.png")


async def test_there_must_be_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        await Review(tmp_path / "journal.db").pictures()


async def test_a_review_that_was_opened_before_a_redo_moves_no_new_version_away(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    await review.pictures()
    a_new_version(folder, "a", picture(7))
    with pytest.raises(ConfigurationError, match="'a' has another picture now"):
        await review.decide("a", V.DISCARD)
    assert files(folder) == {"a.png", "versions/a.1.png"}
    assert (folder / "a.png").read_bytes() == picture(7)
    assert await Journal(folder / "journal.db").marks.read() == []
    (found,) = await review.pictures()
    assert (found.version, found.decision) == (2, V.UNDECIDED)


async def test_a_file_with_another_content_is_not_moved_away(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    await review.pictures()
    # The file of the redo is there, and its row is not yet.
    (folder / "a.png").write_bytes(picture(7))
    await review.decide("a", V.DISCARD)
    assert files(folder) == {"a.png"}
    (problem,) = review.stuck
    assert "another picture is there now" in problem
    await review.decide("a", V.KEEP)
    assert review.stuck == ()


@pytest.mark.parametrize("decided", [V.DISCARD, V.KEEP, V.REDO])
async def test_a_new_version_with_the_bytes_of_the_one_before_is_undecided(
    tmp_path: Path, decided: Verdict
) -> None:
    folder = a_batch(tmp_path, ["a"])
    same = (folder / "a.png").read_bytes()
    a_new_version(folder, "a", same)
    journal = Journal(folder / "journal.db")
    mark = Mark(id="a", sha256=sha256(same), decision=decided, version=1, at=datetime.now(UTC))
    await journal.marks.put([mark])
    (found,) = await Review(journal).pictures()
    assert (found.version, found.decision) == (2, V.UNDECIDED)
    assert found.path == folder / "a.png"
    await Review(journal).decide("a", V.KEEP)
    assert {(one.version, one.decision) for one in await journal.marks.read()} == {(1, decided), (2, V.KEEP)}
