"""What Segmind's documents leave open, or contradict each other about, each as a choice with a name."""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin, get_type_hints

PollPath = Literal["/workflows/request", "/requests", "/v1/requests"]
"""Where a job is polled; all three have been seen."""

Acceptance = Literal["full", "minimal", "v2"]
"""What an accepted submit answers: all four fields seen; only ``poll_url``, the one that is promised; or the
newer API's, with ``status_url`` and ``response_url`` beside it."""

StateWords = Literal["documented", "lower-case", "aliases", "unknown"]
"""The words for a job's state: QUEUED, PROCESSING, COMPLETED and FAILED; the same in lower case; SUCCEEDED
and ERROR at the end; or WARMING_UP for as long as the job runs."""

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
"""How a completed job names its picture; "nothing" completes, and is billed, without naming one."""

FailureShape = Literal["error", "error_message", "object", "list", "bare"]
"""Where a failed job tells its reason: the text under one of two keys, an object or a list under
``error_message``, or nowhere."""

ResetFormat = Literal["iso", "space", "epoch-s", "epoch-ms", "retry-after", "none"]
"""How a 429 tells when to come again: ``x-rate-limit-reset-at-utc`` as ISO 8601, as
``YYYY-MM-DD HH:MM:SS``, in seconds or in milliseconds since 1970; ``Retry-After`` in seconds; or not."""

UploadField = Literal["file_urls", "urls"]
"""The key under which an upload answers its URLs: the SDK's or the documents'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The emulator's choices; each is explained where users meet it, at `Emulator`.

    Raises:
        ValueError: a value is none of those allowed; the message lists them.
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

    def __post_init__(self) -> None:
        types = get_type_hints(type(self))
        for field in fields(self):
            allowed = get_args(types[field.name]) if get_origin(types[field.name]) is Literal else ()
            value = getattr(self, field.name)
            if allowed and value not in allowed:
                raise ValueError(f"{field.name} must be one of {', '.join(map(str, allowed))}, not {value!r}")
        if self.upload_limit_bytes < 1:
            raise ValueError(f"upload_limit_bytes must be at least 1, not {self.upload_limit_bytes!r}")
