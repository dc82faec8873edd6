"""The paths and methods of the API, and the kind of call of each."""

import re

from starlette.responses import Response
from starlette.types import Scope

from . import responses
from .calls import Kind
from .shapes import UNENCODED_FOLDER

_FOLDER = re.escape(UNENCODED_FOLDER)
_ROUTES: tuple[tuple[Kind, str, re.Pattern[str]], ...] = (
    ("submit", "POST", re.compile(r"/workflows/([^/]+)")),
    ("poll", "GET", re.compile(rf"/(?:workflows/request|requests|v1/requests)/(?:{_FOLDER})?([^/]+)")),
    ("upload", "POST", re.compile(r"/(upload-asset)")),
    ("credits", "GET", re.compile(r"/v1/(get-user-credits)")),
    ("history", "GET", re.compile(r"/inference-request/request-history(?:/([^/]+))?")),
    ("file", "GET", re.compile(rf"/files/(?:{_FOLDER})?([^/]+)")),
)


def find_route(scope: Scope) -> tuple[Kind, str] | Response:
    """The kind of a call and the variable part of its path; a 404 or 405 if there is no such route."""
    allowed = None
    for kind, method, path in _ROUTES:
        if match := path.fullmatch(scope["path"]):
            if scope["method"] == method or (scope["method"], method) == ("HEAD", "GET"):
                return kind, match[1] or ""
            allowed = method
    if allowed is None:
        return responses.html_page(404)
    response = responses.html_page(405)
    response.headers["allow"] = allowed
    return response
