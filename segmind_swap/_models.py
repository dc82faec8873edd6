"""The values users hold: frozen, comparable, and as JSON for another process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar, Protocol, Self, TypeAlias, cast, runtime_checkable

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PlainSerializer,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ._errors import ConfigurationError, SwapError, error_fields, error_of


@runtime_checkable
class SavableImage(Protocol):
    """What is needed of a `PIL.Image.Image`: Pillow itself is never required."""

    def save(self, fp: BinaryIO, format: str | None = None) -> None:  # noqa: A002 - Pillow's own name
        """Write the picture to `fp` in `format`."""


ImageInput: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | SavableImage
"""A picture: a path, an http(s) URL (a string), bytes, an open binary file, or a PIL image."""


def _path_as_text(image: object) -> object:
    return os.fspath(image) if isinstance(image, os.PathLike) else image


def _text_only(image: object) -> str:
    if isinstance(image, str):
        return image
    raise ValueError(
        f"a picture given as {type(image).__name__} cannot be written as JSON: save it to a file, or upload"
        " it with SwapClient.upload(), and make the request of its path or URL"
    )


_Image = Annotated[
    SkipValidation[ImageInput],
    BeforeValidator(_path_as_text),
    PlainSerializer(_text_only, return_type=str, when_used="json"),
]


class _Value(BaseModel):
    """Frozen, and strict about names."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class SwapRequest(_Value):
    """Two pictures to be made into one.

    Attributes:
        id: The caller's own name for the swap, or None. It appears in events and is never sent.
        reference_character_image: The new character: who goes in.
        character_image: The scene: kept, but for its character, who is replaced.
    """

    id: str | None = None
    reference_character_image: _Image
    character_image: _Image


class SwapState(StrEnum):
    """Where a job is. The last two are final."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether the job will never change again."""
        return self in {SwapState.COMPLETED, SwapState.FAILED}


class SwapOutput(_Value):
    """One item of a finished job, as the server named it.

    Attributes:
        name: The server's `keyname`, or an empty string where it gave none.
        type: `"image"`, `"text"`, … in the server's word; empty where it gave none.
        data: The item itself: a URL for a picture.
    """

    name: str = ""
    type: str = ""
    data: str


class SwapJob(_Value):
    """A swap that the service has accepted, and bills.

    Keep its JSON (`job.model_dump_json()`): any process with the key may `wait` for
    `SwapJob.model_validate_json(text)`. It never holds the key.

    Attributes:
        poll_url: Where its state is asked for, exactly as the server gave it; None only when the server
            answered the submit with the finished result.
        request_id: The server's id, or None if it told none.
        workflow: The id of the workflow it runs.
        submitted_at: When the acceptance was read here, by this machine's clock, in UTC.
        possible_duplicates: How many earlier POSTs of the same swap may have been accepted as well.
        outputs: What an immediately finished job returned; empty otherwise.
    """

    poll_url: str | None
    request_id: str | None = None
    workflow: str
    submitted_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    possible_duplicates: int = Field(default=0, ge=0)
    outputs: tuple[SwapOutput, ...] = ()

    @model_validator(mode="after")
    def _can_be_waited_for(self) -> Self:
        if self.poll_url is None and not self.outputs:
            raise ValueError("a job has a poll_url, or the outputs of a run that was done at once")
        return self

    @property
    def name(self) -> str:
        """What to call the job in a message: the request id, else the poll URL."""
        name = self.request_id or self.poll_url or "(finished at once)"
        return name if name.isprintable() else ascii(name)[1:-1]


class SwapStatus(_Value):
    """What one poll told.

    Attributes:
        state: The state; a word this client does not know counts as PROCESSING.
        raw: The server's own word, as sent; empty if it sent none.
        url: The picture of a COMPLETED job; None before.
        outputs: The items of a COMPLETED job, in the server's order.
        reason: Why a FAILED job failed, in the server's words.
        cost_usd: What the run cost, if the answer says so.
    """

    state: SwapState
    raw: str = ""
    url: str | None = None
    outputs: tuple[SwapOutput, ...] = ()
    reason: str = ""
    cost_usd: float | None = None


class SwapResult(_Value):
    """A finished swap.

    Attributes:
        job: The job it came from.
        url: The picture. Public, no key needed; the service deletes it after about 7 days.
        outputs: All items the job returned, in the server's order.
        seconds: From the acceptance to the answer that told the end.
        cost_usd: What the run cost, if the service said so.
        path: The file it was saved to by `swap(save_to=…)`; None otherwise.
    """

    job: SwapJob
    url: str
    outputs: tuple[SwapOutput, ...]
    seconds: float
    cost_usd: float | None = None
    path: Path | None = None


class OutcomeState(StrEnum):
    """Where a swap of a batch is: the same words in outcomes, in a journal and on the command line."""

    PENDING = "pending"
    """Not sent. Nothing is charged."""
    SENDING = "sending"
    """Only in the journal of a batch at work: it is on its way. After a crash it becomes UNKNOWN."""
    ACCEPTED = "accepted"
    """Accepted and billed, and not known to be done: it is waited for when the batch runs again."""
    COMPLETED = "completed"
    """Done and paid; its picture is at `result.url`, and not in a file."""
    SAVED = "saved"
    """Done and paid; its picture is in a file."""
    REJECTED = "rejected"
    """The input or the service's answer rules it out. Nothing is charged."""
    UNKNOWN = "unknown"
    """It may have been accepted and billed. It is never sent again by itself."""
    FAILED = "failed"
    """The service ran it, and it brought no picture."""
    EXPIRED = "expired"
    """It was accepted, and the service no longer knows it."""
    ABANDONED = "abandoned"
    """Somebody gave it up by hand."""


def _error_from_json(error: object, info: ValidationInfo) -> object:
    if isinstance(error, dict):
        return error_of(cast("dict[str, Any]", error), info.data.get("job"))
    return error


_Error = Annotated[
    SwapError,
    BeforeValidator(_error_from_json),
    PlainSerializer(error_fields, return_type=dict[str, Any], when_used="json"),
]


class SwapOutcome(_Value):
    """What became of one request of a batch. A failed swap is a value, too.

    Attributes:
        request: The request.
        state: How far it came.
        job: The accepted job, if there is one: it was billed, and can be waited for.
        result: The finished swap, if it is finished.
        error: What it ended in, if it is not well.
    """

    request: SwapRequest
    state: OutcomeState
    job: SwapJob | None = None
    result: SwapResult | None = None
    error: _Error | None = None

    @property
    def ok(self) -> bool:
        """Whether the picture is there, where it was wanted."""
        return self.result is not None and self.error is None

    @property
    def path(self) -> Path | None:
        """The file it was saved to, if it was."""
        return None if self.result is None else self.result.path

    def unwrap(self) -> SwapResult:
        """The finished swap.

        Raises:
            SwapError: what it ended in instead.
        """
        if self.result is None or self.error is not None:
            raise self.error or SwapError("the swap was not done", job=self.job)
        return self.result


class Credits(_Value):
    """What is left on the account, in USD.

    Attributes:
        credits: Bought credits.
        free_credits: Credits given away.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    credits: FiniteFloat
    free_credits: FiniteFloat = Field(default=0.0, alias="free-credits")


def request_of(values: Mapping[str, Any]) -> SwapRequest:
    """A `SwapRequest`, with a mistake in it told as a `ConfigurationError`."""
    try:
        return SwapRequest(**values)
    except ValidationError as exc:
        complaint = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
    raise ConfigurationError(f"not a swap request: {complaint}")
