"""The page of the FastAPI guide, as a person uses it, while the application is killed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from ..support.chromium import chromium
from .application import application
from .guide import write_application
from .visitor import picture
from .witness import witness

pytestmark = [pytest.mark.browser, pytest.mark.real_time]

PATIENCE = 60.0


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_person_sees_the_picture_although_the_application_was_killed_meanwhile(tmp_path: Path) -> None:
    site_folder, files = tmp_path / "site", [tmp_path / "hero.png", tmp_path / "street.png"]
    site_folder.mkdir()
    write_application(site_folder)
    for file in files:
        file.write_bytes(picture(file.name))
    with (
        witness(job_seconds=2.0, submit_delay=0.0) as seen,
        application(site_folder, upstream=seen.url, interval=0.5, budget_usd=1.0, workers=1) as site,
        chromium(tmp_path / "profile") as browser,
    ):
        browser.get(site.url)

        def line() -> str:
            return browser.find_element(By.CSS_SELECTOR, "p").text

        for name, file in zip(("reference", "scene"), files, strict=True):
            browser.find_element(By.NAME, name).send_keys(str(file))
        button = browser.find_element(By.CSS_SELECTOR, "form button")
        button.click()
        wait_until(lambda: line() == "The picture is being made.")
        assert not button.is_enabled()
        site.kill()
        site.start()
        wait_until(lambda: is_shown(browser))
        assert (line(), button.is_enabled()) == ("The picture is ready.", True)
        browser.refresh()
        wait_until(lambda: is_shown(browser))
        browser.get(f"{site.url}/#00000000-0000-4000-8000-000000000000")
        browser.refresh()
        wait_until(lambda: line() == "This swap is not known here.")
        assert len(seen.asked().scenes) == 1


def is_shown(browser: webdriver.Chrome) -> bool:
    """Whether the result is on the page, and could be read."""
    width = browser.execute_script("return document.querySelector('img:not([hidden])')?.naturalWidth ?? 0")
    return int(str(width)) > 0
