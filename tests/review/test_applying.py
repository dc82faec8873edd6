"""Files of decisions: they are applied once, to the pictures that they are about, and to no others."""

import json
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import ConfigurationError, Journal, Review, Verdict

from ..support.reviews import a_batch, a_new_version, picture, sha256

V = Verdict


def decision(folder: Path, id: str, said: str, *, at: str = "2026-11-30T12:00:00.000Z", **more: Any) -> Any:
    file = folder / f"{id}.png"
    sha = sha256(file.read_bytes()) if file.exists() else "0" * 64
    return {"decision": said, "reasons": [], "note": "", "version": 1, "sha256": sha, "at": at, **more}


def exported(folder: Path, name: str, decisions: dict[str, Any], *, journal: str | None = None) -> Path:
    path = folder.parent / name
    id = journal or Journal(folder / "journal.db").id
    path.write_text(json.dumps({"version": 1, "journal": id, "decisions": decisions}))
    return path


async def test_a_file_is_applied_and_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b", "c"])
    file = exported(
        folder,
        "decisions.json",
        {"a": decision(folder, "a", "keep"), "b": decision(folder, "b", "discard", reasons=["other"])},
    )
    applied = await Review(folder / "journal.db").apply(file)
    assert {mark.id: mark.decision for mark in applied.applied} == {"a": V.KEEP, "b": V.DISCARD}
    assert (folder / "discarded" / "b.1.png").is_file()
    again = await Review(folder / "journal.db").apply(file)
    assert (again.applied, again.unchanged, again.older) == ((), 2, ())


async def test_the_file_of_another_journal_is_refused(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    file = exported(folder, "d.json", {"a": decision(folder, "a", "discard")}, journal="another")
    with pytest.raises(ConfigurationError, match=r"d\.json was made for another journal"):
        await Review(folder / "journal.db").apply(file)
    assert (folder / "a.png").is_file()


async def test_a_decision_about_a_picture_that_was_made_again_is_not_applied(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    file = exported(
        folder, "d.json", {"a": decision(folder, "a", "discard"), "b": decision(folder, "b", "keep")}
    )
    a_new_version(folder, "a", picture(7))
    applied = await Review(folder / "journal.db").apply(file)
    assert applied.replaced == ("a",)
    assert [mark.id for mark in applied.applied] == ["b"]
    assert (folder / "a.png").read_bytes() == picture(7)


async def test_a_decision_about_another_version_with_the_same_bytes_is_not_applied(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    file = exported(folder, "d.json", {"a": decision(folder, "a", "discard")})
    a_new_version(folder, "a", (folder / "a.png").read_bytes())
    applied = await Review(folder / "journal.db").apply(file)
    assert (applied.applied, applied.replaced) == ((), ("a",))
    assert (folder / "a.png").is_file()


async def test_of_two_files_the_newer_decision_counts_and_the_contradiction_is_told(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    noon, later = "2026-11-30T12:00:00.000Z", "2026-11-30T12:00:05.000Z"
    one = exported(
        folder,
        "one.json",
        {"a": decision(folder, "a", "keep", at=later), "b": decision(folder, "b", "keep", at=noon)},
    )
    two = exported(
        folder,
        "two.json",
        {"a": decision(folder, "a", "redo", at=noon), "b": decision(folder, "b", "keep", at=later)},
    )
    applied = await Review(folder / "journal.db").apply(one, two)
    assert {mark.id: mark.decision for mark in applied.applied} == {"a": V.KEEP, "b": V.KEEP}
    (told,) = applied.contradictions
    assert told.startswith("a: redo in ")
    assert told.endswith("and later keep in " + str(one) + ": keep counts")


async def test_an_older_decision_does_not_replace_one_that_is_stored(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    await review.decide("a", V.DISCARD)
    file = exported(folder, "d.json", {"a": decision(folder, "a", "keep")})
    content = json.loads(file.read_text())
    content["decisions"]["a"]["sha256"] = sha256((folder / "discarded" / "a.1.png").read_bytes())
    content["decisions"]["a"]["at"] = "2020-01-01T00:00:00Z"
    file.write_text(json.dumps(content))
    applied = await review.apply(file)
    assert (applied.applied, applied.older) == ((), ("a",))


async def test_what_cannot_be_read_or_is_unknown_is_named_and_the_rest_is_applied(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    file = exported(
        folder,
        "d.json",
        {
            "a": decision(folder, "a", "keep"),
            "gone": decision(folder, "gone", "keep"),
            "odd": decision(folder, "a", "burn"),
            "none": None,
        },
    )
    applied = await Review(folder / "journal.db").apply(file)
    assert [mark.id for mark in applied.applied] == ["a"]
    assert applied.unknown == ("gone",)
    assert [problem.partition(":")[0] for problem in applied.problems] == ["odd", "none"]


async def test_undecided_is_no_news_for_a_picture_that_nobody_has_decided_about(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    file = exported(folder, "d.json", {"a": decision(folder, "a", "undecided")})
    review = Review(folder / "journal.db")
    applied = await review.apply(file)
    assert (applied.applied, applied.unchanged) == ((), 1)
    assert not (folder / "journal.db.marks").exists()
