"""What an HTTP status means: one table, and the typed error of a response that says no."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._errors import (
    AuthenticationError,
    BadRequestError,
    InsufficientCreditsError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from .text import failure_text, request_id


def status_error(code: int, headers: Mapping[str, str], body: bytes, call: str) -> StatusError:
    """The typed error for an answer that is no success."""
    reason = failure_text(body)
    kind, advice = _class_of(code, reason, call)
    told = f": {reason}" if reason else ""
    return kind(
        f"the {call} was answered {code}{told}{f' ({advice})' if advice else ''}",
        status_code=code,
        reason=reason,
        request_id=request_id(headers.get("x-request-id")),
    )


_OTHER_406 = re.compile(r"content.?type|parameter|invalid|unsupported|not acceptable", re.IGNORECASE)
_ABOUT_CREDITS = re.compile(r"credit|balance|spend|fund", re.IGNORECASE)


def _class_of(code: int, reason: str, call: str) -> tuple[type[StatusError], str]:
    match code:
        case 401:
            return AuthenticationError, "check the API key, SEGMIND_API_KEY"
        case 402:
            return InsufficientCreditsError, "add credits to the account"
        case 406 if _OTHER_406.search(reason) and not _ABOUT_CREDITS.search(reason):
            return BadRequestError, ""
        case 406:
            return InsufficientCreditsError, "add credits to the account"
        case 403:
            return PermissionDeniedError, "this key may not do that"
        case 404 | 410:
            advice = "check the workflow's id" if call == "submit" else ""
            return NotFoundError, advice
        case 413:
            return BadRequestError, "the request is larger than the server takes: send a smaller picture"
        case 429:
            return RateLimitError, "the account's rate limit"
        case _ if code >= 500:
            return ServerError, ""
        case _ if 300 <= code < 400:
            return BadRequestError, "redirects are never followed with the key: check base_url"
        case _:
            return BadRequestError, ""
