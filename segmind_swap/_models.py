"""The values of the public API: frozen, comparable, and written as JSON for another process."""

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
    """The one method of a `PIL.Image.Image` that the client calls. Pillow itself is not required."""

    def save(self, fp: BinaryIO, format: str | None = None) -> None:  # noqa: A002 - Pillow's own name
        """Writes the image to `fp` in `format`."""


@runtime_checkable
class ReadableFile(Protocol):
    """The one method of an open binary file that the client calls."""

    def read(self, size: int, /) -> bytes:
        """Reads at most `size` bytes."""


ImageInput: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | ReadableFile | SavableImage
"""An image: a path, an http(s) URL (a string), bytes, an open binary file, or a PIL image."""


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
    """The base of the public values: frozen. Fields that a newer version may have written are ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class Call(StrEnum):
    """The kinds of request."""

    SUBMIT = "submit"
    POLL = "poll"
    UPLOAD = "upload"
    CREDITS = "credits"
    HISTORY = "history"
    DOWNLOAD = "download"


class SwapRequest(Value):
    """One swap to make. A user makes the value, so an unknown field is refused: its name may be misspelt.

    Attributes:
        id: The caller's name for the swap, or None. It appears in events and is never sent.
        reference_character_image: The reference: the picture of who goes in.
        character_image: The scene: the picture whose character is replaced.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str | None = None
    reference_character_image: _Image
    character_image: _Image


class RedoRequest(Value):
    """One swap to make again, for `SwapClient.redo`. An unknown field is refused, as in a `SwapRequest`.

    Attributes:
        id: The id of the swap in the journal.
        version: The version that is made again. It is named, so that the same redo, when it is run again
            after a crash, makes no further version.
        reference_character_image: The reference; None for that of the version which is made again.
        character_image: The scene; None for that of the version which is made again.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    version: int = Field(default=1, ge=1)
    reference_character_image: _Image | None = None
    character_image: _Image | None = None


class SwapState(StrEnum):
    """The state of a job. COMPLETED and FAILED are final."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether the state will never change again."""
        return self in {SwapState.COMPLETED, SwapState.FAILED}


class SwapOutput(Value):
    """One item of the output of a finished job, as the server names it.

    Attributes:
        name: The server's `keyname`, or the key of the output in a JSON object; empty if there is none.
        type: The server's word, such as `"image"` or `"text"`; empty if there is none.
        data: The item itself; for a picture, its URL.
    """

    name: str = ""
    type: str = ""
    data: str


class SwapJob(Value):
    """A swap that the service has accepted, and charges for.

    Keep its JSON (`job.model_dump_json()`): any process with the key may `wait` for
    `SwapJob.model_validate_json(text)`. It never contains the key.

    Attributes:
        poll_url: The URL to poll, as the server gave it, percent-encoded; None only if the response to the
            submit was the finished result.
        request_id: The server's id; None if the server gave none.
        workflow: The id of the workflow.
        submitted_at: When the client received the acceptance, by this machine's clock, in UTC.
        possible_duplicates: How many earlier POSTs of the same swap may have been accepted, and charged, too.
        outputs: The output of a job that finished at once; else empty.
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
            raise ValueError("a job has a poll URL, or the outputs of a run that was done at once")
        return self

    @property
    def name(self) -> str:
        """The name of the job in messages: the request id, else the poll URL."""
        name = self.request_id or self.poll_url or "(finished at once)"
        return name if name.isprintable() else ascii(name)[1:-1]


class SwapStatus(Value):
    """The state of a job, as one poll returned it.

    Attributes:
        state: The state; a word that this client does not know counts as PROCESSING.
        raw: The server's word, as at most 300 visible characters; empty if the server sent none.
        url: The URL of a COMPLETED job's picture; else None.
        outputs: The items of a COMPLETED job, in the server's order.
        reason: Why a FAILED job failed: the server's text, at most 300 characters, without markup. Also the
            text that the server sent with a word that this client does not know.
        cost_usd: The cost of the run in USD; None if the response does not name the cost.
    """

    state: SwapState
    raw: str = ""
    url: str | None = None
    outputs: tuple[SwapOutput, ...] = ()
    reason: str = ""
    cost_usd: float | None = None

    @property
    def note(self) -> str:
        """The server's word and text, if this client does not know the word; else empty."""
        if self.state is not SwapState.PROCESSING or self.raw.strip().upper() == SwapState.PROCESSING:
            return ""
        return ": ".join(filter(None, (self.raw, self.reason)))


