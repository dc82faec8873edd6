"""The bodies the API answers with, each written once.

A few come from Segmind's documentation, the rest are what its gateway and other clients' tests show.
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
"""Statuses which must not have a body."""

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
"""JSON without spaces, as the payloads seen on the wire."""


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(compact(body), status, headers, media_type="application/json")


def html_page(status: int) -> Response:
    """A gateway's HTML page."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    html = _HTML_PAGES.get(status, f"<html><body><h1>{status} {phrase}</h1></body></html>")
    return Response(html, status, media_type="text/html")


def error(status: int, message: str | None = None) -> Response:
    """The answer with this status: a gateway's own codes are HTML pages, the application's are JSON."""
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
    # Thousands of answers share a second, and writing a date is slower than all else in an answer.
    return format_datetime(second, usegmt=True)
