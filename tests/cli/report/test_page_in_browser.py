"""The page of results in a real browser: what is seen, what can be chosen, and what does not happen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from segmind_swap.cli._report.page import ReportItem, write_report

from ...support.chromium import chromium

pytestmark = pytest.mark.browser

PHONE = 390
SMALL_PHONE = 360
SCREEN = 1280

HOSTILE = (
    "</h2></article></li></ol></main></title></style><script>document.title='owned'</script>\"'>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">"
)
ENDLESS = "x" * 3000
PILED = "Z" + "\u0335\u0321\u0300" * 60
TURNED = "invoice\u202egnp.exe\x1b]8;;http://evil.example\x07"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


Open = Callable[..., None]


@pytest.fixture
def show(browser: webdriver.Chrome, tmp_path: Path) -> Open:
    """Writes a page, and opens it in a window of a width."""

    def show(*items: ReportItem, width: int = SCREEN, title: str = "Swaps", lead: str = "") -> None:
        path = tmp_path / "report" / "report.html"
        path.parent.mkdir(exist_ok=True)
        write_report(path, title=title, lead=lead, items=items, totals=[(lead or "saved", title)])
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        browser.get(path.as_uri())

    return show


def item(title: str = "fox", state: str = "saved", text: str = "71 s", scene: str = "s.png") -> ReportItem:
    return ReportItem(
        title=title,
        reference="../inputs/r.png",
        scene=scene,
        result="x.png" if state == "saved" else None,
        state=state,
        facts=(text,),
        reason="" if state == "saved" else text,
    )


def draw(path: Path, size: tuple[int, int]) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, "teal").save(path)


def visible_titles(browser: webdriver.Chrome) -> list[str]:
    return [title.text for title in browser.find_elements(By.TAG_NAME, "h2") if title.is_displayed()]


def script(browser: webdriver.Chrome, source: str) -> Any:
    return browser.execute_script(source)


def test_a_state_that_is_chosen_hides_the_others(browser: webdriver.Chrome, show: Open) -> None:
    show(item("a"), item("b", "failed"), item("c"), item("d", "unknown"))
    labels = {label.text: label for label in browser.find_elements(By.TAG_NAME, "label")}
    assert list(labels) == ["all 4", "saved 2", "unknown 1", "failed 1"]
    assert visible_titles(browser) == ["a", "b", "c", "d"]
    labels["saved 2"].click()
    assert visible_titles(browser) == ["a", "c"]
    labels["failed 1"].click()
    assert visible_titles(browser) == ["b"]
    labels["all 4"].click()
    assert visible_titles(browser) == ["a", "b", "c", "d"]


def test_the_filter_is_worked_with_the_keyboard_and_shows_where_it_is(
    browser: webdriver.Chrome, show: Open
) -> None:
    show(item("a"), item("b", "failed"))
    ActionChains(browser).send_keys(Keys.TAB, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    assert visible_titles(browser) == ["b"]
    outlines = {
        label.text: label.value_of_css_property("outline-style")
        for label in browser.find_elements(By.TAG_NAME, "label")
    }
    assert outlines == {"all 2": "none", "saved 1": "none", "failed 1": "solid"}
    ActionChains(browser).send_keys(Keys.TAB).perform()
    focused = browser.switch_to.active_element
    assert (focused.get_attribute("href") or "").endswith("/inputs/r.png")
    assert focused.value_of_css_property("outline-style") == "solid"


def test_pictures_load_whatever_their_names_and_none_from_another_server(
    browser: webdriver.Chrome, show: Open, tmp_path: Path
) -> None:
    odd = "100% café #1?&'.png"
    draw(tmp_path / "inputs" / "r.png", (40, 50))
    draw(tmp_path / "report" / odd, (60, 40))
    draw(tmp_path / "report" / "x.png", (50, 30))
    show(item(scene=odd), item(scene="https://cdn.example/scenes/street.jpg"))
    WebDriverWait(browser, 60).until(
        lambda _: script(browser, "return [...document.images].every(image => image.complete)")
    )
    widths = script(browser, "return [...document.images].map(image => image.naturalWidth)")
    assert widths == [40, 60, 50, 40, 50]
    remote = browser.find_element(By.CLASS_NAME, "remote")
    assert remote.text == "cdn.example\nstreet.jpg"
    assert remote.get_attribute("href") == "https://cdn.example/scenes/street.jpg"


@pytest.mark.parametrize("number", [2, 30])
def test_nothing_moves_when_a_picture_has_loaded(
    browser: webdriver.Chrome, show: Open, tmp_path: Path, number: int
) -> None:
    heights = "return [...document.querySelectorAll('.box')].slice(0, 6).map(box => box.offsetHeight)"
    show(*[item(), item(state="failed")] * (number // 2))
    missing = script(browser, heights)
    draw(tmp_path / "inputs" / "r.png", (900, 30))
    draw(tmp_path / "report" / "s.png", (30, 900))
    draw(tmp_path / "report" / "x.png", (3, 3))
    show(*[item(), item(state="failed")] * (number // 2))
    WebDriverWait(browser, 60).until(lambda _: script(browser, "return document.images[2].naturalWidth == 3"))
    assert script(browser, heights) == missing
    # Each picture has all of its box, be it wide, tall or tiny.
    assert script(browser, heights.replace(".box", ".box img"))[:5] == missing[:5]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("width", [SMALL_PHONE, PHONE, SCREEN])
def test_nothing_overflows(browser: webdriver.Chrome, show: Open, width: int, number: int) -> None:
    hosts = "https://" + "very-long-host." * 12 + "example/" + ENDLESS
    swaps = [
        item(text, state, text, scene=scene)
        for text in (HOSTILE, ENDLESS, PILED, TURNED)
        for state, scene in [("failed", hosts), ("saved", text), (ENDLESS, text)]
    ]
    show(*swaps * number, width=width, title=ENDLESS, lead=ENDLESS)
    assert script(browser, "return document.documentElement.scrollWidth") <= width
    # Within the cards, nothing is cut off on the right or lies outside.
    outside = script(
        browser,
        """return [...document.querySelectorAll('.cards h2, .cards p, .cards ul, .cards figure')].filter(
            one => one.getBoundingClientRect().right > one.closest('article').getBoundingClientRect().right
        ).length""",
    )
    assert outside == 0


def test_hostile_text_runs_nothing_and_makes_no_element(browser: webdriver.Chrome, show: Open) -> None:
    names = "return [...document.querySelectorAll('*')].map(element => element.localName)"
    show(item("fox", "failed", "why"), item("owl", "odd", "why"), title="Swaps", lead="All.")
    harmless = script(browser, names)
    show(
        item(HOSTILE, "failed", HOSTILE, scene=HOSTILE),
        item(TURNED, HOSTILE, TURNED, scene=f"javascript:{HOSTILE}"),
        title=HOSTILE,
        lead=HOSTILE,
    )
    assert script(browser, names) == harmless
    assert browser.title != "owned"
    assert browser.find_element(By.TAG_NAME, "h2").text == HOSTILE[:200]
    links = [link.get_attribute("href") for link in browser.find_elements(By.TAG_NAME, "a")]
    assert all(link is not None and link.startswith("file:///") for link in links)


def test_dark_and_light_are_the_readers_own(browser: webdriver.Chrome, show: Open) -> None:
    papers = set()
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        show(item())
        papers.add(browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color"))
    assert len(papers) == 2


def worked(browser: webdriver.Chrome) -> float:
    """Seconds for which the page's process has worked: a busy machine lets it wait, but not work, longer."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float({metric["name"]: metric["value"] for metric in metrics}["ProcessTime"])


