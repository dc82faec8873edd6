"""The page of results: everything is on it, and nothing that a server says can do anything there."""

import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap.cli._report.page import ReportItem, write_report

HOSTILE = "</article><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

# Any character at all: a text from a server's JSON may have half a surrogate pair.
ANYTHING = st.text(st.characters(codec=None), max_size=40)


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "src":
                self.pictures.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def item(
    title: str = "fox",
    *,
    reference: str = "r.png",
    scene: str = "s.png",
    result: str | None = None,
    state: str = "failed",
    facts: tuple[str, ...] = (),
    reason: str = "",
) -> ReportItem:
    return ReportItem(
        title=title,
        reference=reference,
        scene=scene,
        result=result,
        state=state,
        facts=facts,
        reason=reason,
    )


def page_of(folder: Path, *items: ReportItem, title: str = "Six swaps", lead: str = "Made here.") -> str:
    write_report(folder / "report.html", title=title, lead=lead, items=items)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_each_swap_is_shown_with_its_three_pictures_its_state_and_its_facts(tmp_path: Path) -> None:
    done = item(
        "knight in café",
        reference="inputs/knight.png",
        scene="../shared/café 1.png",
        result="a.png",
        state="saved",
        facts=("8.1 s", "429: waited 2 s"),
    )
    failed = item("fox", reason="No face was found in the scene.")
    page = page_of(tmp_path, done, failed)
    elements = Elements(page)
    assert elements.tags.count("article") == 2
    shown = ["./inputs/knight.png", "../shared/caf%C3%A9%201.png", "./a.png", "./r.png", "./s.png"]
    assert elements.pictures == shown
    assert elements.links == shown, "each opens in full size"
    for text in ("knight in café", "429: waited 2 s", "no result", "No face was found", "Made here."):
        assert text in elements.text
    assert page.count('loading="lazy" decoding="async"') == 5


def test_the_filter_counts_each_state_in_the_order_of_a_swap_and_needs_no_script(tmp_path: Path) -> None:
    states = ["failed", "saved", "odd", "unknown", "saved", "pending", "saved"]
    page = page_of(tmp_path, *(item(state=state) for state in states))
    choices = re.findall(
        r'<label [^>]*><input type="radio" name="state" id="\w+"( checked)?>(.*?)</label>', page
    )
    assert choices == [
        (" checked", "all <b>7</b>"),
        ("", "saved <b>3</b>"),
        ("", "pending <b>1</b>"),
        ("", "unknown <b>1</b>"),
        ("", "failed <b>1</b>"),
        ("", "odd <b>1</b>"),
    ]
    for id in re.findall(r'id="(s\d)"', page):
        assert f".filter:has(#{id}:checked) + .cards > :not(.{id}) {{ display: none; }}" in page


