"""The page in a real browser, over real sockets: what it shows, does, and does not let be done to it."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from segmind_swap import PollPolicy, SwapClient, SwapJob
from segmind_swap.emulator import Emulator, Fault

from ...support.chromium import chromium
from ..calling import KEY, SWAP, WORKFLOW

pytestmark = [pytest.mark.browser, pytest.mark.real_time]

PATIENCE = 120.0
SMALL_PHONE, SCREEN = 360, 1280
HOSTILE = (
    "https://x.example/</bdi></li></script><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">\u202egnp"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


class Page:
    """The page of a served emulator, and a caller of its API."""

    def __init__(self, browser: webdriver.Chrome, emulator: Emulator, url: str, api: httpx.Client) -> None:
        self.browser, self.emulator, self.url, self.api = browser, emulator, url, api

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        return WebDriverWait(self.browser, PATIENCE).until(lambda _: condition(), f"not seen: {what}")

    def run(self, source: str, *arguments: Any) -> Any:
        return self.browser.execute_script(source, *arguments)

    def text(self, selector: str) -> str:
        source = (
            "const one = document.querySelector(arguments[0]);"
            "return one?.checkVisibility() ? one.innerText : ''"
        )
        return str(self.run(source, selector))

    def wait_for(self, selector: str, words: str) -> None:
        self.wait(lambda: words in self.text(selector), f"{words!r} in {selector}: {self.text(selector)!r}")

    def announced(self) -> str:
        return str(self.run("return document.getElementById('announcements').textContent"))

    def click(self, selector: str) -> None:
        self.browser.find_element(By.CSS_SELECTOR, selector).click()

    def submit(self, **fields: Any) -> httpx.Response:
        return self.api.post(WORKFLOW, json=fields or SWAP)

    def finish(self, count: int) -> None:
        """Let jobs be done, and polled."""
        self.emulator.advance(100)
        for charge in self.emulator.ledger[-count:]:
            self.api.get(f"/workflows/request/{charge.request_id}")

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]


Show = Callable[..., Any]


@pytest.fixture
def show(browser: webdriver.Chrome) -> Show:
    @contextmanager
    def show(emulator: Emulator, *, width: int = SCREEN, quiet: bool = True) -> Iterator[Page]:
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        with emulator.serve() as url, httpx.Client(base_url=url, headers=KEY, timeout=300) as api:
            page = Page(browser, emulator, url, api)
            browser.get(url)
            page.complaints()
            page.wait_for("#pulse", "a swap takes")
            yield page
            if quiet:
                assert page.complaints() == []
            browser.get("about:blank")

    return show


def picture(size: tuple[int, int], color: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def test_a_stranger_is_told_what_to_do(show: Show) -> None:
    with show(Emulator()) as page:
        words = page.text("#empty")
        assert "No swap has arrived yet" in words
        assert f"export SEGMIND_BASE_URL={page.url}\nexport SEGMIND_API_KEY=emulator-key" in words
        assert "segmind-swap swap --reference hero.png --scene street.jpg --out out.png" in words
        page.submit()
        page.wait_for("#cards", "Swap 1")
        assert page.text("#empty") == ""


def test_a_key_that_somebody_chose_is_not_shown(show: Show) -> None:
    with show(Emulator(api_key="SG_mine")) as page:
        assert "SG_mine" not in page.browser.page_source
        assert "the-key-it-was-started-with" in page.text("#empty")


def test_a_job_of_the_client_appears_completes_and_its_pictures_load(show: Show) -> None:
    emulator = Emulator()

    def client(url: str) -> SwapClient:
        return SwapClient("emulator-key", base_url=url, polling=PollPolicy(interval=0.25, first_after=0.0))

    async def begin(url: str) -> SwapJob:
        async with client(url) as swaps:
            return await swaps.submit(
                reference_character_image=picture((40, 50), "teal"),
                character_image=picture((90, 60), "orange"),
            )

    async def end(url: str, job: SwapJob) -> None:
        async with client(url) as swaps:
            await swaps.wait(job)

    with show(emulator) as page:
        emulator.pause()
        job = asyncio.run(begin(page.url))
        page.wait_for(".card .result", "Queued")
        emulator.advance(50)
        page.wait_for(".card .result", "Processing")
        emulator.advance(50)
        page.wait_for(".card .result", "its picture is made at the next poll")
        asyncio.run(end(page.url, job))
        page.wait_for(".card .facts", "completed")
        sizes = "return [...document.querySelectorAll('.card img')].map(image => image.naturalWidth)"
        page.wait(lambda: page.run(sizes) == [1280, 40, 90], "three pictures that have loaded")
        assert "completed\n1\n" in page.text("#totals")
        assert "billed\n$0.15\n" in page.text("#totals")

        page.click(".card .open")
        page.wait(
            lambda: len(page.browser.find_elements(By.CSS_SELECTOR, ".exchanges details")) >= 4, "requests"
        )
        assert page.run("return document.querySelector('#detail img').naturalWidth") in {0, 1280}
        titles = page.run(
            "return [...document.querySelectorAll('.exchanges b')].map(title => title.innerText)"
        )
        assert titles[:4] == ["upload 1", "upload 2", "submit 1", "poll 1"]
        texts = page.run(
            "return [...document.querySelectorAll('.exchanges pre')].map(text => text.textContent)"
        )
        assert "authorization: Bearer emul… (12 characters)" in texts[4]
        assert '"poll_url"' in texts[5]
        assert not [text for text in texts if "emulator-key" in text]
        ActionChains(page.browser).send_keys(Keys.ESCAPE).perform()
        page.wait(lambda: not page.browser.find_element(By.ID, "detail").is_displayed(), "a closed dialog")
        assert page.run("return document.activeElement.className") == "open"


def test_a_fault_of_a_button_hits_the_next_call_and_is_gone(show: Show) -> None:
    with show(Emulator()) as page:
        for rule, outcome in (("submit:502:x1", 502), ("submit:504:billed:x1", 504)):
            page.click(f"[data-rule='{rule}']")
            page.wait_for("#in-force", f"submit: status {outcome}")
            assert page.submit().status_code == outcome
            page.wait(lambda: page.text("#in-force") == "", "no fault in force")
            page.wait_for("#calls", f"fault: status {outcome}")
        assert len(page.emulator.ledger) == 1, "the 504 has billed its job"
        page.wait_for(".card .facts", "its submit: status 504")
        page.click("[data-rule='poll:429:retry-after=5:x1']")
        page.wait_for("#in-force", "poll: status 429")
        answers = [page.api.get(f"/workflows/request/{page.emulator.ledger[0].request_id}") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [429, 200]
        assert answers[0].headers["retry-after"] == "5"


def test_every_button_of_a_fault_is_one_that_the_emulator_takes(show: Show) -> None:
    with show(Emulator()) as page:
        buttons = page.browser.find_elements(By.CSS_SELECTOR, "[data-rule]")
        for count, button in enumerate(buttons, 1):
            button.click()
            page.wait(lambda count=count: len(page.emulator.faults) == count, "one more fault")
        assert [placed.fault.times for placed in page.emulator.faults] == [1] * len(buttons)
        page.wait(lambda: page.text("#in-force").count("Remove") == len(buttons), "all of them")
        page.click("#in-force button")
        page.wait(lambda: [placed.number for placed in page.emulator.faults][:1] == [2], "the first removed")


def test_any_fault_can_be_written_and_a_wrong_one_is_explained(show: Show) -> None:
    with show(Emulator(), quiet=False) as page:
        field = page.browser.find_element(By.ID, "rule")
        field.send_keys("poll:5x2", Keys.ENTER)
        page.wait_for("#rule-problem", "'5x2' is not understood")
        field.clear()
        field.send_keys("credits:503:#2-4:50%", Keys.ENTER)
        page.wait_for("#in-force", "calls 2 to 4, 50% of them")
        assert page.text("#rule-problem") == ""
        assert page.emulator.faults[0].fault == Fault(
            on="credits", status=503, calls=range(2, 5), probability=0.5
        )


def test_a_pause_stops_jobs_and_resuming_lets_them_go_on(show: Show) -> None:
    with show(Emulator(duration=3)) as page:
        page.click("#pause")
        page.wait_for("#pulse", "paused")
        poll = page.submit().json()["poll_url"]
        page.wait_for(".card .result", "Queued")
        told = page.api.get("/_emulator/state").json()
        again = page.api.get("/_emulator/state").json()
        assert told["clock"] == again["clock"]
        assert told["jobs"][0]["age"] == 0
        assert page.api.get(poll).json()["status"] == "QUEUED"
        page.click("#pause")
        page.wait_for("#pulse", "live")
        page.wait(lambda: page.api.get(poll).json()["status"] == "COMPLETED", "a job that is done")
        page.wait_for(".card .facts", "completed")


def test_a_minute_can_be_skipped_and_all_begun_anew(show: Show) -> None:
    with show(Emulator(duration=59, rate_limit=1)) as page:
        page.emulator.pause()
        page.submit()
        assert page.submit().status_code == 429
        page.wait_for("#totals", "1 of 1")
        page.click("#advance")
        page.wait_for(".card .result", "Ready")
        page.wait_for("#totals", "0 of 1")
        page.click("#reset")
        page.click("#reset-no")
        assert len(page.emulator.ledger) == 1
        page.click("#reset")
        page.click("#reset-yes")
        page.wait_for("#empty", "No swap has arrived yet")
        assert page.text("#cards") == ""
        assert (page.emulator.ledger, page.emulator.paused) == ((), False)


def test_the_ledger_tells_what_was_paid_twice_from_the_same_pictures_again(show: Show) -> None:
    with show(Emulator(faults=[Fault(on="submit", calls=(2,), status=504, accepts=True)])) as page:
        page.wait_for("#totals", "paid twice")
        for _ in range(2):
            page.submit()
        page.finish(2)
        page.click("#show-ledger")
        page.wait_for(
            "#sum", "2 swaps billed, $0.3044 in all; none of them twice; 1 with the same pictures again"
        )
        page.wait_for("#rows tr", "same pictures again as swap 1")
        page.wait_for("#totals", "paid twice\n0\nsame pictures again\n1\n")
        assert page.run("return document.querySelectorAll('#totals .bad').length") == 0
        page.submit()
        page.wait_for(
            "#sum", "1 of them a second time, after an answer was lost; 1 with the same pictures again"
        )
        page.wait_for("#rows tr", "paid twice: the answer to swap 2 was lost")
        page.wait_for("#totals", "paid twice\n1\nsame pictures again\n1\n")
        page.click("#rows button")
        page.wait_for("#detail-title", "Swap 3")


def test_what_came_with_a_request_is_only_text(show: Show) -> None:
    emulator = Emulator(faults=[Fault(on="poll", calls=(3,), status=500, body=f"<html>{HOSTILE}</html>")])
    with show(emulator) as page:
        poll = page.submit(reference_character_image=HOSTILE, character_image=f"no url {HOSTILE}").json()[
            "poll_url"
        ]
        page.submit()
        page.finish(2)
        page.api.get(poll)
        page.api.get(f"/{HOSTILE.removeprefix('https://')}", headers={"user-agent": "<script>x</script>"})
        page.wait_for("#cards", "Scene image must be a valid http(s) URL")
        page.run("document.querySelectorAll('.open')[1].click()")
        page.wait_for("#detail .pairs", "onerror")
        page.run("document.querySelectorAll('#detail details').forEach(one => { one.open = true })")
        page.wait_for("#detail .exchanges", "<html>")
        page.click("#close")
        page.click("#show-ledger")
        page.wait_for("#rows", "must be a valid")
        page.click("#calls button")
        page.wait_for("#detail", "<script>x</script>")
        assert page.browser.title == "Segmind emulator"
        assert page.run("return document.querySelectorAll('script').length") == 1
        assert page.run("return document.querySelectorAll('[onerror], [onload], bdi img').length") == 0
        assert "\u202e" not in page.run("return document.body.innerText")


def test_nothing_scrolls_sideways_on_a_small_phone(show: Show) -> None:
    emulator = Emulator(rate_limit=60, faults=[Fault(on="poll", status=502, probability=0.0)])
    with show(emulator, width=SMALL_PHONE) as page:

        def fits(what: str) -> None:
            assert page.run("return document.documentElement.scrollWidth") == SMALL_PHONE, what

        fits("empty")
        for number in range(3):
            page.submit(**{**SWAP, "character_image": f"https://{'x' * 200}.example/{number}{'y' * 400}"})
        page.finish(2)
        page.wait_for("#cards", "completed")
        fits("swaps")
        page.click("#show-ledger")
        page.wait_for("#rows", "completed")
        fits("ledger")
        page.click("#show-controls")
        page.wait_for("#calls", "poll 1")
        fits("controls")
        page.click("#calls button")
        page.wait_for("#detail-title", "Request: ")
        fits("a request")
        page.click("#close")
        page.click("#show-swaps")
        page.click(".card .open")
        page.wait_for("#detail .pairs", "request id")
        fits("a swap")


def test_the_page_stays_quick_with_five_thousand_jobs(show: Show) -> None:
    emulator = Emulator(credits_usd=10_000, engine="none")
    with show(emulator) as page:
        for _ in range(5_000):
            emulator._controls.account.ledger.accept(
                images=("https://a.example/a", "https://a.example/b"),
                digests=(None, None),
                now=0.0,
                fault=None,
            )
        page.wait_for("#newest", "the newest 24 of 5,000")
        assert page.run("return document.querySelectorAll('.card').length") == 24
        assert page.text(".card h3") == "Swap 5,000"
        assert page.run("return document.querySelectorAll('*').length") < 2_000
        page.click("#show-ledger")
        page.wait_for("#sum", "5,000 swaps billed")
        assert page.run("return document.querySelectorAll('#rows tr').length") == 100
        page.click("#older")
        page.wait(
            lambda: page.run("return document.querySelectorAll('#rows tr').length") == 200, "older ones"
        )
        page.click("#show-swaps")
        page.click("#more")
        page.wait(lambda: page.run("return document.querySelectorAll('.card').length") == 48, "more swaps")


def test_the_page_is_worked_with_the_keyboard_and_tells_what_happens(show: Show) -> None:
    with show(Emulator()) as page:
        keys = ActionChains(page.browser)
        keys.send_keys(Keys.TAB, Keys.TAB, Keys.ENTER).perform()
        page.wait_for("#pulse", "paused")
        focused = page.browser.switch_to.active_element
        assert focused.get_attribute("id") == "pause"
        assert focused.value_of_css_property("outline-style") == "solid"
        page.wait(lambda: "Paused" in page.announced(), "words")
        page.submit()
        page.wait(
            lambda: "Swap 1 was submitted" in page.announced(),
            "words of a swap",
        )
        names = page.run(
            "return [...document.querySelectorAll('button, input')].map((one) => "
            "one.innerText || one.labels?.[0]?.innerText || one.getAttribute('aria-label'))"
        )
        assert all(names)


def test_an_emulator_that_was_stopped_is_told_of(browser: webdriver.Chrome, show: Show) -> None:
    with show(Emulator(), quiet=False) as page:
        page.browser.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        try:
            page.wait_for("#gone", "The emulator does not answer")
            assert page.text("#pulse-text") == "not reachable"
        finally:
            online = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
            page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", online)
        page.wait(lambda: page.text("#gone") == "", "an emulator that is back")


def test_a_page_of_another_site_can_neither_change_nor_read_anything(show: Show, tmp_path: Path) -> None:
    with show(Emulator(), quiet=False) as page:
        page.submit()
        evil = tmp_path / "evil.html"
        evil.write_text("<!doctype html><title>evil</title>")
        page.browser.get(evil.as_uri())
        attempts = [
            {"method": "POST", "body": "{}", "mode": "no-cors"},
            {
                "method": "POST",
                "body": "{}",
                "mode": "no-cors",
                "headers": {"content-type": "application/json"},
            },
            {"method": "POST", "body": "{}", "headers": {"content-type": "application/json"}},
        ]
        for options in attempts:
            page.browser.execute_async_script(
                "const done = arguments[2]; fetch(arguments[0], arguments[1]).finally(() => done())",
                f"{page.url}/_emulator/reset",
                options,
            )
        read = page.browser.execute_async_script(
            "const done = arguments[1];"
            "fetch(arguments[0]).then((answer) => answer.text()).then(done, () => done('refused'))",
            f"{page.url}/_emulator/state",
        )
        assert read == "refused"
        assert len(page.emulator.ledger) == 1
        assert json.loads(page.api.get("/_emulator/state").text)["totals"]["jobs"] == 1
