"""Settings and their defaults, with the source of each. Times are in seconds, as floats."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias

from ._errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

BASE_URL = "https://api.segmind.com"
UPLOAD_BASE_URL = "https://workflows-api.segmind.com"
"""The host of uploads, by Segmind's SDK 1.3.0. With another base URL, uploads are sent to that base URL."""
HISTORY_BASE_URL = "https://api.spotprod.segmind.com"
"""The host of the account's history, by Segmind's SDK 1.3.0. With another base URL, the base URL is asked."""
WORKFLOW = "678aa4026426baad7e5392fb-v7"
"""AI Character Swap, in version 7, which its API page names."""

PRICE_USD = 0.1522
"""The average cost of one swap in USD, by the workflow's API page."""

MEAN_SECONDS = 71.89
"""The average seconds of one swap from its acceptance until it is done, by the workflow's API page."""

MAX_IN_FLIGHT = 64
MAX_SUBMITTED = 1000
MAX_FUTILE = 5
"""As many as the failures that open the circuit breaker: the next swaps would probably end likewise."""
MAX_FAILED = 20
"""More than `MAX_FUTILE`: the service fails some pictures for reasons of their own."""
TIMEOUT = 900.0
MAX_IMAGE_BYTES = 20_000_000
MAX_PICTURE_BYTES = 64 * 1024 * 1024
"""The largest picture that is downloaded, in bytes."""
MAX_ANSWER_BYTES = 1024 * 1024
"""The largest part of an unreadable answer that is kept, in bytes."""

AuthScheme: TypeAlias = Literal["bearer", "x-api-key"]
Auth: TypeAlias = Literal["auto", "bearer", "x-api-key"]
SubmitPolicy: TypeAlias = Literal["documented", "strict"]


def positive(name: str, value: object, *, zero: bool = False, infinite: bool = False) -> None:
    """Refuses a value that is not a number above zero; `zero` allows zero, `infinite` allows infinity.

    Raises:
        ConfigurationError: the value is refused.
    """
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not (number > 0 or (zero and number == 0)) or (math.isinf(number) and not infinite):
        kind = "a number" if infinite else "a finite number"
        least = "of at least zero" if zero else "above zero"
        raise ConfigurationError(f"`{name}` must be {kind} {least}, not {value!r}")


def whole(name: str, value: object) -> None:
    """Refuses a value that is not a whole number of at least one.

    Raises:
        ConfigurationError: the value is refused.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"`{name}` must be a whole number of at least 1, not {value!r}")


def whole_or_none(name: str, value: object) -> None:
    """As `whole`, but allows None.

    Raises:
        ConfigurationError: the value is refused.
    """
    if value is not None:
        whole(name, value)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuses a word that is not in `allowed`.

    Raises:
        ConfigurationError: the value is refused.
    """
    if value not in allowed:
        raise ConfigurationError(f"`{name}` must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def package_version() -> str:
    """The version of the installed package; "0" for a copy of the source that was never installed."""
    # Imported lazily: few programs ask for the version, and the module is large.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("segmind-swap")
    except PackageNotFoundError:
        return "0"


def checked_key(key: str | None) -> SecretStr:
    """The key, wrapped so that no `repr` shows it. Segmind's documents disagree about its length.

    Raises:
        ConfigurationError: there is no key, or it cannot be the value of a header.
    """
    # Imported lazily: neither policies nor the help of the command line need pydantic.
    from pydantic import SecretStr  # noqa: PLC0415

    if not key:
        raise ConfigurationError(
            "there is no API key: set SEGMIND_API_KEY (or give `api_key`). Segmind's console makes keys; the"
            " emulator takes the key emulator-key"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("the API key holds a space, a line break or a character outside ASCII")
    return SecretStr(key)


def checked_workflow(workflow: str) -> str:
    """Returns the id of a workflow, after a check: the id becomes part of a URL unchanged.

    Raises:
        ConfigurationError: a character has a meaning in a URL.
    """
    if not workflow or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in workflow):
        raise ConfigurationError(f"`workflow` must be an id such as {WORKFLOW!r}, not {workflow!r}")
    return workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests the account may make.

    Segmind's documents disagree (5 to 1000 a minute, by plan). By default the client estimates the limit from
    the 429s that it gets.

    Attributes:
        requests_per_minute: The limit, spread evenly over the minute, which is never exceeded; None for
            unknown.
        start_at: Requests a minute to begin with, such as the `per_minute` of an earlier client's `rate`. It
            is only believed: 429s lower it, and more is tried after a minute. None to begin without a rate.
        count_polls: Whether polls use up the limit, too. Segmind does not publish this, so polls are not
            delayed until 429s show that polls count.
    """

    requests_per_minute: float | None = None
    start_at: float | None = None
    count_polls: bool = False

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "start_at"):
            value = getattr(self, name)
            if value is not None:
                positive(f"RateLimit.{name}", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to repeat a request.

    Attributes:
        attempts: How many POSTs one submit may make. A 429 and a change of the auth scheme do not count. Free
            calls (upload, credits, download) are tried at least five times.
        initial_delay: Seconds. The first backoff is random between zero and `initial_delay`, the next between
            zero and twice `initial_delay`, and so on.
        max_delay: The longest backoff, in seconds.
        submit: What to do after a complete 502, 503 or 504 to a submit. `"documented"`: back off and submit
            again, as Segmind advises. That may charge twice; `SwapJob.possible_duplicates` then counts the
            POSTs in doubt. `"strict"`: raise `SubmissionUnknownError`, and never submit again.
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
    """When to poll a job.

    Attributes:
        interval: Seconds between the response to one poll and the next poll; Segmind asks for about 7 s.
        first_after: Seconds from the acceptance to the first poll, while `learn` has no estimate yet. None
            means one interval. In a batch, None means up to 45 s, or less after a swap was done earlier.
        learn: Whether `wait` delays the first poll once twenty swaps have completed: until the age at which
            one in twenty swaps is done (never less than one interval). The delay saves four polls of ten and
            delays no picture, but an early failure is noticed later. `updates` always uses `first_after`.
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
    """How long one HTTP request may take, in seconds.

    `connect`, `write` and each `…_read` limit one operation on the socket. Each `…_total` limits the whole
    request, even with a transport that ignores the other limits.

    Attributes:
        submit_read: Longer than the usual 60 s of a gateway, so that the client receives the gateway's 504. A
            submit without any response is in doubt and is never repeated.
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
