"""The points that Segmind's documents leave open or contradict each other about, each as a named choice."""

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_type_hints

AuthScheme = Literal["bearer", "x-api-key", "both"]
"""The header in which submit and poll accept the key."""

PollPath = Literal["/workflows/request", "/requests", "/v1/requests"]
"""The path under which a job is polled. All three paths have been seen."""

Acceptance = Literal["full", "minimal", "v2"]
"""The fields of the response to an accepted submit.

"full": the four fields that have been seen. "minimal": only ``poll_url``, the documented field. "v2": those
of the newer API, with ``status_url`` and ``response_url``.
"""

StateWords = Literal["documented", "lower-case", "aliases", "unknown", "unknown-end"]
"""The words for a job's state.

"documented": QUEUED, PROCESSING, COMPLETED and FAILED. "lower-case": the same in lower case. "aliases":
SUCCEEDED and ERROR at the end. "unknown": WARMING_UP for as long as the job runs. "unknown-end": DONE at
the end of a job that went well.
"""

OutputShape = Literal[
    "json-list",
    "list",
    "json-object",
    "object",
    "url",
    "json-url",
    "urls",
    "outputs",
    "top-level",
    "bare-values",
    "data-lists",
    "nothing",
]
"""How a completed job names its picture.

With "nothing" the job is completed and billed, and names no picture.
"""

FailureShape = Literal["error", "error_message", "object", "list", "bare"]
"""Where a failed job names its reason.

"error" and "error_message": as text under this key. "object" and "list": in an object or a list under
``error_message``. "bare": nowhere.
"""

ResetFormat = Literal["iso", "space", "epoch-s", "epoch-ms", "retry-after", "none"]
"""How a 429 says when the next window starts.

"iso", "space", "epoch-s" and "epoch-ms": the header ``x-rate-limit-reset-at-utc`` as ISO 8601, as
``YYYY-MM-DD HH:MM:SS``, in seconds or in milliseconds since 1970. "retry-after": the header ``Retry-After``
in seconds. "none": no header.
"""

UploadField = Literal["file_urls", "urls"]
"""The key of the URLs in the response to an upload: that of the SDK, or that of the documents."""

HistoryPage = Literal["data", "list", "requests", "nested"]
"""What a page of the history looks like.

"data": an object with the rows under ``data``, and their ``total``. "list": the rows alone. "requests": an
object with the rows under ``requests``, without a total. "nested": an object in ``data``, with ``items``.
"""

HistoryRow = Literal["documented", "camel", "text", "poll", "status-url", "bare"]
"""What a row of the history looks like.

"documented": the fields that Segmind's SDK names. "camel": the same in camel case, with other words for
the states. "text": the inputs and outputs as JSON in a string. "poll": with the ``poll_url``. "status-url":
with a ``status_url``. "bare": the id, the time, the state and the inputs only.
"""

HistoryTime = Literal["iso", "space", "epoch-s", "epoch-ms", "none"]
"""How a row of the history says when the job was accepted. "none": not at all."""

HistoryPages = Literal["numbered", "repeated"]
"""What further pages of the history are. "repeated": the first page again, whatever page is asked for."""

UrlSpelling = Literal["plain", "unencoded"]
"""How the URLs of jobs and pictures are written.

"unencoded": with a blank and letters that are not ASCII in the path, which a client has to percent-encode.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The switches of an emulator: each decides one open point. `Emulator` explains the values.

    This is the only table of the switches: the command line and the tests read it.

    Raises:
        ValueError: a value is not allowed; the message lists the allowed values.
    """

    auth: AuthScheme = field(
        default="both", metadata={"decides": "the header in which submit and poll take the key"}
    )
    acceptance: Acceptance = field(default="full", metadata={"decides": "what an accepted submit answers"})
    poll_path: PollPath = field(
        default="/workflows/request", metadata={"decides": "the path of the poll_url"}
    )
    state_words: StateWords = field(default="documented", metadata={"decides": "the words for a job's state"})
    output: OutputShape = field(
        default="json-list", metadata={"decides": "how a completed job names its picture"}
    )
    failure: FailureShape = field(
        default="error", metadata={"decides": "where a failed job gives its reason"}
    )
    failed_status: Literal[200, 422] = field(
        default=200, metadata={"decides": "the HTTP status of a poll that finds a job failed"}
    )
    metrics: bool = field(default=False, metadata={"decides": "whether the end of a job says what it cost"})
    refund_failed: bool = field(
        default=False, metadata={"decides": "whether a failed job gives its price back"}
    )
    gateway_bills: bool = field(
        default=False, metadata={"decides": "whether a submit behind a 502, 503 or 504 is billed"}
    )
    count_polls: bool = field(default=False, metadata={"decides": "whether polls use up the rate limit"})
    reset_format: ResetFormat = field(
        default="iso", metadata={"decides": "how a 429 says when to send again"}
    )
    no_credits_status: Literal[402, 406] = field(
        default=406, metadata={"decides": "the answer to a submit that the account cannot pay"}
    )
    record_lifetime: float = field(
        default=3600.0, metadata={"decides": "for how many seconds a job can be polled; then 404"}
    )
    upload_field: UploadField = field(
        default="file_urls", metadata={"decides": "the key of the URLs in the answer to an upload"}
    )
    upload_limit_bytes: int = field(
        default=20 * 1024 * 1024, metadata={"decides": "the largest picture that can be uploaded, in bytes"}
    )
    lists_history: bool = field(default=True, metadata={"decides": "whether the history lists workflow runs"})
    history_page: HistoryPage = field(
        default="data", metadata={"decides": "what a page of the history looks like"}
    )
    history_row: HistoryRow = field(
        default="documented", metadata={"decides": "what a row of the history looks like"}
    )
    history_time: HistoryTime = field(
        default="iso", metadata={"decides": "how a row of the history says its time"}
    )
    history_pages: HistoryPages = field(
        default="numbered", metadata={"decides": "what further pages of the history are"}
    )
    history_page_size: int = field(
        default=100, metadata={"decides": "the most rows that a page of the history has"}
    )
    history_delay: float = field(
        default=0.0, metadata={"decides": "for how many seconds a job is not in the history yet"}
    )
    urls: UrlSpelling = field(
        default="plain", metadata={"decides": "how the URLs of jobs and pictures are written"}
    )

    def __post_init__(self) -> None:
        for switch in fields(self):
            allowed, value = allowed_values(switch.name), getattr(self, switch.name)
            if allowed and value not in allowed:
                words = ", ".join(map(str, allowed))
                raise ValueError(f"`{switch.name}` must be one of {words}, not {value!r}")
        if self.upload_limit_bytes < 1:
            raise ValueError(f"`upload_limit_bytes` must be at least 1, not {self.upload_limit_bytes!r}")
        if self.history_page_size < 1:
            raise ValueError(f"`history_page_size` must be at least 1, not {self.history_page_size!r}")
        if not 0 <= self.history_delay < math.inf:
            raise ValueError(f"`history_delay` must be a number of at least 0, not {self.history_delay!r}")
        if not 0 <= self.record_lifetime < math.inf:
            raise ValueError(
                f"`record_lifetime` must be a number of at least 0, not {self.record_lifetime!r}"
            )


def allowed_values(name: str) -> tuple[Any, ...]:
    """The values of a switch that is a choice of a few; empty for a number."""
    kind = get_type_hints(Contract)[name]
    return (True, False) if kind is bool else get_args(kind)
