"""What became of one swap of a batch: its state, its value, and errors as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

from ._errors import SwapError
from ._models import SwapJob, SwapRequest, SwapResult, Value


def error_fields(error: SwapError) -> dict[str, Any]:
    """What is worth keeping of an error as JSON: its class, its message, its plain attributes."""
    fields: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    for name, value in vars(error).items():
        if isinstance(value, bytes):
            fields[name] = value.decode("latin-1")
        elif isinstance(value, str | int | float | None) and name != "job":
            fields[name] = value
    return fields


def error_of(fields: Mapping[str, Any], job: SwapJob | None = None) -> SwapError:
    """The error of which `error_fields` were kept.

    Raises:
        ValueError: they are no error's.
    """
    cls = _CLASSES.get(str(fields.get("error")))
    if cls is None or not isinstance(fields.get("message"), str):
        raise ValueError(f"{fields.get('error')!r} is no error of this package")
    known = signature(cls).parameters.keys() - {"message", "job"}
    values = {name: value for name, value in fields.items() if name in known}
    if "body" in values:
        values["body"] = str(values["body"]).encode("latin-1", "replace")
    try:
        error = cls(fields["message"], **values)
    except TypeError as exc:
        complaint = str(exc)
    else:
        error.job = job
        return error
    raise ValueError(f"a {cls.__name__} lacks something: {complaint}")


def _with_descendants(cls: type[SwapError]) -> Iterator[type[SwapError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _with_descendants(child)


_CLASSES = {cls.__name__: cls for cls in _with_descendants(SwapError)}


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

    @property
    def is_done(self) -> bool:
        """Whether the swap is done and paid: its result is known."""
        return self in {OutcomeState.COMPLETED, OutcomeState.SAVED}

    @property
    def is_free(self) -> bool:
        """Whether nothing is charged, unless an earlier POST of the swap is in doubt."""
        return self in {OutcomeState.PENDING, OutcomeState.REJECTED}

    @property
    def is_in_doubt(self) -> bool:
        """Whether nobody knows if the swap was accepted. SENDING is so once no batch is at work."""
        return self in {OutcomeState.SENDING, OutcomeState.UNKNOWN}

    @property
    def may_cost(self) -> bool:
        """Whether it is still open what the swap costs: its price is reserved, and not spent."""
        return self.is_in_doubt or self in {OutcomeState.ACCEPTED, OutcomeState.EXPIRED}

    @property
    def is_waitable(self) -> bool:
        """Whether the next run waits for the job of the swap, for free."""
        return self is OutcomeState.ACCEPTED

    @property
    def is_resumed(self) -> bool:
        """Whether the next run continues the swap without a submit: it waits, or fetches the picture.

        A swap that is SENDING belongs to a batch at work. After a crash it becomes UNKNOWN instead.
        """
        return self in {OutcomeState.SENDING, OutcomeState.ACCEPTED, OutcomeState.COMPLETED}

    @property
    def is_retryable(self) -> bool:
        """Whether a run with `retry_failed` submits the swap again, and pays again."""
        return self in {OutcomeState.FAILED, OutcomeState.REJECTED}

    @property
    def is_settled(self) -> bool:
        """Whether a run leaves the swap as it is: only `retry_failed`, or a person, changes it."""
        return self is not OutcomeState.PENDING and not self.is_resumed

    def needs_submit(self, *, retry_failed: bool = False) -> bool:
        """Whether a run submits the swap."""
        return self is OutcomeState.PENDING or (retry_failed and self.is_retryable)


def _error_from_json(error: object, info: ValidationInfo) -> object:
    if isinstance(error, dict):
        return error_of(cast("dict[str, Any]", error), info.data.get("job"))
    return error


_Error = Annotated[
    SwapError,
    BeforeValidator(_error_from_json),
    PlainSerializer(error_fields, return_type=dict[str, Any], when_used="json"),
]


class SwapOutcome(Value):
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
