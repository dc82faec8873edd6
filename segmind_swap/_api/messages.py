"""One request and one response of the API, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from .._models import Call
from .bounded_json import parsed
from .status_errors import StatusKind
from .text import failure_text, readable, request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapUrls:
    """The two pictures of a swap, where the service can fetch them.

    Attributes:
        reference: The URL of the picture of the new character: who goes in.
        scene: The URL of the picture whose character is replaced.
    """

    reference: str
    scene: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, before the key is added.

    Attributes:
        call: The kind of request.
        method: The HTTP method.
        url: The absolute URL.
        body: The JSON document to send, or None.
        swap: The number of the swap, as in its events; None if the request belongs to no swap.
        attempt: Counts the requests of the same call, from 1.
    """

    call: Call
    method: str
    url: str
    body: bytes | None = field(default=None, repr=False)
    swap: int | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response.

    Attributes:
        status_code: The HTTP status code.
        headers: With lower-case names.
        body: Decoded from its transfer and content encodings.
        kind: What the status code means.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    kind: StatusKind = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Once for each response: a response is asked for its kind by every layer.
        object.__setattr__(self, "kind", StatusKind.of(self.status_code))

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.kind is StatusKind.SUCCESS

    @property
    def request_id(self) -> str | None:
        """The `x-request-id` header, if it is usable as an id."""
        return request_id(self.headers.get("x-request-id"))

    @property
    def excerpt(self) -> str:
        """At most 300 harmless characters of the body: the reason in it, or else its text."""
        return failure_text(self.body)

    @property
    def text(self) -> str:
        """At most 300 harmless characters from the beginning of the body."""
        return readable(self.body)

    def json(self) -> object:
        """The body as JSON.

        Raises:
            ValueError: the body is not JSON, is nested absurdly deep, or holds too many values.
        """
        return parsed(self.body)

    def fields(self) -> dict[str, Any] | None:
        """The body as a JSON object; None if the body is anything else."""
        try:
            value = self.json()
        except ValueError:
            return None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoResponse:
    """The end of a request without a complete response.

    Attributes:
        reason: What happened, in words.
        origin: Scheme, host and port that were asked; empty if the request was not sent to any.
        sent: Whether the last byte of the request may have left.
        status_code: The status code, if the response broke off after its head.
        request_id: The `x-request-id` header, likewise.
        is_too_large: Whether a 2xx exceeded the size limit. The same request would do so again.
    """

    reason: str
    sent: bool
    origin: str = ""
    status_code: int | None = None
    request_id: str | None = None
    is_too_large: bool = False
