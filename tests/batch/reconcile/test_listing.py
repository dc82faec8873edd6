"""Reading the pages of the history: where they end, what is kept, and what hostile pages do."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from segmind_swap import (
    AuthenticationError,
    ConnectionFailedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    SwapError,
)
from segmind_swap._api.account.identity import JobNames
from segmind_swap._batch.reconcile import listing as listing_module
from segmind_swap._batch.reconcile.listing import Listing, read_listing

from .rows import HERO, scene
from .service import KEY, FakeHistory, rows_of

SINCE = date(2026, 11, 29)
PAIR = (HERO, scene("a"))
INPUTS = {"reference_character_image": HERO, "character_image": scene("a")}


def row(number: int, **more: Any) -> dict[str, Any]:
    """An entry of somebody else."""
    return {"request_id": f"foreign-{number}", "request_body": {"prompt": "a cat"}, **more}


OURS = {"request_id": "ours", "request_body": INPUTS, "created_at": "2026-11-30T10:00:00Z"}


async def read(history: FakeHistory, known: JobNames = JobNames(), **settings: Any) -> Listing:  # noqa: B008
    with history.session(**settings) as session:
        return await read_listing(session, since=SINCE, pairs={PAIR}, known=known)


async def test_pages_are_read_until_an_empty_one_and_only_what_may_be_ours_is_kept() -> None:
    known = JobNames(frozenset({"foreign-3"}))
    history = FakeHistory(rows_of([row(1), row(2)], [row(3), OURS], [row(4)]))
    found = await read(history, known)
    assert [entry.request_id for entry in found.entries] == ["foreign-3", "ours"]
    assert (history.pages, found.pages, found.incomplete) == ([1, 2, 3, 4], 4, "")
    assert "cat" not in repr(found)


async def test_the_key_goes_to_segminds_history_and_nowhere_else() -> None:
    history = FakeHistory(rows_of([OURS]))
    await read(history)
    assert {request.url.host for request in history.requests} == {"api.spotprod.segmind.com"}
    assert {request.headers["x-api-key"] for request in history.requests} == {KEY}
    elsewhere = FakeHistory(rows_of([OURS]))
    await read(elsewhere, base_url="https://proxy.example/segmind")
    assert {request.url.host for request in elsewhere.requests} == {"proxy.example"}


async def test_a_request_that_does_not_show_what_was_sent_is_remembered_by_its_time_only() -> None:
    blank = {"request_id": "b", "request_body": None, "created_at": "2026-11-30T10:00:00Z"}
    found = await read(FakeHistory(rows_of([blank, {**blank, "request_id": "c", "created_at": None}])))
    assert (found.entries, [at is None for at in found.blank]) == ([], [False, True])


@pytest.mark.parametrize(
    ("history", "incomplete"),
    [
        (FakeHistory(lambda _: httpx.Response(200, json=[OURS])), "page 2 repeats the pages before"),
        (FakeHistory(lambda _: httpx.Response(200, json={"data": [OURS], "total": 1})), ""),
        (FakeHistory(lambda _: httpx.Response(200, json={"data": [OURS], "total": 2})), "page 2 repeats"),
        (FakeHistory(rows_of([OURS], total=9)), "page 2 is empty after 1 entries, and the history counts 9"),
        (FakeHistory(rows_of([OURS], total=1)), ""),
        (FakeHistory(rows_of([], total=0)), ""),
        (FakeHistory(rows_of([OURS, None])), "page 1 has elements that cannot be read"),
        (FakeHistory(rows_of([{"request_id": f"r-{n}"} for n in range(1_500)])), "page 1 has elements"),
        (FakeHistory(rows_of([None])), "page 1 has elements that cannot be read"),
    ],
)  # fmt: skip
async def test_pages_that_may_go_on_are_not_complete(history: FakeHistory, incomplete: str) -> None:
    found = await read(history)
    assert found.incomplete.startswith(incomplete)
    assert bool(found.incomplete) is bool(incomplete)


@pytest.mark.parametrize("endless", [[row(1)], [None], [{"id": None}], [row(1), None]])
async def test_endless_pages_end(monkeypatch: pytest.MonkeyPatch, endless: list[Any]) -> None:
    monkeypatch.setattr(listing_module, "MAX_PAGES", 7)
    counted = iter(range(10_000))

    def page(_: int) -> httpx.Response:
        new = [{**entry, "request_id": f"r-{next(counted)}"} if entry else entry for entry in endless]
        return httpx.Response(200, json=new)

    history = FakeHistory(page)
    found = await read(history)
    assert len(history.pages) == 7
    assert found.incomplete == "the history has more than 7 pages"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"error": "Unauthorized"}), AuthenticationError),
        (httpx.Response(403, json={"error": "no"}), PermissionDeniedError),
        (httpx.Response(404, text="<html>Not Found</html>"), NotFoundError),
        (httpx.Response(429, headers={"retry-after": "9999"}), RateLimitError),
        (httpx.Response(500), ServerError),
        (httpx.Response(503, text="<html>"), ServerError),
        (httpx.Response(200, text="<!doctype html><title>Sign in</title>"), ResponseError),
        (httpx.Response(200, json={"message": "ok"}), ResponseError),
        (httpx.Response(302, headers={"location": "https://evil.example/"}), SwapError),
        (httpx.ConnectError("refused"), ConnectionFailedError),
    ],
    ids=lambda value: str(getattr(value, "status_code", "")),
)
async def test_a_history_that_cannot_be_read_is_an_error_and_a_later_page_an_incomplete_one(
    answer: httpx.Response | Exception, error: type[SwapError]
) -> None:
    with pytest.raises(error):
        await read(FakeHistory(lambda _: answer), timeout=5.0)
    later = FakeHistory(lambda number: httpx.Response(200, json=[OURS]) if number == 1 else answer)
    found = await read(later, timeout=5.0)
    assert [entry.request_id for entry in found.entries] == ["ours"]
    assert found.incomplete.startswith("page 2 could not be read: ")
    assert {request.url.host for request in later.requests} == {"api.spotprod.segmind.com"}
