"""The page as a file: complete or as it was, with thumbnails beside it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import Review, Verdict
from segmind_swap._review.page.writing import write_text

from ...support.reviews import a_batch


def data_of(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(data)


async def test_the_page_lies_beside_the_pictures_and_names_them_relative_to_itself(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    review = Review(folder / "journal.db")
    await review.decide("b", Verdict.DISCARD)
    seen: list[tuple[int, int]] = []
    page = await review.write_page(on_progress=lambda done, total: seen.append((done, total)))
    assert page == folder / "review.html"
    data = data_of(page)
    first, second = data["items"]
    for item in (first, second):
        for name in ("picture", "thumbnail", "scene"):
            assert (folder / item[name]).is_file(), name
    assert second["picture"] == "./discarded/b.1.png"
    assert second["mark"]["decision"] == "discard"
    assert data["references"] == ["../hero.png"]
    assert seen[-1] == (2, 2)
    assert str(tmp_path) not in json.dumps({**data, "folder": ""}), "no path of this machine is in the page"


async def test_the_page_may_lie_elsewhere(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    page = await Review(folder / "journal.db").write_page(tmp_path / "page.html")
    assert (page.parent / data_of(page)["items"][0]["picture"]).resolve() == folder / "a.png"


def test_a_file_is_replaced_by_a_whole_one_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "one"
    write_text(path, "two")
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]