@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_ten_thousand_swaps_open_and_are_filtered_at_once(
    browser: webdriver.Chrome, show: Open, tmp_path: Path, width: int
) -> None:
    drawn = tmp_path / "report" / "x.png"
    draw(drawn, (50, 30))
    for number in range(10_000):
        (drawn.parent / f"{number}.png").hardlink_to(drawn)
    swaps = [
        item(f"swap-{number}", "failed" if number % 100 == 7 else "saved", scene=f"{number}.png")
        for number in range(10_000)
    ]
    browser.execute_cdp_cmd("Performance.enable", {})
    before = worked(browser)
    show(*swaps, width=width)
    assert worked(browser) - before < 20, "it takes about two seconds"
    scenes = (
        "[...document.images].filter(image => /[0-9]+\\.png$/.test(image.src) && image.naturalWidth == 50)"
    )
    WebDriverWait(browser, 60).until(lambda _: script(browser, f"return {scenes}.length > 2"))
    assert script(browser, f"return {scenes}.length") < 1000, "what is far below is not loaded yet"
    last = "[...document.querySelectorAll('article')].at(-1)"
    assert not script(browser, f"return {last}.checkVisibility({{contentVisibilityAuto: true}})"), (
        "nor laid out"
    )

    before = worked(browser)
    browser.find_elements(By.TAG_NAME, "label")[2].click()
    shown = "return [...document.querySelectorAll('.cards > *')].filter(one => one.offsetHeight).length"
    assert script(browser, shown) == 100
    assert worked(browser) - before < 10, "it takes less than one second"
