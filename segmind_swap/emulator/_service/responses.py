"""The bodies of the API's responses that never vary, each written once.

Some are from Segmind's documentation. The others are taken from its gateway and from the tests of other
clients.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

STATUSES_WITHOUT_BODY = frozenset({204, 304})
"""Statuses that must not have a body."""

_HTML_PAGES = {
    405: "<!doctype html><title>405 Method Not Allowed</title><h1>Method Not Allowed</h1>",
    413: "<html><body><h1>413 Request Entity Too Large</h1></body></html>",
    502: (
        "<html><head><title>502 Bad Gateway</title></head>"
        "<body><center><h1>502 Bad Gateway</h1></center></body></html>"
    ),
    504: "<html><body><h1>504 Gateway Time-out</h1></body></html>",
}

_MESSAGES = {
    400: "Invalid request body",
    401: "Unauthorized. API key is invalid or may have expired.",
    402: "Insufficient credits. You have 0.0 credits.",
    403: "This workflow is not available to your team",
    404: "Workflow not found",
    406: "Invalid content type",
    422: "Invalid parameters",
    429: "rate_limit_exceeded",
    500: "Internal server error",
}

KEY_MISSING = "Missing Authorization or x-api-key in header"


compact = json.JSONEncoder(separators=(",", ":")).encode
"""JSON without spaces, as in the payloads seen on the wire."""


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(compact(body), status, headers, media_type="application/json")


def html_page(status: int) -> Response:
    """The HTML page of a gateway for this status."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    html = _HTML_PAGES.get(status, f"<html><body><h1>{status} {phrase}</h1></body></html>")
    return Response(html, status, media_type="text/html")


def error(status: int, message: str | None = None) -> Response:
    """The error response of this status: HTML for a gateway's statuses, JSON for the application's."""
    if status in STATUSES_WITHOUT_BODY:
        return Response(None, status)
    if 300 <= status < 400:
        return Response(None, status, {"location": "https://login.example/"})
    if message is None and status not in _MESSAGES:
        return html_page(status)
    return json_response({"error": message or _MESSAGES[status]}, status)


def http_date(wall: datetime) -> str:
    """The value of a ``Date`` header."""
    return _date(wall.replace(microsecond=0))


@lru_cache(maxsize=8)
def _date(second: datetime) -> str:
    # Cached: thousands of responses share a second, and formatting a date is the slowest part of a response.
    return format_datetime(second, usegmt=True)
