"""The page in a real browser: what each key does, what survives, and what does not happen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from segmind_swap import Journal, Review, Verdict

from ...support.chromium import chromium
from ...support.reviews import a_batch, a_new_version, blank, picture

pytestmark = pytest.mark.browser

DOWNLOADS = "downloads"
RESULTS = {
    "one": picture(1),
    "black": blank(),
    "three": picture(3),
    "same": picture(4, figure="navy"),
    "five": picture(5),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    root = tmp_path_factory.mktemp("browser")
    with chromium(root / "profile") as chrome:
        chrome.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(root / DOWNLOADS)}
        )
        chrome.downloads = root / DOWNLOADS  # type: ignore[attr-defined]
        yield chrome


Open = Callable[..., Path]


@pytest.fixture
def show(browser: webdriver.Chrome, tmp_path: Path) -> Open:
    """Writes the page of a batch, and opens it in a window of a width."""

    def show(results: dict[str, bytes] | None = None, *, width: int = 1280) -> Path:
        folder = a_batch(tmp_path, RESULTS if results is None else results)
        page = anyio.run(Review(folder / "journal.db").write_page)
        resize(browser, width)
        complaints(browser)
        browser.get(page.as_uri())
        return folder

    return show


def resize(browser: webdriver.Chrome, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )


def press(browser: webdriver.Chrome, *keys: str) -> None:
    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def text(browser: webdriver.Chrome, id: str) -> str:
    return browser.find_element(By.ID, id).text


def ids(browser: webdriver.Chrome) -> list[str]:
    found: list[str] = browser.execute_script("return shown.map((item) => item.id)")
    return found


def decisions(browser: webdriver.Chrome) -> dict[str, str]:
    found: dict[str, str] = browser.execute_script(
        "return Object.fromEntries(items.map((item) => [item.id, decisionOf(item)]))"
    )
    return found


def wait(browser: webdriver.Chrome, condition: str) -> None:
    WebDriverWait(browser, 20).until(lambda chrome: chrome.execute_script(f"return {condition}"))


def complaints(browser: webdriver.Chrome) -> list[Any]:
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]


def test_it_opens_at_what_is_flagged_and_breaks_no_rule_of_its_policy(
    browser: webdriver.Chrome, show: Open
) -> None:
    show()
    assert ids(browser) == ["black", "same"]
    assert text(browser, "name") == "black"
    assert "blank" in text(browser, "flags")
    press(browser, *"sdvzhg", *"gh", "?", Keys.ESCAPE, *"aofa", *"x123")
    wait(browser, "$('result').complete && $('result').naturalWidth > 0 && $('reference').naturalWidth > 0")
    assert complaints(browser) == []
    requested = browser.execute_script("return performance.getEntriesByType('resource').map((r) => r.name)")
    assert [name for name in requested if not name.startswith("file:")] == []


def test_a_key_decides_and_goes_on_and_backspace_goes_back(browser: webdriver.Chrome, show: Open) -> None:
    show()
    press(browser, "a", Keys.HOME, "p", "x", "r")
    assert text(browser, "name") == "same"
    assert decisions(browser) == {
        "one": "keep",
        "black": "discard",
        "three": "redo",
        "same": "undecided",
        "five": "undecided",
    }
    assert text(browser, "progress") == "1 kept · 1 discarded · 1 redo ($0.15) · 2 to look at"
    press(browser, Keys.BACKSPACE)
    assert text(browser, "name") == "three"
    assert decisions(browser)["three"] == "undecided"
    press(browser, Keys.ARROW_LEFT, "u")
    assert text(browser, "name") == "black"
    assert decisions(browser)["black"] == "undecided"
    press(browser, *[Keys.BACKSPACE] * 3)
    assert set(decisions(browser).values()) == {"undecided"}
    press(browser, Keys.BACKSPACE)
    assert text(browser, "toast") == "Nothing to take back."


def test_decisions_survive_a_reload_and_those_of_another_batch_are_not_mixed_in(
    browser: webdriver.Chrome, show: Open, tmp_path: Path
) -> None:
    show()
    press(browser, "a", Keys.HOME, "p", "3", "x", "n")
    press(browser, "look at the hat", Keys.ESCAPE)
    before = decisions(browser)
    assert "Decisions are in this browser only" in text(browser, "warning")
    browser.refresh()
    assert decisions(browser) == before
    press(browser, "a", Keys.HOME, Keys.ARROW_RIGHT)
    assert browser.execute_script("return markOf(shown[cursor]).reasons") == ["background"]
    press(browser, Keys.ARROW_RIGHT)
    assert browser.find_element(By.ID, "note").get_attribute("value") == "look at the hat"
    other = a_batch(tmp_path / "other", RESULTS)
    browser.get(anyio.run(Review(other / "journal.db").write_page).as_uri())
    assert set(decisions(browser).values()) == {"undecided"}


def test_a_new_version_is_undecided_although_the_browser_remembers_the_old_one(
    browser: webdriver.Chrome, show: Open
) -> None:
    folder = show()
    press(browser, "a", Keys.HOME, "r")
    a_new_version(folder, "one", picture(9))
    browser.get(anyio.run(Review(folder / "journal.db").write_page).as_uri())
    assert decisions(browser)["one"] == "undecided"
    press(browser, "a", Keys.HOME, "c")
    assert text(browser, "stage-word") == "version 1 | result"
    assert "version 2" in text(browser, "place")
    assert browser.execute_script("return $('other').getAttribute('src')") == "./versions/one.1.png"
    press(browser, "c")
    assert text(browser, "stage-word") == "scene | result"


def test_the_exported_file_can_be_applied_and_the_button_tells_what_waits(
    browser: webdriver.Chrome, show: Open
) -> None:
    folder = show()
    press(browser, "a", Keys.HOME, "p", "x")
    button = browser.find_element(By.ID, "export")
    assert button.text.startswith("Export 2")
    assert "waiting" in (button.get_attribute("class") or "")
    press(browser, "e")
    assert "waiting" not in (button.get_attribute("class") or "")
    exported = browser.downloads / "decisions.json"  # type: ignore[attr-defined]
    WebDriverWait(browser, 20).until(lambda _: exported.is_file() and exported.stat().st_size > 0)
    assert json.loads(exported.read_text())["journal"] == Journal(folder / "journal.db").id
    applied = anyio.run(Review(folder / "journal.db").apply, exported)
    exported.unlink()
    assert {mark.id: mark.decision for mark in applied.applied} == {
        "one": Verdict.KEEP,
        "black": Verdict.DISCARD,
    }
    # The next page knows them, and the browser has nothing newer.
    browser.get(anyio.run(Review(folder / "journal.db").write_page).as_uri())
    assert decisions(browser)["black"] == "discard"
    assert browser.find_element(By.ID, "export").text.startswith("Export E")


def test_all_that_is_shown_and_undecided_is_kept_with_one_key_and_taken_back_with_one(
    browser: webdriver.Chrome, show: Open
) -> None:
    show()
    press(browser, "x", "a")
    ActionChains(browser).key_down(Keys.SHIFT).send_keys("p").key_up(Keys.SHIFT).perform()
    assert decisions(browser) == {**dict.fromkeys(RESULTS, "keep"), "black": "discard"}
    press(browser, Keys.BACKSPACE)
    assert decisions(browser) == {**dict.fromkeys(RESULTS, "undecided"), "black": "discard"}


def test_filters_show_what_they_say_and_a_decision_removes_nothing_from_under_the_eyes(
    browser: webdriver.Chrome, show: Open
) -> None:
    show()
    press(browser, "o")
    assert len(ids(browser)) == 5
    press(browser, "p", "p")
    assert len(ids(browser)) == 5
    press(browser, "o")
    assert len(ids(browser)) == 3
    press(browser, "f")
    assert ids(browser) == ["black", "same"]
    unchanged = browser.find_element(By.XPATH, "//nav/button[starts-with(., 'unchanged')]")
    unchanged.click()
    assert ids(browser) == ["same"]
    # The focus does not stay at the button: the space bar would press it again.
    press(browser, "a")
    assert len(ids(browser)) == 5


def test_a_redo_is_never_begun_here_and_its_command_is_shown(browser: webdriver.Chrome, show: Open) -> None:
    show()
    press(browser, "r")
    browser.find_element(By.XPATH, "//nav/button[starts-with(., 'Redo')]").click()
    assert ids(browser) == ["black"]
    assert "which is paid again: segmind-swap redo" in text(browser, "warning")


def _stage(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "stage").get_attribute("class") or ""


def _is_seen(browser: webdriver.Chrome, id: str) -> bool:
    return bool(browser.execute_script(f"return getComputedStyle($('{id}')).visibility === 'visible'"))


def test_the_space_bar_blinks_to_the_scene_while_it_is_held(browser: webdriver.Chrome, show: Open) -> None:
    show()
    assert not _is_seen(browser, "other")
    ActionChains(browser).key_down(Keys.SPACE).perform()
    assert _is_seen(browser, "other")
    assert not _is_seen(browser, "result")
    assert text(browser, "stage-word") == "scene"
    ActionChains(browser).key_up(Keys.SPACE).perform()
    assert not _is_seen(browser, "other")
    assert _is_seen(browser, "result")


def test_slider_difference_side_by_side_and_one_to_one(browser: webdriver.Chrome, show: Open) -> None:
    show()
    press(browser, "s")
    stage = browser.find_element(By.ID, "stage")
    x = stage.size["width"] // 4
    ActionChains(browser).move_to_element_with_offset(stage, -x, 0).click_and_hold().release().perform()
    cut = float(browser.execute_script("return $('stage').style.getPropertyValue('--cut')").rstrip("%"))
    assert 23 < cut < 27
    assert "inset" in browser.execute_script("return getComputedStyle($('other')).clipPath")
    press(browser, "d")
    assert browser.execute_script("return getComputedStyle($('other')).mixBlendMode") == "difference"
    press(browser, "v")
    left = browser.execute_script("return $('other').getBoundingClientRect().right")
    right = browser.execute_script("return $('result').getBoundingClientRect().left")
    assert left <= right
    press(browser, "v", "z")
    assert browser.execute_script("return getComputedStyle($('result')).objectFit") == "none"
    press(browser, "z")
    assert _stage(browser) == "stage mode-result"


def test_enter_ends_a_note_and_the_next_keys_decide_again(browser: webdriver.Chrome, show: Open) -> None:
    show()
    press(browser, "a", Keys.HOME, "n", "hat")
    ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    press(browser, "off", Keys.ENTER, "p", "n", "x")
    ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    press(browser, "x")
    notes = browser.execute_script("return items.slice(0, 2).map((item) => markOf(item).note)")
    assert notes == ["hat\noff", "x"]
    assert [decisions(browser)[id] for id in ("one", "black")] == ["keep", "discard"]
    assert browser.execute_script("return $('about').scrollTop") == 0


def test_the_keys_are_shown_from_the_first_one_and_histograms_need_no_sideways_scrolling(
    browser: webdriver.Chrome, show: Open
) -> None:
    show()
    press(browser, "?")
    assert browser.execute_script("return $('help').scrollTop") == 0
    assert browser.execute_script("return $('help').scrollHeight <= $('help').clientHeight")
    press(browser, Keys.ESCAPE, "h")
    assert browser.execute_script("return $('histograms').scrollWidth <= $('histograms').clientWidth")


def test_a_decision_that_waits_is_not_sent_about_a_newer_version(
    browser: webdriver.Chrome, show: Open
) -> None:
    show()
    press(browser, "a", Keys.HOME)
    left = browser.execute_script(
        "const item = items[0]; unsent.set(item, {decision: 'discard'}); undo = [[[item, UNDECIDED]]];"
        "marks.set(item, {...UNDECIDED, decision: 'discard'}); add({...item, version: 2});"
        "return [unsent.size, undo.length, decisionOf(item)]"
    )
    assert left == [0, 0, "undecided"]


def test_only_the_rows_near_the_window_exist(browser: webdriver.Chrome, show: Open) -> None:
    show({f"scene-{number:03}": picture(number) for number in range(60)})
    press(browser, "a")
    assert browser.execute_script("return $('rows').childElementCount") < 20
    press(browser, Keys.END)
    assert text(browser, "name") == "scene-059"
    current = browser.find_element(By.CSS_SELECTOR, ".row[aria-current=true]")
    assert current.is_displayed()
    assert browser.execute_script("return preloaded.length") == 0
    press(browser, Keys.HOME)
    assert browser.execute_script("return preloaded.length") == 4, "two results and their scenes"


def test_histograms_show_each_flag_with_its_threshold(browser: webdriver.Chrome, show: Open) -> None:
    show()
    press(browser, "h")
    captions = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "#histograms figcaption")]
    assert "blank: below 8 is flagged" in captions[0]
    assert len(browser.find_elements(By.CSS_SELECTOR, "#histograms line")) == len(captions)
    press(browser, "h")
    assert not browser.find_element(By.ID, "histograms").is_displayed()


def test_hostile_names_are_only_text(browser: webdriver.Chrome, tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    review = Review(folder / "journal.db")
    page = anyio.run(review.write_page)
    evil = "<img src=x onerror=document.title=1></script><script>document.title=2</script>"
    escaped = json.dumps(evil).replace("<", "\\u003c")
    page.write_text(page.read_text().replace('"id":"a"', f'"id":{escaped}'))
    browser.get(page.as_uri())
    assert browser.title.endswith(": review")
    assert evil[:4] in text(browser, "name")
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []


@pytest.mark.parametrize("width", [360, 390, 768])
def test_on_a_phone_nothing_is_wider_than_the_window(
    browser: webdriver.Chrome, show: Open, width: int
) -> None:
    show(width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.find_element(By.XPATH, "//*[@id='decide']/button[1]").click()
    assert decisions(browser)["black"] == "keep"
    stage = browser.find_element(By.ID, "stage")
    assert stage.size["height"] > 150


def test_an_empty_batch_says_so(browser: webdriver.Chrome, show: Open) -> None:
    show({})
    assert text(browser, "empty") == "There is no saved picture yet."
    press(browser, *"pxrufoa", Keys.BACKSPACE, " ", "s", "c", "1")
    assert complaints(browser) == []


async def _served(browser: webdriver.Chrome, folder: Path, look: Callable[[], None]) -> None:
    async with Review(folder / "journal.db").serve() as url:

        def visit() -> None:
            browser.get(url)
            look()

        await anyio.to_thread.run_sync(visit)


@pytest.mark.real_time
def test_a_served_page_saves_each_key_at_once(browser: webdriver.Chrome, tmp_path: Path) -> None:
    folder = a_batch(tmp_path, RESULTS)
    resize(browser, 1280)
    complaints(browser)

    def look() -> None:
        press(browser, "x", "r")
        wait(browser, "unsent.size === 0")
        assert (folder / "discarded" / "black.1.png").is_file()
        press(browser, "a", Keys.HOME, Keys.ARROW_RIGHT)
        wait(browser, "$('result').complete && $('result').naturalWidth > 0")
        assert complaints(browser) == []

    anyio.run(_served, browser, folder, look)
    marks = anyio.run(Journal(folder / "journal.db").marks.read)
    assert {mark.id: mark.decision for mark in marks} == {"black": Verdict.DISCARD, "same": Verdict.REDO}
    # The command has ended: the page says that a decision is not saved.
    press(browser, "p")
    wait(browser, "$('warning').textContent.includes('not saved yet')")
    browser.execute_script("unsent.clear()")