def test_totals_come_before_the_swaps(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    totals = [("saved", "9,812"), ("spent", "$1,493.40"), ("<b>", "<i>")]
    write_report(path, title="T", lead="L", items=[item()], totals=totals)
    page = path.read_text(encoding="utf-8")
    assert page.index("<dt>saved</dt><dd>9,812</dd>") < page.index("<article>")
    assert "<dt>spent</dt><dd>$1,493.40</dd>" in page
    assert "<dt>&lt;b&gt;</dt><dd>&lt;i&gt;</dd>" in page


@pytest.mark.parametrize(("number", "layout"), [(1, "large"), (24, "large"), (25, "dense")])
def test_few_swaps_are_shown_large_and_many_as_thumbnails(tmp_path: Path, number: int, layout: str) -> None:
    assert f'<main class="{layout}">' in page_of(tmp_path, *[item()] * number)


def test_an_empty_report_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "There is nothing to show" in page
    assert "<fieldset" not in page


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    hostile = item(
        HOSTILE,
        reference=HOSTILE,
        scene="javascript:alert(3)",
        result="//evil.example/x",
        state=HOSTILE,
        facts=(HOSTILE,),
        reason=HOSTILE,
    )
    elements = Elements(page_of(tmp_path, hostile, title=HOSTILE, lead=HOSTILE))
    assert "script" not in elements.tags
    assert elements.handlers == []
    assert elements.tags.count("article") == 1
    assert elements.tags.count("img") == 3
    assert not [link for link in elements.links if not link.startswith("./")]
    # The title and the heading, the lead, and of the swap its id, state (at the filter too), fact and reason.
    assert elements.text.count(HOSTILE) == 8


@given(text=ANYTHING, picture=ANYTHING)
def test_no_text_makes_an_element_or_stops_the_page(
    tmp_path_factory: pytest.TempPathFactory, text: str, picture: str
) -> None:
    folder = tmp_path_factory.mktemp("page")

    def tags(text: str, picture: str) -> list[str]:
        shown = item(text, scene=picture, state=text or "failed", facts=(text,), reason=text or "why")
        return Elements(page_of(folder, shown, title=text, lead=text)).tags

    # A picture's URL is a link instead; any other text is a path.
    assert tags(text, f"./{picture}") == tags("harmless", "s.png")


@given(path=st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_path_is_a_relative_link_that_names_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    folder = tmp_path_factory.mktemp("page")
    link = Elements(page_of(folder, item(reference=f"in/{path}"))).pictures[0]
    assert re.fullmatch(r"\./[\w./~%-]+", link, re.ASCII)
    assert unquote(link) == f"./in/{path}"


def test_a_name_that_is_not_utf_8_is_linked_by_its_bytes(tmp_path: Path) -> None:
    pictures = Elements(page_of(tmp_path, item(reference="caf\udce9.png", scene="\ud800.png"))).pictures
    assert pictures == ["./caf%E9.png", "./%EF%BF%BD.png"]


@pytest.mark.parametrize(
    ("url", "link", "shown"),
    [
        (
            "https://cdn.example/a/hero.png?sig=1&x=2",
            "https://cdn.example/a/hero.png?sig=1&x=2",
            "cdn.examplehero.png",
        ),
        ("HTTP://cdn.example/a b.png", "HTTP://cdn.example/a%20b.png", "cdn.examplea b.png"),
        ("https://me:secret@cdn.example/a.png", "https://me:secret@cdn.example/a.png", "cdn.examplea.png"),
        ('https://cdn.example/"><script>', "https://cdn.example/%22%3E%3Cscript%3E", 'cdn.example"><script>'),
        ("https://good.example\\@evil.example/a", "https://good.example%5C@evil.example/a", "evil.examplea"),
        ("https://cdn.example/%E2%80%AEgnp", "https://cdn.example/%E2%80%AEgnp", "cdn.example[U+202E]gnp"),
    ],
)
def test_a_picture_on_another_server_is_a_link_with_its_host_and_name_and_never_loaded(
    tmp_path: Path, url: str, link: str, shown: str
) -> None:
    elements = Elements(page_of(tmp_path, item(reference=url)))
    assert elements.pictures == ["./s.png"]
    assert elements.links == [link, "./s.png"]
    assert shown in elements.text


@pytest.mark.parametrize("url", ["http://[::1", "https://", "https:///a.png"])
def test_what_is_hardly_a_url_is_shown_and_not_linked(tmp_path: Path, url: str) -> None:
    elements = Elements(page_of(tmp_path, item(reference=url)))
    assert elements.links == ["./s.png"]
    assert url in elements.text


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\x00b\x07", "a␀b␇"),
        ("invoice\u202egnp.exe", "invoice[U+202E]gnp.exe"),
        ("\u2066a\u2069", "[U+2066]a[U+2069]"),
        ("a\u200bb\ufeff", "a[U+200B]b[U+FEFF]"),
        ("\x7f\x9b", "[U+007F][U+009B]"),
        ("\ud800", "[U+D800]"),
        ("\U000e0041", "[U+E0041]"),
        ("👩\u200d👧 क्\u200cष", "👩\u200d👧 क्\u200cष"),
    ],
)
def test_what_would_hide_or_turn_a_text_around_is_shown(tmp_path: Path, hidden: str, shown: str) -> None:
    text = Elements(page_of(tmp_path, item(hidden, reason=f"because {hidden}"))).text
    assert shown in text
    assert f"because {shown}" in text


def test_long_texts_have_an_end(tmp_path: Path) -> None:
    page = page_of(tmp_path, item("i" * 5000, facts=("f" * 5000,), reason="r" * 100_000))
    assert "i" * 199 + "…" in page
    assert "f" * 199 + "…" in page
    assert "r" * 999 + "…" in page
    assert "r" * 1000 not in page


def test_the_page_loads_nothing_from_another_server(tmp_path: Path) -> None:
    page = page_of(tmp_path, item(result="x.png"))
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_ten_thousand_swaps_are_never_in_memory_at_once(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    swaps = (item(f"swap-{number}", reason="No face was found. " * 20) for number in range(10_000))
    tracemalloc.start()
    try:
        write_report(path, title="T", lead="L", items=swaps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 5_000_000
    assert peak < 1_000_000
    assert "all <b>10,000</b>" in path.read_text(encoding="utf-8")


def test_a_page_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    before = page_of(tmp_path, item("before"))

    def swaps(*, broken: bool) -> Iterator[ReportItem]:
        yield item("after")
        assert path.read_text(encoding="utf-8") == before
        if broken:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_report(path, title="T", lead="L", items=swaps(broken=True))
    assert path.read_text(encoding="utf-8") == before
    write_report(path, title="T", lead="L", items=swaps(broken=False))
    assert "after" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_put_in_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "report.html"
    folder.mkdir()
    with pytest.raises(OSError, match=r"report\.html"):
        write_report(folder, title="T", lead="L", items=[item()])
    assert list(tmp_path.iterdir()) == [folder]
