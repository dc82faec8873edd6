"""The history of an account: its request, every shape that may come, and what a hostile server may send."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import ResponseError
from segmind_swap._api.account.history import (
    HistoryEntry,
    HistoryState,
    history_request,
    poll_url_like,
    read_history,
)
from segmind_swap._api.messages import Response
from segmind_swap._api.origins import Service
from segmind_swap._models import Call

HERO, STREET = "https://i.example/hero.png", "https://i.example/street.png"
INPUTS = {"reference_character_image": HERO, "character_image": STREET}
PICTURE = "https://o.example/1.png"
SEGMIND = Service("https://api.segmind.com")


def answer(body: object) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status_code=200, headers={}, body=raw)


def entry(row: dict[str, Any], service: Service = SEGMIND) -> HistoryEntry:
    (found,) = read_history(service, answer([row])).entries
    return found


# The request


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://api.segmind.com", "https://api.spotprod.segmind.com"),
        ("https://api.segmind.com/", "https://api.spotprod.segmind.com"),
        ("https://eu.segmind.com", "https://eu.segmind.com"),
        ("http://127.0.0.1:8765/prefix", "http://127.0.0.1:8765/prefix"),
        ("https://proxy.example", "https://proxy.example"),
    ],
)
def test_segminds_host_is_asked_only_for_segminds_own_base_url(base_url: str, host: str) -> None:
    request = history_request(Service(base_url), page=3, since=date(2026, 11, 1))
    path = "/inference-request/request-history?page=3&per_page=100&from_date=2026-11-01"
    assert (request.url, request.method, request.call, request.body) == (
        host + path,
        "GET",
        Call.HISTORY,
        None,
    )


# The page


@pytest.mark.parametrize(
    ("body", "total"),
    [
        ([{"id": "r-1"}], None),
        ({"data": [{"id": "r-1"}], "total": 7}, 7),
        ({"requests": [{"id": "r-1"}], "totalCount": 0}, 0),
        ({"history": [{"id": "r-1"}]}, None),
        ({"success": True, "data": {"items": [{"id": "r-1"}], "pagination": {"total": 3}}}, 3),
        ({"results": {"rows": [{"id": "r-1"}]}, "meta": {"total": 2}}, 2),
        ({"data": [{"id": "r-1"}], "total": "7"}, None),
        ({"data": [{"id": "r-1"}], "total": True}, None),
        ({"data": [{"id": "r-1"}], "total": -1}, None),
    ],
)
def test_a_page_is_a_list_or_an_object_around_a_list(body: object, total: int | None) -> None:
    page = read_history(SEGMIND, answer(body))
    assert ([found.ids for found in page.entries], page.total, page.unreadable) == ([("r-1",)], total, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": "[]"},
        {"data": {"data": {"data": {"data": {"data": {"data": []}}}}}},
        None,
        7,
        "[]",
        {"error": "Internal server error"},
        b"",
        b"<html><title>Sign in</title></html>",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"[" + b"{}," * 200_000 + b"{}]",
    ],
)
def test_a_body_without_a_list_is_an_error(body: object) -> None:
    with pytest.raises(ResponseError, match="the history of the account cannot be read"):
        read_history(SEGMIND, answer(body))


def test_the_error_shows_the_shape_of_a_page_and_nothing_of_the_requests_of_others() -> None:
    theirs = {"prompt": "a secret cat", "request_id": "r-1"}
    with pytest.raises(ResponseError, match="its keys are past, next") as caught:
        read_history(SEGMIND, answer({"past": {"r-1": theirs}, "next": None, "a secret key": 1}))
    assert "secret" not in f"{caught.value} {caught.value.excerpt}"
    with pytest.raises(ResponseError, match="a JSON str"):
        read_history(SEGMIND, answer("a secret"))


def test_a_page_is_read_up_to_a_limit_and_says_so() -> None:
    page = read_history(SEGMIND, answer([{"id": f"r-{n}"} for n in range(1_500)]))
    assert (len(page.entries), page.is_cut) == (1_000, True)


def test_elements_that_are_no_entry_are_counted() -> None:
    page = read_history(SEGMIND, answer([{"id": "r-1"}, None, "r-2", 3, []]))
    assert (len(page.entries), page.unreadable, page.length) == (1, 4, 5)


# The entry


@pytest.mark.parametrize(
    ("row", "ids"),
    [
        ({"request_id": "r-1"}, ("r-1",)),
        ({"id": 17, "request_id": "r-1"}, ("r-1", "17")),
        ({"_id": {"$oid": "r-1"}}, ("r-1",)),
        ({"requestId": "r-1", "uuid": "r-1"}, ("r-1",)),
        ({"id": None, "request_id": ""}, ()),
        ({"id": True}, ()),
        ({"id": "a\x1bb"}, ()),
        ({"id": "x" * 300}, ()),
        ({"id": ["r-1"]}, ()),
    ],
)
def test_an_id_is_read_under_each_name_that_of_the_request_first(
    row: dict[str, Any], ids: tuple[str, ...]
) -> None:
    assert entry(row).ids == ids


@pytest.mark.parametrize(
    "row",
    [
        {"request_body": INPUTS},
        {"requestBody": INPUTS},
        {"request_body": json.dumps(INPUTS)},
        {"input": INPUTS},
        {"parameters": INPUTS},
        {"payload": {"input": INPUTS}},
        {"request": json.dumps({"data": INPUTS})},
        {"body": {"inputs": json.dumps(INPUTS)}},
        INPUTS,
        {"request_body": {"other": 1}, "input": INPUTS},
        {"request_body": {**INPUTS, "character_image": "https://i.example/str%65et.png"}},
    ],
)
def test_the_inputs_are_read_under_each_name_and_as_a_string(row: dict[str, Any]) -> None:
    assert entry(row).urls == (HERO, STREET)
    assert entry(row).has_body


@pytest.mark.parametrize(
    ("row", "has_body"),
    [
        ({}, False),
        ({"request_body": None}, False),
        ({"request_body": ""}, False),
        ({"request_body": "{broken"}, False),
        ({"request_body": {}}, False),
        ({"request_body": {"prompt": "a cat"}}, True),
        ({"request_body": {"reference_character_image": HERO}}, True),
        ({"request_body": {"reference_character_image": HERO, "character_image": [STREET]}}, True),
    ],
)
def test_a_body_without_both_pictures_is_another_request_and_none_is_nobodys(
    row: dict[str, Any], has_body: bool
) -> None:
    found = entry(row)
    assert (found.urls, found.has_body) == (None, has_body)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"status": "COMPLETED"}, HistoryState.DONE),
        ({"model_status": "PENDING"}, HistoryState.RUNNING),
        ({"modelStatus": "in progress"}, HistoryState.RUNNING),
        ({"state": "in-progress"}, HistoryState.RUNNING),
        ({"status": " succeeded "}, HistoryState.DONE),
        ({"status": "cancelled"}, HistoryState.FAILED),
        ({"status": 200, "model_status": "FAILED"}, HistoryState.FAILED),
        ({"status": "ok", "model_status": "FAILED"}, HistoryState.FAILED),
        ({"status": "WARMING_UP"}, HistoryState.UNCLEAR),
        ({}, HistoryState.UNCLEAR),
        ({"generation_url": PICTURE}, HistoryState.DONE),
        ({"generation_url": PICTURE, "status": "WARMING_UP"}, HistoryState.UNCLEAR),
    ],
)
def test_the_word_for_the_state_is_read_under_each_name(row: dict[str, Any], state: HistoryState) -> None:
    assert entry(row).state is state


@pytest.mark.parametrize(
    "row",
    [
        {"generation_url": PICTURE},
        {"generationUrl": PICTURE},
        {"output": json.dumps([{"keyname": "x", "value": {"data": PICTURE, "type": "image"}}])},
        {"outputs": [PICTURE]},
        {"output": {"x": PICTURE}},
        {"output": "", "generation_url": PICTURE},
        {"output": HERO, "generation_url": PICTURE, "request_body": INPUTS},
        {"output": "http://10.0.0.1/1.png", "generation_url": PICTURE},
    ],
)
def test_the_picture_is_read_under_each_name_and_is_no_input(
    row: dict[str, Any],
) -> None:
    assert [item.data for item in entry(row).outputs] == [PICTURE]


@pytest.mark.parametrize(
    "row",
    [
        {"generation_url": None},
        {"generation_url": "javascript:alert(1)"},
        {"generation_url": "http://o.example/1.png"},
        {"generation_url": "https://169.254.169.254/latest"},
        {"generation_url": "https://user:pass@o.example/1.png"},
        {"generation_url": STREET, "request_body": INPUTS},
        {"output": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": PICTURE}}}}}}}}},
    ],
)
def test_what_must_not_be_fetched_is_no_picture(row: dict[str, Any]) -> None:
    assert entry(row).outputs == ()


@pytest.mark.parametrize(
    ("url", "polled"),
    [
        ("https://api.segmind.com/requests/r-1", "https://api.segmind.com/requests/r-1"),
        ("https://eu.segmind.com/requests/r-1", "https://eu.segmind.com/requests/r-1"),
        ("/requests/r-1", "https://api.segmind.com/requests/r-1"),
        ("http://api.segmind.com/requests/r-1", "https://api.segmind.com/requests/r-1"),
        ("https://api.segmind.com.evil.example/requests/r-1", None),
        ("https://evil.example/?https://api.segmind.com", None),
        ("https://api.segmind.com@evil.example/", None),
        ("//evil.example/r-1", None),
        ("http://eu.segmind.com/requests/r-1", None),
        ("ftp://api.segmind.com/r-1", None),
        (7, None),
        ("", None),
    ],
)
def test_a_poll_url_is_taken_from_a_host_that_may_see_the_key(url: object, polled: str | None) -> None:
    assert entry({"poll_url": url}).poll_url == polled
    assert entry({"status_url": url}).other_poll_url == polled
    assert entry({"statusUrl": "https://evil.example/", "response_url": url}).other_poll_url == polled


def test_an_entry_has_the_names_that_a_ledger_may_know() -> None:
    found = entry(
        {"poll_url": "/requests/r-1", "generation_url": PICTURE, "created_at": "2026-11-30T12:00:00Z"}
    )
    assert found.names == ("https://api.segmind.com/requests/r-1", PICTURE)
    assert (found.request_id, found.at) == (None, datetime(2026, 11, 30, 12, tzinfo=UTC))


KEYS = st.sampled_from(
    ["request_id", "id", "_id", "request_body", "input", "data", "status", "output", "poll_url", "created_at",
     "reference_character_image", "character_image", "$oid", "$date", "total", "requests", "generation_url"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


@given(JSON)
def test_whatever_json_comes_is_a_page_or_the_one_error(body: Any) -> None:
    try:
        page = read_history(SEGMIND, answer(body))
    except ResponseError:
        return
    for found in page.entries:
        assert all(id.isprintable() for id in found.ids)
        hash(found)


@given(st.binary(max_size=300))
def test_whatever_bytes_come_are_a_page_or_the_one_error(body: bytes) -> None:
    try:
        read_history(SEGMIND, answer(body))
    except ResponseError as error:
        assert len(str(error)) < 400


# The form of another poll URL


@pytest.mark.parametrize(
    ("known", "known_id", "id", "url"),
    [
        ("https://a.example/requests/r-1234", "r-1234", "r-9999", "https://a.example/requests/r-9999"),
        ("https://a.example/r-1234/status?x=1", "r-1234", "r-9999", "https://a.example/r-9999/status?x=1"),
        ("https://a.example/requests/token", "r-1234", "r-9999", None),
        ("https://a.example/requests?id=r-1234", "r-1234", "r-9999", None),
        ("https://a.example/r-1234/r-1234", "r-1234", "r-9999", None),
        ("https://r-1234/requests", "r-1234", "r-9999", None),
        ("https://a.example/requests/r-1234", "r-1234", "../admin", None),
        ("https://a.example/requests/r-1234", "r-1234", "a/../../b", None),
        ("https://a.example/requests/r-1234", "r-1234", "r-9999?x", None),
        ("https://a.example/requests/r-1234", "r-1234", "r%2F9999", None),
        ("https://a.example/requests/r-1234", "r-1234", "ré9999", None),
        ("https://a.example/requests/r-1234", "r-1234", "", None),
        ("https://a.example/requests/1", "1", "r-9999", None),
        ("", "", "r-9999", None),
    ],
)
def test_a_poll_url_is_made_in_the_form_of_a_known_one_and_only_of_plain_ids(
    known: str, known_id: str, id: str, url: str | None
) -> None:
    assert poll_url_like(known, known_id, id) == url
