"""The bodies that the API answers with."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from segmind_swap.emulator._service.responses import (
    STATUSES_WITHOUT_BODY,
    error,
    html_page,
    http_date,
    json_response,
)


def test_json_has_no_spaces_as_on_the_wire() -> None:
    response = json_response({"a": [1, 2], "b": None}, 201, {"x-cost": "0.1522"})
    assert response.body == b'{"a":[1,2],"b":null}'
    assert (response.status_code, response.media_type) == (201, "application/json")
    assert response.headers["x-cost"] == "0.1522"


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_an_error_of_the_application_is_json_and_may_have_another_message(status: int) -> None:
    assert set(json.loads(bytes(error(status).body))) == {"error"}
    assert json.loads(bytes(error(status, "Request 1 not found").body)) == {"error": "Request 1 not found"}


@pytest.mark.parametrize("status", [405, 413, 502, 503, 504, 599])
def test_an_error_of_the_gateway_is_a_page(status: int) -> None:
    response = error(status)
    assert (response.status_code, response.media_type) == (status, "text/html")
    assert str(status) in bytes(response.body).decode() or status == 405
    assert response.body == html_page(status).body


@pytest.mark.parametrize("status", sorted(STATUSES_WITHOUT_BODY))
def test_a_status_that_must_not_have_a_body_has_none(status: int) -> None:
    assert error(status).body == b""


def test_a_redirect_leads_to_a_page_of_nobody() -> None:
    assert error(302).headers["location"] == "https://login.example/"


def test_a_date_is_written_in_the_form_of_http_whatever_the_fraction() -> None:
    second = datetime(2026, 3, 1, 9, 8, 7, tzinfo=UTC)
    assert http_date(second) == "Sun, 01 Mar 2026 09:08:07 GMT"
    assert http_date(second + timedelta(microseconds=999_999)) == http_date(second)
