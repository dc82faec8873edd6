"""A service that has a history and polls, and nothing else: it fails each test that submits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from segmind_swap import RetryPolicy, SwapClient
from segmind_swap._swap.session import Session

KEY = "SG_0123456789abcdef0123"
PATH = "/inference-request/request-history"
QUICK = RetryPolicy(initial_delay=0.0, max_delay=0.0)
Answer = httpx.Response | Exception


class FakeHistory:
    """Answers each page with `page(number)`, and each poll with `poll(url)`. Keeps every request."""

    def __init__(
        self,
        page: Callable[[int], Answer],
        poll: Callable[[str], Answer] = lambda _: httpx.Response(404, json={"error": "no such request"}),
    ) -> None:
        self.requests: list[httpx.Request] = []
        self._page = page
        self._poll = poll

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert request.method == "GET", "nothing is submitted"
        if request.url.path.endswith(PATH):
            answer = self._page(int(request.url.params["page"]))
        else:
            answer = self._poll(str(request.url))
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def pages(self) -> list[int]:
        return [
            int(request.url.params["page"]) for request in self.requests if request.url.path.endswith(PATH)
        ]

    @property
    def polled(self) -> list[str]:
        return [str(request.url) for request in self.requests if not request.url.path.endswith(PATH)]

    @contextmanager
    def session(self, **settings: Any) -> Iterator[Session]:
        """The session of a client of this service, on the running event loop."""
        client = self.client(**settings)
        session, _ = client._started()
        try:
            yield session
        finally:
            client._session = None  # nothing was opened that needs an end

    def client(self, **settings: Any) -> SwapClient:
        return SwapClient(KEY, transport=httpx.MockTransport(self), retry=QUICK, **settings)


def rows_of(*pages: list[Any], **beside: Any) -> Callable[[int], httpx.Response]:
    """The pages of a history, and empty pages after them."""

    def page(number: int) -> httpx.Response:
        rows = pages[number - 1] if number <= len(pages) else []
        return httpx.Response(200, json={"data": rows, **beside})

    return page
