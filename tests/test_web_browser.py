"""Server-sent events in Chromium: a page gets states, comes back after a restart, stops at the end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from segmind_swap import OutcomeState
from segmind_swap.web import SSE_HEADERS, sse_events

from .support.chromium import chromium
from .support.served import served, until
from .support.updates import StubService, an_update

pytestmark = [pytest.mark.browser, pytest.mark.real_time]

ACCEPTED, SAVED = OutcomeState.ACCEPTED, OutcomeState.SAVED
PAGE = """<!doctype html><meta charset="utf-8"><title>swap</title><script>
const told = [];
const events = new EventSource("/events");
events.addEventListener("update", (event) => {
  told.push(`${JSON.parse(event.data).state}@${event.lastEventId}`);
});
events.addEventListener("end", () => { told.push("end"); if (location.hash === "#closes") events.close(); });
</script>"""


class Site:
    """The page, and its events as the recipe answers them. `asked` has the last event id of each request."""

    def __init__(self, service: StubService) -> None:
        self.service = service
        self.asked: list[str | None] = []
        self.answered: list[int] = []
        routes = [Route("/", self._page), Route("/events", self._events)]
        self.app = Starlette(routes=routes)

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def _events(self, request: Request) -> Response:
        update = await self.service.status("a")
        seen = request.headers.get("last-event-id")
        self.asked.append(seen)
        if update.is_final and seen == str(update.change):
            self.answered.append(204)
            return Response(status_code=204)
        self.answered.append(200)
        return StreamingResponse(sse_events(self.service, "a", last_event_id=seen), headers=SSE_HEADERS)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path / "profile") as chrome:
        yield chrome


def told(browser: webdriver.Chrome) -> list[str]:
    found: list[str] = browser.execute_script("return told")
    return found


def ready_state(browser: webdriver.Chrome) -> Any:
    return browser.execute_script("return events.readyState")


def test_a_page_goes_on_after_a_restart_and_closes_at_the_end(browser: webdriver.Chrome) -> None:
    site = Site(StubService(an_update(change=5)))
    with served(site.app) as server:
        browser.get(f"http://127.0.0.1:{server.port}/#closes")
        until(lambda: told(browser) == ["pending@5"])
        server.call(lambda: site.service.tell(an_update(ACCEPTED, change=6)))
        until(lambda: told(browser) == ["pending@5", "accepted@6"])
        server.call(site.service.close)
    assert ready_state(browser) != 2, "it tries again"

    again = Site(StubService(an_update(ACCEPTED, change=6)))
    with served(again.app, server.port) as server:
        until(lambda: again.asked == ["6"])
        server.call(lambda: again.service.tell(an_update(SAVED, change=9)))
        until(lambda: ready_state(browser) == 2)
        assert told(browser) == ["pending@5", "accepted@6", "saved@9", "end"]
        time.sleep(6)
        assert again.answered == [200]


def test_a_page_that_does_not_close_is_stopped_by_the_204_of_the_recipe(browser: webdriver.Chrome) -> None:
    site = Site(StubService(an_update(SAVED, change=9)))
    with served(site.app) as server:
        browser.get(f"http://127.0.0.1:{server.port}/")
        until(lambda: ready_state(browser) == 2)
        assert told(browser) == ["saved@9", "end"]
        time.sleep(6)
        assert (site.asked, site.answered) == ([None, "9"], [200, 204])
