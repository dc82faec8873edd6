"""The points that Segmind's documents leave open or contradict each other about, each as a named choice."""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin, get_type_hints

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

UrlSpelling = Literal["plain", "unencoded"]
"""How the URLs of jobs and pictures are written.

"unencoded": with a blank and letters that are not ASCII in the path, which a client has to percent-encode.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The choices of an emulator. `Emulator` explains each of them.

    Raises:
        ValueError: a value is not allowed; the message lists the allowed values.
    """

    poll_path: PollPath = "/workflows/request"
    acceptance: Acceptance = "full"
    state_words: StateWords = "documented"
    output: OutputShape = "json-list"
    failure: FailureShape = "error"
    failed_status: Literal[200, 422] = 200
    no_credits_status: Literal[402, 406] = 406
    reset_format: ResetFormat = "iso"
    upload_field: UploadField = "file_urls"
    upload_limit_bytes: int = 20 * 1024 * 1024
    gateway_bills: bool = False
    metrics: bool = False
    lists_history: bool = True
    urls: UrlSpelling = "plain"

    def __post_init__(self) -> None:
        types = get_type_hints(type(self))
        for field in fields(self):
            allowed = get_args(types[field.name]) if get_origin(types[field.name]) is Literal else ()
            value = getattr(self, field.name)
            if allowed and value not in allowed:
                raise ValueError(
                    f"`{field.name}` must be one of {', '.join(map(str, allowed))}, not {value!r}"
                )
        if self.upload_limit_bytes < 1:
            raise ValueError(f"`upload_limit_bytes` must be at least 1, not {self.upload_limit_bytes!r}")
