"""One request and one response of the API, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from .._models import Call
from .bounded_json import parsed
from .text import failure_text, readable, request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, before it has a key.

    Attributes:
        body: The JSON document to send, or None.
    """

    call: Call
    method: str
    url: str
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete answer.

    Attributes:
        headers: With lower-case names.
        body: Decoded from its transfer and content encodings.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def request_id(self) -> str | None:
        """The `x-request-id` header, if it is an id."""
        return request_id(self.headers.get("x-request-id"))

    @property
    def excerpt(self) -> str:
        """At most 300 harmless characters of the body: the reason it gives, or else its text."""
        return failure_text(self.body)

    @property
    def text(self) -> str:
        """At most 300 harmless characters of the body as it is."""
        return readable(self.body)

    def json(self) -> object:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON, is nested absurdly deep, holds too much, or is not UTF-8.
        """
        return parsed(self.body)

    def fields(self) -> dict[str, Any] | None:
        """The body as a JSON object; None if it is anything else."""
        try:
            value = self.json()
        except ValueError:
            return None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoResponse:
    """No complete answer came.

    Attributes:
        reason: What happened, in words.
        sent: Whether the last byte of the request may have left.
        status_code: The status, where the answer broke off after its head.
        request_id: The `x-request-id` header, likewise.
    """

    reason: str
    sent: bool
    status_code: int | None = None
    request_id: str | None = None
