"""A file of decisions, which anybody may have written: what is used of it, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import ConfigurationError, Verdict
from segmind_swap._review.decisions.file import DecisionsFile, decisions_of, merge, read_decisions

SHA = "a" * 64


def fields(said: str = "keep", second: int = 0, **more: Any) -> dict[str, Any]:
    return {"decision": said, "sha256": SHA, "at": f"2026-11-30T12:00:{second:02}.000Z", **more}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not json", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", "has no decisions"),
        (b'{"version": 1, "journal": "j", "decisions": []}', "has no decisions"),
        (b'{"version": 2, "journal": "j", "decisions": {}}', "has the version 2"),
        (b'{"version": 1, "journal": "other", "decisions": {}}', "was made for another journal"),
        (b'{"version": 1, "decisions": {}}', "was made for another journal"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_file_of_decisions_about_this_journal_is_refused(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "decisions.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=problem):
        read_decisions(path, journal_id="j")


def test_a_file_is_read_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "decisions.json"
    said = fields("redo", reasons=["wrong person"], note="hat", version=2)
    path.write_text(json.dumps({"version": 1, "journal": "j", "decisions": {"a": said}}))
    read = read_decisions(path, journal_id="j")
    (mark,) = read.marks
    assert (mark.id, mark.decision, mark.reasons, mark.note, mark.version) == (
        *("a", Verdict.REDO, ("wrong person",), "hat", 2),
    )
    assert read.problems == ()


@pytest.mark.parametrize(
    "bad",
    [
        fields("burn"),
        fields(sha256="A" * 64),
        fields(sha256="a" * 64 + "\n"),
        fields(at="yesterday"),
        fields(at="2026-11-30T12:00:00"),
        fields(note="x" * 2001),
        fields(reasons=["x" * 81]),
        fields(reasons=["x"] * 17),
        fields(version=0),
        {},
        "keep",
        None,
        [],
    ],
)
def test_a_decision_that_cannot_be_used_is_named_and_the_rest_is_read(bad: Any) -> None:
    read = decisions_of({"bad": bad, "good": fields()}, name="d.json")
    assert [mark.id for mark in read.marks] == ["good"]
    (problem,) = read.problems
    assert problem.startswith("bad: ")


def file(name: str, **said: dict[str, Any]) -> DecisionsFile:
    return decisions_of(said, name=name)


def test_the_newest_decision_about_a_picture_counts_in_whatever_order_the_files_come() -> None:
    one, two = file("one", a=fields("keep", 1)), file("two", a=fields("redo", 2))
    for files in ([one, two], [two, one]):
        merged = merge(files)
        assert [mark.decision for mark in merged.marks] == [Verdict.REDO]
        assert merged.contradictions == ("a: keep in one, and later redo in two: redo counts",)


def test_files_that_agree_do_not_contradict_each_other() -> None:
    merged = merge([file("one", a=fields("keep", 1)), file("two", a=fields("keep", 2), b=fields())])
    assert merged.contradictions == ()
    assert len(merged.marks) == 2


def test_two_pictures_of_an_id_are_no_contradiction() -> None:
    merged = merge([file("one", a=fields("redo", 1)), file("two", a=fields("keep", 2, sha256="b" * 64))])
    assert merged.contradictions == ()
    assert len(merged.marks) == 2


@given(st.permutations([("one", "keep", 1), ("two", "redo", 2), ("three", "discard", 3)]))
def test_the_order_of_files_makes_no_difference(order: list[tuple[str, str, int]]) -> None:
    files = [file(name, a=fields(said, second)) for name, said, second in order]
    assert [mark.decision for mark in merge(files).marks] == [Verdict.DISCARD]
