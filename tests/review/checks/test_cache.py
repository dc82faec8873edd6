"""The file with what was measured: it saves work, and nothing depends on it."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import ResultMeasures
from segmind_swap._review.checks.cache import MeasureCache, cache_path
from segmind_swap._review.checks.measures import VERSION

CONTENTS = ("result", "scene", "reference")
MEASURES = ResultMeasures(sha256="result", change=12.5)
FILE = ("/a/b.png", 12, 34)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return cache_path(tmp_path / "journal.db")


def filled(path: Path) -> MeasureCache:
    cache = MeasureCache(path)
    cache.add_result(CONTENTS, MEASURES)
    cache.add_sha256(FILE, "result")
    return cache


def test_what_was_measured_is_there_after_the_file_was_closed(path: Path) -> None:
    filled(path).close()
    assert path.name == "journal.db.measures.jsonl"
    again = MeasureCache(path)
    assert again.result(CONTENTS) == MEASURES
    assert again.sha256(FILE) == "result"
    assert again.result(("result", "scene", "")) is None
    assert again.sha256(("/a/b.png", 13, 34)) is None
    again.close()


def test_without_anything_to_keep_there_is_no_file(path: Path) -> None:
    MeasureCache(path).close()
    assert not path.exists()


def test_two_caches_may_write_one_file(path: Path) -> None:
    first, second = MeasureCache(path), MeasureCache(path)
    for number in range(50):
        cache = (first, second)[number % 2]
        cache.add_result((f"{number}", "", ""), ResultMeasures(sha256=f"{number}"))
    first.close()
    second.close()
    again = MeasureCache(path)
    assert all(again.result((f"{number}", "", "")) for number in range(50))


def test_a_line_that_was_cut_short_costs_that_line_alone(path: Path) -> None:
    filled(path).close()
    data = path.read_bytes()
    path.write_bytes(data[:-9])
    again = MeasureCache(path)
    assert again.result(CONTENTS) == MEASURES
    assert again.sha256(FILE) is None
    again.add_sha256(FILE, "result")
    again.close()
    assert MeasureCache(path).sha256(FILE) == "result"


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_in_the_file_are_skipped(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("cache") / "x.measures.jsonl"
    filled(path).close()
    path.write_bytes(junk + b"\n" + path.read_bytes())
    assert MeasureCache(path).result(CONTENTS) == MEASURES


@pytest.mark.parametrize(
    "line",
    [
        {"version": VERSION + 1, "contents": CONTENTS, "measures": MEASURES.to_json()},
        {"contents": CONTENTS, "measures": MEASURES.to_json()},
        {"version": VERSION, "contents": ["other", "scene", "reference"], "measures": MEASURES.to_json()},
        {"version": VERSION, "contents": CONTENTS, "measures": {"sha256": "result", "change": "x"}},
        {"version": VERSION, "contents": CONTENTS, "measures": None},
        {"version": VERSION, "contents": CONTENTS},
        {"version": VERSION, "contents": ["result"], "measures": MEASURES.to_json()},
        {"version": VERSION, "file": ["a"], "sha256": "b"},
        {"version": VERSION, "file": ["a", "x", 1], "sha256": "b"},
        [VERSION],
        None,
    ],
)
def test_a_line_of_another_version_or_form_is_skipped(path: Path, line: object) -> None:
    path.write_text(json.dumps(line) + "\n")
    assert MeasureCache(path).result(CONTENTS) is None


def test_a_folder_in_the_place_of_the_file_is_no_error(path: Path) -> None:
    path.mkdir()
    cache = filled(path)
    assert cache.result(CONTENTS) == MEASURES
    cache.close()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_in_a_folder_that_cannot_be_written_the_numbers_stay_in_memory(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    cache = filled(cache_path(tmp_path / "closed" / "journal.db"))
    assert cache.result(CONTENTS) == MEASURES
    cache.close()


def test_in_a_folder_that_is_missing_the_numbers_stay_in_memory(tmp_path: Path) -> None:
    cache = filled(tmp_path / "missing" / "x.jsonl")
    assert cache.sha256(FILE) == "result"
    cache.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
def test_a_full_disk_ends_the_writing_and_nothing_else(path: Path) -> None:
    path.symlink_to("/dev/full")
    cache = filled(path)
    assert cache.result(CONTENTS) == MEASURES
    cache.close()