class SwapResult(Value):
    """A finished swap.

    Attributes:
        job: The job.
        url: The URL of the picture. No key is needed; the service deletes the picture after about 7 days.
        outputs: All items of the job's output, in the server's order.
        seconds: Seconds from the acceptance to the poll that returned the final state. The job took at most
            so long; if `wait` began late, it may have been done long before.
        least_seconds: Seconds from the acceptance to the last poll that found the job still running; 0.0 if
            no poll did. The job took at least so long.
        cost_usd: The cost of the run in USD; None if the service did not report the cost.
        path: The file that the picture was saved to, by `save_to`; else None.
        copy_of: The id of the swap that was paid for, if this is a copy of its result: a batch with
            `once_per_picture` pays for equal pictures once. A copy costs nothing, and `job` is the job of the
            swap that was paid for. None for a swap of its own.
    """

    job: SwapJob
    url: str
    outputs: tuple[SwapOutput, ...]
    seconds: float
    least_seconds: float = 0.0
    cost_usd: float | None = None
    path: Path | None = None
    copy_of: str | None = None


class Credits(Value):
    """The credits of the account, in USD.

    Attributes:
        credits: Credits that were bought, in USD.
        free_credits: Credits that were a gift of the service, in USD.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)

    credits: FiniteFloat
    free_credits: FiniteFloat = Field(default=0.0, alias="free-credits")


_Seconds = Annotated[FiniteFloat, Field(ge=0.0)]
_PerMinute = Annotated[FiniteFloat, Field(gt=0.0)]


class Rate(Value):
    """What a client believes of the account's rate limit. Segmind does not publish the limit.

    Attributes:
        per_minute: The believed limit in requests a minute; None while it is unknown.
        trying: How many requests a minute leave now, with what is tried above `per_minute`; None for as many
            as wait.
        is_guess: Whether the rate is only a first guess, which no 429 has confirmed.
        stage: `"unknown"`; `"hold"` for the believed rate; `"lean"` for a minute of a little more; `"grow"`
            for more and more, until a 429.
        next_try_in: Seconds until a little more is tried, if other requests wait then; None if more is tried
            already, or if nothing is known.
        closed_for: Seconds until submits may leave after a 429; 0.0 if they may leave.
        count_polls: Whether polls are believed to use up the limit, too.
        count_polls_for: Seconds that this belief still lasts; None if the user has said so, or without it.
        limited_ago: Seconds since the last 429; None if there was none.
        reason: Why the rate last changed; empty if it never did.
    """

    per_minute: _PerMinute | None = None
    trying: _PerMinute | None = None
    is_guess: bool = False
    stage: str = "unknown"
    next_try_in: _Seconds | None = None
    closed_for: _Seconds = 0.0
    count_polls: bool = False
    count_polls_for: _Seconds | None = None
    limited_ago: _Seconds | None = None
    reason: str = ""

    @property
    def belief(self) -> str:
        """What is believed, and why, in words: `60/min, found by a 429`. True until the belief changes."""
        if self.per_minute is None:
            words = "no limit found yet"
        elif self.is_guess:
            words = f"{_minutely(self.per_minute)} as a first guess"
        else:
            words = _minutely(self.per_minute)
        if self.reason:
            words += f", {self.reason}"
        if self.count_polls and "polls" not in self.reason:
            words += "; polls count, too"
        return words

    def __str__(self) -> str:
        if self.closed_for >= 1.0:
            doing = f"; a 429 holds submits back for {self.closed_for:.0f} s"
        elif self.per_minute is None or self.trying is None:
            doing = ""
        elif self.stage in {"lean", "grow"}:
            doing = f"; trying {_minutely(self.trying)}"
        elif self.next_try_in is not None and self.next_try_in >= 1.0:
            doing = f"; next try of more in {self.next_try_in:.0f} s"
        else:
            doing = ""
        return self.belief + doing


def _minutely(rate: float) -> str:
    return f"{rate:,.0f}/min" if rate >= 10.0 else f"{rate:.3g}/min"


class LearnedRate(Value):
    """What a client has learned of the account's rate limit, as a journal keeps it for the next run.

    Attributes:
        rate: What was believed. Its times count from the moment at which it was kept.
        age: Seconds since that moment, by the clock of this machine.
        is_same_key: Whether that client had the same API key; None if this is not known.
    """

    rate: Rate
    age: _Seconds
    is_same_key: bool | None = None
