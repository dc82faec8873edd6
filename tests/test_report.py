"""The page of results: everything is on it, and nothing that a server says can do anything there."""

import re
from html.parser import HTMLParser
from pathlib import Path

from segmind_swap._report import Exhibit, write_report

HOSTILE = "</article><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href"}:
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)


def page_of(folder: Path, *exhibits: Exhibit, title: str = "Six swaps", lead: str = "Made here.") -> str:
    write_report(folder / "report.html", title=title, lead=lead, exhibits=exhibits)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_each_swap_is_shown_with_its_three_pictures_and_its_facts(tmp_path: Path) -> None:
    done = Exhibit(
        title="knight in café",
        reference="inputs/knight.png",
        scene="inputs/café 1.png",
        result="a.png",
        facts=("saved", "8.1 s", "429: waited 2 s"),
    )
    failed = Exhibit(title="fox", reference="inputs/fox.png", scene="inputs/b.png", result=None)
    page = page_of(tmp_path, done, failed)
    elements = Elements(page)
    assert elements.tags.count("article") == 2
    assert elements.tags.count("img") == 5
    for path in ("./inputs/knight.png", "./inputs/caf%C3%A9%201.png", "./a.png"):
        assert elements.links.count(path) == 2, "shown, and linked in full size"
    for text in ("knight in café", "429: waited 2 s", "no result", "Made here."):
        assert text in page


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    exhibit = Exhibit(
        title=HOSTILE,
        reference=HOSTILE,
        scene="javascript:alert(3)",
        result="//evil.example/x",
        facts=(HOSTILE,),
    )
    elements = Elements(page_of(tmp_path, exhibit, title=HOSTILE, lead=HOSTILE))
    assert "script" not in elements.tags
    assert elements.handlers == []
    assert elements.tags.count("article") == 1
    assert elements.tags.count("img") == 3
    assert not [link for link in elements.links if re.match(r"javascript:|//|https?:", link)]


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path, Exhibit(title="a", reference="r.png", scene="s.png", result="x.png"))
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "<script" not in page
