"""What can be set, with its defaults and where each comes from. Seconds are floats."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias

from ._errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

BASE_URL = "https://api.segmind.com"
UPLOAD_BASE_URL = "https://workflows-api.segmind.com"
"""Uploads have a host of their own in Segmind's SDK 1.3.0; a changed base URL moves them along."""
WORKFLOW = "678aa4026426baad7e5392fb-v7"
"""AI Character Swap, in the published version 7 that its API page names."""

PRICE_USD = 0.1522
"""What a swap costs on average, by the workflow's API page."""

MAX_IN_FLIGHT = 64
TIMEOUT = 900.0
MAX_IMAGE_BYTES = 20_000_000
MAX_PICTURE_BYTES = 64 * 1024 * 1024
"""The largest result that is fetched."""

AuthScheme: TypeAlias = Literal["bearer", "x-api-key"]
Auth: TypeAlias = Literal["auto", "bearer", "x-api-key"]
SubmitPolicy: TypeAlias = Literal["documented", "strict"]


def positive(name: str, value: object, *, zero: bool = False, infinite: bool = False) -> None:
    """Refuse a number that is not above zero (or zero itself, where `zero` allows it)."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not (number > 0 or (zero and number == 0)) or (math.isinf(number) and not infinite):
        kind = "a number" if infinite else "a finite number"
        least = "of at least zero" if zero else "above zero"
        raise ConfigurationError(f"{name} must be {kind} {least}, not {value!r}")


def whole(name: str, value: object) -> None:
    """Refuse anything but a whole number of at least one."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is not in `allowed`."""
    if value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def checked_key(key: str | None) -> SecretStr:
    """The key, wrapped so that no repr shows it. Its length is not judged: documents disagree about it."""
    from pydantic import SecretStr  # noqa: PLC0415 - settings alone, and the command line's help, do without

    if not key:
        raise ConfigurationError(
            "there is no API key: set SEGMIND_API_KEY, or give SwapClient(api_key=…). Segmind's console makes"
            " keys; the emulator (`segmind-swap emulator`) takes the key emulator-key"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("the API key holds a space, a line break or a character outside ASCII")
    return SecretStr(key)


def checked_workflow(workflow: str) -> str:
    """The id of a workflow, which goes into a URL as it is."""
    if not workflow or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in workflow):
        raise ConfigurationError(f"workflow must be an id such as {WORKFLOW!r}, not {workflow!r}")
    return workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests the account may make.

    Segmind's documents disagree (5 to 1000 a minute by plan), so the default is to learn it from 429s.

    Attributes:
        requests_per_minute: Spread evenly over the minute; None for unknown.
        count_polls: Whether polls use up the limit too. Unpublished; polls are not held back by default.
    """

    requests_per_minute: float | None = None
    count_polls: bool = False

    def __post_init__(self) -> None:
        if self.requests_per_minute is not None:
            positive("RateLimit.requests_per_minute", self.requests_per_minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again.

    Attributes:
        attempts: POSTs in all for one submit; a 429 and a change of the auth scheme are not counted. Free
            calls (upload, credits, download) are tried at least five times.
        initial_delay: The first backoff is drawn from zero to this, the next from zero to its double, …
        max_delay: … and never from beyond this.
        submit: What a complete 502, 503 or 504 to a submit means. `"documented"`: back off and submit
            again, as Segmind advises, which may pay twice; the job then says so in `possible_duplicates`.
            `"strict"`: never send it again, raise `SubmissionUnknownError`.
    """

    attempts: int = 3
    initial_delay: float = 1.0
    max_delay: float = 30.0
    submit: SubmitPolicy = "documented"

    def __post_init__(self) -> None:
        whole("RetryPolicy.attempts", self.attempts)
        positive("RetryPolicy.initial_delay", self.initial_delay, zero=True)
        positive("RetryPolicy.max_delay", self.max_delay, zero=True)
        one_of("RetryPolicy.submit", self.submit, ("documented", "strict"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """When to look.

    Attributes:
        interval: Between the answer to one poll and the next; Segmind asks for about 7 s.
        first_after: From the acceptance to the first poll, as long as nothing better was learnt. None for one
            interval; in a batch, for up to 45 s, or less as soon as a swap was done earlier.
        learn: From twenty completed swaps on, `wait` looks first at the age that one in twenty does not reach
            (never before one interval). That saves four polls of ten and finds a picture no later; a failure
            that comes early is found later. `updates` always begins after `first_after`.
    """

    interval: float = 7.0
    first_after: float | None = None
    learn: bool = True

    def __post_init__(self) -> None:
        positive("PollPolicy.interval", self.interval)
        if self.first_after is not None:
            positive("PollPolicy.first_after", self.first_after, zero=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTimeouts:
    """How long one HTTP attempt may take.

    `connect`, `write` and each `…_read` bound one operation on the socket; each `…_total` bounds the attempt
    as a whole and holds even with a transport that ignores the others.

    Attributes:
        submit_read: Longer than the usual 60 s of a gateway, so that its 504 arrives as an answer and
            not as an unknown outcome.
    """

    connect: float = 5.0
    write: float = 30.0
    submit_read: float = 90.0
    submit_total: float = 180.0
    poll_read: float = 10.0
    poll_total: float = 20.0
    upload_read: float = 60.0
    upload_total: float = 180.0
    download_read: float = 30.0
    download_total: float = 300.0

    def __post_init__(self) -> None:
        for field in fields(self):
            positive(f"RequestTimeouts.{field.name}", getattr(self, field.name))
