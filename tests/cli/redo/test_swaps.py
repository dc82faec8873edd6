"""Which swaps a redo makes again: named, marked in a review, or moved with their folder."""

from pathlib import Path

import anyio
import pytest

from segmind_swap import ConfigurationError, Journal, OutcomeState, RedoRequest, Review, Verdict
from segmind_swap.cli._redo.swaps import latest_versions, marked_swaps, named_swaps, with_moved_pictures

from ...journal.test_journal_versions import redo_of
from ...support.journal_rows import a_job, a_result, at, row
from ...support.sessions import png

S = OutcomeState


def a_batch(folder: Path, *ids: str) -> Path:
    """The journal of a batch whose pictures are saved."""
    store = at(folder / "journal.db")
    for number, id in enumerate(ids):
        path = folder / f"{id}.png"
        path.write_bytes(png(number))
        row(store, id, S.SAVED, posts=1, job=a_job(), result=a_result(path=path))
    store.close()
    return folder / "journal.db"


def test_an_id_names_its_first_version_and_a_number_another_one() -> None:
    assert named_swaps(["a", "b:2", "c d:10"]) == [
        RedoRequest(id="a"),
        RedoRequest(id="b", version=2),
        RedoRequest(id="c d", version=10),
    ]


@pytest.mark.parametrize("text", ["a:", "a:0", "a:x", "a:-1", "a:1.5", "a:²"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="names no version: write ID, or ID:2"):
        named_swaps([text])


def test_marked_swaps_are_those_whose_current_picture_is_to_be_redone(tmp_path: Path) -> None:
    journal = a_batch(tmp_path, "a", "b", "c")

    async def mark() -> None:
        review = Review(journal, folder=tmp_path)
        await review.decide("a", Verdict.KEEP)
        await review.decide("b", Verdict.REDO)
        await review.decide("c", Verdict.REDO)
        await review.decide("c", Verdict.UNDECIDED)

    anyio.run(mark)
    assert marked_swaps(journal, tmp_path) == [RedoRequest(id="b")]


def test_a_mark_names_its_version_until_another_version_is_current(tmp_path: Path) -> None:
    """Also if the new version has exactly the same picture: it would be paid again and again."""
    journal = a_batch(tmp_path, "a")
    review = Review(journal, folder=tmp_path)
    anyio.run(review.decide, "a", Verdict.REDO)
    assert marked_swaps(journal, tmp_path) == [RedoRequest(id="a", version=1)]
    store = at(journal)
    redo_of(store, "a", S.SAVED)
    with store.transaction():
        store._db.execute(
            "UPDATE swaps SET result = json_set(result, '$.path', ?) WHERE version = 2",
            (str(tmp_path / "a.png"),),
        )
    store.close()
    assert marked_swaps(journal, tmp_path) == []
    (tmp_path / "a.png").write_bytes(png(9))
    assert marked_swaps(journal, tmp_path) == []


def test_pictures_that_were_moved_with_the_folder_are_named_and_others_are_left_to_the_journal(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    new.mkdir()
    store = at(new / "journal.db")
    number = row(store, "a", S.SAVED, posts=1, job=a_job(), result=a_result(path=old / "out" / "a.png"))
    with store.transaction():
        store._db.execute(
            "UPDATE swaps SET reference = ?, scene = ? WHERE number = ?",
            ("https://x.example/hero.png", str(old / "out" / "a-scene.png"), number),
        )
    store.close()
    (new / "a-scene.png").write_bytes(png())
    swaps = [RedoRequest(id="a"), RedoRequest(id="none")]
    moved, unknown = with_moved_pictures(swaps, new / "journal.db", new)
    assert moved.character_image == str(new / "a-scene.png")
    assert moved.reference_character_image is None
    assert unknown == swaps[1]


def test_the_latest_version_of_an_id_is_the_last_one(tmp_path: Path) -> None:
    journal = a_batch(tmp_path, "A", "b")
    store = at(journal)
    redo_of(store, "a", S.FAILED)
    store.close()
    found = latest_versions(Journal(journal).versions())
    assert {id: outcome.version for id, outcome in found.items()} == {"a": 2, "b": 1}
