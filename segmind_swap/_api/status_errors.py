"""What an HTTP status means: one table, and the typed error of a response that is no 2xx."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from .._models import SwapJob


class StatusKind(Enum):
    """The kinds of HTTP status that this client tells apart. Every status code is exactly one of them."""

    INFORMATIONAL = auto()
    """1xx, and anything below: no final response has one."""
    SUCCESS = auto()
    """2xx."""
    REDIRECT = auto()
    """3xx. Never followed with the key."""
    UNAUTHORIZED = auto()
    """401: the key, or the scheme in which it was sent."""
    NO_CREDITS = auto()
    """402."""
    FORBIDDEN = auto()
    """403."""
    NOT_FOUND = auto()
    """404 and 410."""
    NOT_ACCEPTABLE = auto()
    """406: Segmind's code for missing credits; also content negotiation, as in HTTP's own definition."""
    NOT_YET = auto()
    """408 and 425: the same request may succeed later."""
    TOO_LARGE = auto()
    """413."""
    RATE_LIMITED = auto()
    """429."""
    INVALID = auto()
    """400 and 422. The response to a poll may have this status because the job has failed."""
    REFUSED = auto()
    """Any other 4xx."""
    SERVER_ERROR = auto()
    """500: the service failed, or (in the response to a poll) the job has failed."""
    GATEWAY = auto()
    """502, 503 and 504: nobody knows whether the service has processed the request."""
    UNSUPPORTED = auto()
    """501 and 505: the server will never do this, however often it is asked."""
    UNCLEAR = auto()
    """Any other code from 500 up: 520 to 530 are sent by proxies that had passed the request on."""

    @staticmethod
    def of(code: int) -> StatusKind:
        """The kind of a status code."""
        kind = _EXACT.get(code)
        if kind is not None:
            return kind
        if code < 200:
            return StatusKind.INFORMATIONAL
        return _OF_CLASS.get(code // 100, StatusKind.UNCLEAR)

    @property
    def is_success(self) -> bool:
        """Whether the request succeeded."""
        return self is StatusKind.SUCCESS

    @property
    def is_transient(self) -> bool:
        """Whether the same free call may succeed after a backoff. A 429 has rules of its own."""
        return self in {
            StatusKind.NOT_YET,
            StatusKind.SERVER_ERROR,
            StatusKind.GATEWAY,
            StatusKind.UNCLEAR,
        }

    @property
    def may_have_job_state(self) -> bool:
        """Whether the body of a response to a poll may be the state of the job.

        All other codes come from a gateway or concern the caller, whatever the body says. A paid job that is
        reported as failed by mistake may be paid again.
        """
        return self in {StatusKind.SUCCESS, StatusKind.INVALID, StatusKind.SERVER_ERROR}

    @property
    def is_from_the_service(self) -> bool:
        """Whether the service itself has responded (below 500). The circuit breaker asks this."""
        return self not in {
            StatusKind.SERVER_ERROR,
            StatusKind.GATEWAY,
            StatusKind.UNSUPPORTED,
            StatusKind.UNCLEAR,
        }


_EXACT = {
    400: StatusKind.INVALID,
    401: StatusKind.UNAUTHORIZED,
    402: StatusKind.NO_CREDITS,
    403: StatusKind.FORBIDDEN,
    404: StatusKind.NOT_FOUND,
    406: StatusKind.NOT_ACCEPTABLE,
    408: StatusKind.NOT_YET,
    410: StatusKind.NOT_FOUND,
    413: StatusKind.TOO_LARGE,
    422: StatusKind.INVALID,
    425: StatusKind.NOT_YET,
    429: StatusKind.RATE_LIMITED,
    500: StatusKind.SERVER_ERROR,
    501: StatusKind.UNSUPPORTED,
    502: StatusKind.GATEWAY,
    503: StatusKind.GATEWAY,
    504: StatusKind.GATEWAY,
    505: StatusKind.UNSUPPORTED,
}
_OF_CLASS = {2: StatusKind.SUCCESS, 3: StatusKind.REDIRECT, 4: StatusKind.REFUSED}

# The error class of each kind, and advice for the message.
_ERRORS: Mapping[StatusKind, tuple[type[StatusError], str]] = {
    StatusKind.REDIRECT: (BadRequestError, "redirects are never followed with the key: check `base_url`"),
    StatusKind.UNAUTHORIZED: (AuthenticationError, "check the API key, SEGMIND_API_KEY"),
    StatusKind.NO_CREDITS: (InsufficientCreditsError, "add credits to the account"),
    StatusKind.FORBIDDEN: (PermissionDeniedError, "this key may not do that"),
    StatusKind.NOT_FOUND: (NotFoundError, ""),
    StatusKind.NOT_ACCEPTABLE: (InsufficientCreditsError, "add credits to the account"),
    StatusKind.TOO_LARGE: (
        BadRequestError,
        "the request is larger than the server takes: send a smaller picture",
    ),
    StatusKind.RATE_LIMITED: (RateLimitError, "the account's rate limit"),
    StatusKind.SERVER_ERROR: (ServerError, ""),
    StatusKind.GATEWAY: (ServerError, ""),
    StatusKind.UNSUPPORTED: (ServerError, ""),
    StatusKind.UNCLEAR: (ServerError, ""),
}
_OTHER_406 = re.compile(r"content.?type|parameter|invalid|unsupported|not acceptable", re.IGNORECASE)
_ABOUT_CREDITS = re.compile(r"credit|balance|spend|fund", re.IGNORECASE)


_SUBJECTS = {
    "submit": "the submit",
    "poll": "the poll of the job",
    "upload": "the upload of the picture",
    "credits": "the request for the credits",
    "history": "the request for the account's history",
    "download": "the download of the picture",
}


def subject_of(call: str) -> str:
    """A kind of call as the subject of a sentence."""
    return _SUBJECTS[call]


def status_error(
    code: int, call: str, *, reason: str = "", request_id: str | None = None, job: SwapJob | None = None
) -> StatusError:
    """The typed error of a response that is no 2xx.

    Args:
        code: The status code.
        call: The kind of call, as a word.
        reason: The reason in the response, as harmless text.
        request_id: The id of the request in the response.
        job: The job that the call was about.
    """
    error_class, advice = _class_of(code, reason, call)
    because = f": {reason}" if reason else ""
    if call == "download":
        # A download carries no key, and uses up no credits.
        advice = ""
    return error_class(
        f"{subject_of(call)} was answered {code}{because}{f' ({advice})' if advice else ''}",
        status_code=code,
        reason=reason,
        request_id=request_id,
        job=job,
    )


def _class_of(code: int, reason: str, call: str) -> tuple[type[StatusError], str]:
    kind = StatusKind.of(code)
    if kind is StatusKind.NOT_FOUND and call == "submit":
        return NotFoundError, "check the workflow's id"
    if kind is StatusKind.NOT_ACCEPTABLE and _OTHER_406.search(reason) and not _ABOUT_CREDITS.search(reason):
        return BadRequestError, ""
    return _ERRORS.get(kind, (BadRequestError, ""))
