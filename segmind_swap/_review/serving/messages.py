"""A request to the review server, and a response of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. Names of headers are in lower case; of a header that comes twice, the last value counts."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def segments(self) -> list[str]:
        """The parts of the path. They are compared with known words and numbers, and never become a path."""
        return self.target.partition("?")[0].strip("/").split("/")

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response. The body is bytes, or a file."""

    status: int = 200
    media_type: str = "text/plain; charset=utf-8"
    body: bytes | Path = b""
    headers: Mapping[str, str] = field(default_factory=dict)
