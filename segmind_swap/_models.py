"""The values users hold: frozen, comparable, and as JSON for another process."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PlainSerializer,
    SkipValidation,
    model_validator,
)


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


class Value(BaseModel):
    """Frozen, and strict about names."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Call(StrEnum):
    """The kinds of request."""

    SUBMIT = "submit"
    POLL = "poll"
    UPLOAD = "upload"
    CREDITS = "credits"
    DOWNLOAD = "download"


class SwapRequest(Value):
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


class SwapOutput(Value):
    """One item of a finished job, as the server named it.

    Attributes:
        name: The server's `keyname`, or an empty string where it gave none.
        type: `"image"`, `"text"`, … in the server's word; empty where it gave none.
        data: The item itself: a URL for a picture.
    """

    name: str = ""
    type: str = ""
    data: str


class SwapJob(Value):
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


class SwapStatus(Value):
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


class SwapResult(Value):
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


class Credits(Value):
    """What is left on the account, in USD.

    Attributes:
        credits: Bought credits.
        free_credits: Credits given away.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    credits: FiniteFloat
    free_credits: FiniteFloat = Field(default=0.0, alias="free-credits")
