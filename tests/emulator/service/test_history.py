"""The emulator's history: its window, its pages, its delay, and the shapes of its rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, HistoryPage, HistoryRow, HistoryTime
from segmind_swap.emulator._service.history import BadQuery, HistoryQuery

from ..calling import SWAP, connect, submit

PATH = "/inference-request/request-history"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def rows_in(answer: httpx.Response) -> list[dict[str, Any]]:
    """The rows of a page, in whatever shape."""
    body = answer.json()
    if isinstance(body, dict):
        body = body.get("data", body.get("requests"))
    rows: list[dict[str, Any]] = body["items"] if isinstance(body, dict) else body
    return rows


@pytest.mark.parametrize("page", get_args(HistoryPage))
@pytest.mark.parametrize("row", get_args(HistoryRow))
async def test_each_row_has_its_id_and_its_inputs_in_every_shape(page: HistoryPage, row: HistoryRow) -> None:
    emulator = Emulator(history_page=page, history_row=row)
    async with connect(emulator) as http:
        await submit(http)
        await anyio.sleep(72)
        await submit(http)
        rows = rows_in(await http.get(PATH))
    latest, first = [charge.request_id for charge in emulator.ledger][::-1]
    assert [latest in str(rows[0]), first in str(rows[1])] == [True, True]
    assert all(value in str(rows[0]) for value in SWAP.values())


@pytest.mark.parametrize(
    ("form", "kind"),
    [("iso", str), ("space", str), ("epoch-s", int), ("epoch-ms", int), ("none", type(None))],
)
async def test_a_row_says_its_time_in_each_form(form: HistoryTime, kind: type) -> None:
    async with connect(Emulator(history_time=form)) as http:
        await submit(http)
        (row,) = rows_in(await http.get(PATH))
    time = row.get("model_created")
    assert isinstance(time, kind)
    if isinstance(time, int):
        assert abs(time / (1000 if form == "epoch-ms" else 1) - datetime.now(UTC).timestamp()) < 60


async def test_a_job_is_listed_after_the_delay() -> None:
    async with connect(Emulator(history_delay=100.0)) as http:
        await submit(http)
        assert rows_in(await http.get(PATH)) == []
        await anyio.sleep(101)
        assert len(rows_in(await http.get(PATH))) == 1


async def test_a_page_is_as_long_as_the_switch_allows_and_may_be_the_first_for_ever() -> None:
    for pages, expected in (("numbered", [1, 1, 0]), ("repeated", [1, 1, 1])):
        switches: dict[str, Any] = {"history_page_size": 1, "history_pages": pages}
        async with connect(Emulator(**switches)) as http:
            await submit(http)
            await submit(http)
            found = [len(rows_in(await http.get(PATH, params={"page": n}))) for n in (1, 2, 3)]
        assert found == expected


def test_the_window_is_the_last_seven_days_or_what_is_asked_for() -> None:
    assert HistoryQuery.of({}, NOW).first == date(2026, 11, 23)
    assert HistoryQuery.of({"from_date": "2026-10-01"}, NOW).first == date(2026, 10, 31), "31 days at most"
    assert HistoryQuery.of({"to_date": "0001-01-02"}, NOW).first == date(1, 1, 1)
    asked = HistoryQuery.of({"from_date": "2026-10-31", "to_date": "2026-11-30", "page": "2"}, NOW)
    assert (asked.first, asked.last, asked.page, asked.per_page) == (date(2026, 10, 31), NOW.date(), 2, 20)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from_date": "yesterday"}, "from_date must be YYYY-MM-DD"),
        ({"to_date": "30-11-2026"}, "to_date must be YYYY-MM-DD"),
        ({"page": "0"}, "page is out of range"),
        ({"page": "9" * 5000}, "page is out of range"),
        ({"per_page": "101"}, "per_page is out of range"),
        ({"per_page": "x"}, "per_page is out of range"),
    ],
)
def test_a_query_out_of_range_is_refused(query: dict[str, str], problem: str) -> None:
    with pytest.raises(BadQuery, match=problem):
        HistoryQuery.of(query, NOW)


async def test_a_window_without_the_job_does_not_list_it() -> None:
    async with connect(Emulator()) as http:
        await submit(http)
        today = datetime.now(UTC).date()
        past = {"from_date": str(today - timedelta(days=9)), "to_date": str(today - timedelta(days=3))}
        assert rows_in(await http.get(PATH, params=past)) == []
        assert (await http.get(PATH, params={"from_date": "x"})).status_code == 400
