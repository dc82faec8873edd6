"""What the page knows of each picture, and how it names files."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from segmind_swap import Mark, Thresholds, Verdict
from segmind_swap._review.page.data import (
    BatchFacts,
    References,
    file_links,
    flag_facts,
    input_url,
    mark_fields,
    page_data,
    relative_url,
    time_text,
)
from segmind_swap._review.pictures.picture import EarlierVersion

from ..pictures.test_picture import SHA, a_picture

NOW = datetime(2026, 11, 30, 14, 5, 6, 789_999, tzinfo=UTC)
FACTS = BatchFacts(journal_id="j", title="out", folder="work/out", price_usd=0.15, spent_usd=45.2)


def test_times_have_the_form_in_which_the_page_compares_them() -> None:
    assert time_text(NOW) == "2026-11-30T14:05:06.789Z"
    assert time_text(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-30T14:05:06.789Z"
    mark = Mark(id="a", sha256=SHA, decision=Verdict.REDO, reasons=("other",), note="n", at=NOW)
    assert mark_fields(mark) == {
        "decision": "redo",
        "reasons": ["other"],
        "note": "n",
        "at": "2026-11-30T14:05:06.789Z",
    }


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("out/a.png", "./a.png"),
        ("out/discarded/a.1.png", "./discarded/a.1.png"),
        ("scenes/caf\xe9 #1?.png", "../scenes/caf%C3%A9%20%231%3F.png"),
        ("out/javascript:alert(1).png", "./javascript%3Aalert%281%29.png"),
        ("out/caf\udce9.png", "./caf%E9.png"),
    ],
)
def test_a_file_is_named_relative_to_the_page(tmp_path: Path, path: str, url: str) -> None:
    assert relative_url(tmp_path / path, tmp_path / "out") == url


def test_a_picture_on_another_server_or_a_missing_one_is_not_loaded(tmp_path: Path) -> None:
    assert input_url("https://cdn.example/a.png", tmp_path) is None
    assert input_url(str(tmp_path / "gone.png"), tmp_path) is None
    (tmp_path / "a.png").touch()
    assert input_url(str(tmp_path / "a.png"), tmp_path) == "./a.png"


def test_pictures_share_their_references(tmp_path: Path) -> None:
    references = References()
    assert [references.place(url) for url in ("a", "b", "a", None, "b", None)] == [0, 1, 0, 2, 1, 2]
    assert references.urls == ["a", "b", None]


def test_the_page_knows_the_batch_and_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "street.png").touch()
    picture = a_picture().model_copy(
        update={
            "path": tmp_path / "a.png",
            "scene": str(tmp_path / "street.png"),
            "earlier": (EarlierVersion(version=1, path=tmp_path / "versions" / "a.1.png"),),
        }
    )
    links = file_links(tmp_path, {SHA: tmp_path / "review-files" / "t.webp"})
    data = page_data([picture], FACTS, links, Thresholds(), now=NOW)
    assert (data["journal"], data["spent_usd"], data["served"]) == ("j", 45.2, False)
    assert data["references"] == [None]
    assert data["items"] == [
        {
            "id": "a",
            "version": 1,
            "sha256": SHA,
            "picture": "./a.png",
            "thumbnail": "./review-files/t.webp",
            "scene": "./street.png",
            "reference": 0,
            "earlier": [{"version": 1, "picture": "./versions/a.1.png"}],
            "flags": [],
            "numbers": {},
            "price_usd": 0.15,
            "mark": None,
        }
    ]


def test_each_flag_comes_with_its_number_and_threshold() -> None:
    facts = {str(flag["name"]): flag for flag in flag_facts(Thresholds(light=None, background=0.5))}
    assert (facts["background"]["number"], facts["background"]["threshold"]) == ("background", 0.5)
    assert (facts["unchanged"]["number"], facts["unchanged"]["is_below"]) == ("change", True)
    assert facts["light"]["threshold"] is None
    assert facts["broken"]["number"] is None
