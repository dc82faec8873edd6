"""The outcome of one swap of a batch: its state, its value, and its error as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

from ._errors import SwapError
from ._models import SwapJob, SwapRequest, SwapResult, Value

_MAX_BODY_IN_JSON = 64 * 1024


def error_fields(error: SwapError) -> dict[str, Any]:
    """The fields of an error for JSON: its class, its message and its plain attributes, without the job."""
    fields: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    for name, value in vars(error).items():
        if isinstance(value, bytes):
            fields[name] = value[:_MAX_BODY_IN_JSON].decode("latin-1")
        elif isinstance(value, str | int | float | None) and name != "job":
            fields[name] = value
    return fields


def error_of(fields: Mapping[str, Any], job: SwapJob | None = None) -> SwapError:
    """Rebuilds an error from its `error_fields`.

    Raises:
        ValueError: the fields do not describe an error of this package.
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
        problem = str(exc)
    else:
        error.job = job
        return error
    raise ValueError(f"a {cls.__name__} lacks a field: {problem}")


def _with_descendants(cls: type[SwapError]) -> Iterator[type[SwapError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _with_descendants(child)


_CLASSES = {cls.__name__: cls for cls in _with_descendants(SwapError)}


class OutcomeState(StrEnum):
    """The state of a swap of a batch. Outcomes, journals and the command line use the same words."""

    PENDING = "pending"
    """Not sent. Nothing is charged, unless an earlier POST of the swap is in doubt."""
    SENDING = "sending"
    """A POST of a running batch is in flight or in doubt. After a crash, the state becomes UNKNOWN."""
    ACCEPTED = "accepted"
    """Accepted and billed, and not known to be done. The next run of the batch waits for the job."""
    COMPLETED = "completed"
    """Done and paid. The picture is at `result.url`, and not in a file."""
    SAVED = "saved"
    """Done and paid. The picture is in a file."""
    UNREADABLE = "unreadable"
    """Done and billed, but this client cannot read the answer. The next run reads the answer again, free."""
    REJECTED = "rejected"
    """The input cannot be used, or the service refused the swap. Nothing is charged."""
    UNKNOWN = "unknown"
    """The swap may have been accepted and billed. It is never sent again automatically."""
    FAILED = "failed"
    """The service ran the job, and reported that the job failed. Counted as paid."""
    EXPIRED = "expired"
    """Accepted and billed, but the service no longer knows the job."""
    ABANDONED = "abandoned"
    """A person gave the swap up, with `Journal.abandon` or `segmind-swap resolve --abandon`; or the swap of a
    service was cancelled before it was sent."""

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
        """Whether it is unknown if the swap was accepted. SENDING is in doubt once its batch has ended."""
        return self in {OutcomeState.SENDING, OutcomeState.UNKNOWN}

    @property
    def may_cost(self) -> bool:
        """Whether the cost of the swap is still open: its price is reserved, and not settled."""
        return self.is_in_doubt or self.is_waitable or self is OutcomeState.EXPIRED

    @property
    def is_waitable(self) -> bool:
        """Whether the next run waits for the job of the swap, for free."""
        return self in {OutcomeState.ACCEPTED, OutcomeState.UNREADABLE}

    @property
    def needs_pictures(self) -> bool:
        """Whether the pictures of the swap may still have to be sent."""
        return self in {OutcomeState.PENDING, OutcomeState.SENDING}

    @property
    def is_under_way(self) -> bool:
        """Whether the swap has neither a result nor an end."""
        return self.needs_pictures or self is OutcomeState.ACCEPTED

    @property
    def is_resumed(self) -> bool:
        """Whether the next run continues the swap without a submit: it waits, or fetches the picture.

        A SENDING swap belongs to a running batch. After a crash, the next run makes the swap UNKNOWN instead.
        """
        return self.is_waitable or self in {OutcomeState.SENDING, OutcomeState.COMPLETED}

    @property
    def is_retryable(self) -> bool:
        """Whether a run with `retry_failed` submits the swap again, and pays again."""
        return self in {OutcomeState.FAILED, OutcomeState.REJECTED}

    @property
    def is_settled(self) -> bool:
        """Whether a run does not change the swap: only `retry_failed`, or a person, changes its state."""
        return self is not OutcomeState.PENDING and not self.is_resumed

    def needs_submit(self, *, retry_failed: bool = False) -> bool:
        """Whether a run submits the swap."""
        return self is OutcomeState.PENDING or (retry_failed and self.is_retryable)


def _error_from_json(error: object, info: ValidationInfo) -> object:
    if isinstance(error, dict):
        return error_of(cast("dict[str, Any]", error), info.data.get("job"))
    return error


ErrorField = Annotated[
    SwapError,
    BeforeValidator(_error_from_json),
    PlainSerializer(error_fields, return_type=dict[str, Any], when_used="json"),
]
"""An error as a field of a value: in JSON its class, its message and its plain attributes."""


def _known_fields(request: object) -> object:
    """A request that was written with its outcome: a newer version may know more fields."""
    if isinstance(request, dict):
        fields = cast("dict[str, Any]", request)
        return {name: value for name, value in fields.items() if name in SwapRequest.model_fields}
    return request


class SwapOutcome(Value):
    """The outcome of one request of a batch. A failed swap is an outcome, too, and not an exception.

    Attributes:
        request: The request.
        state: The state of the swap.
        job: The job, which was accepted and billed; None if no job is known.
        result: The finished swap; None if the swap is not done.
        error: The error that ended the swap, or that stopped the batch before the swap was sent; None if
            there was no error.
        version: The version of the swap, from 1. `SwapClient.redo` makes the next version.
    """

    request: Annotated[SwapRequest, BeforeValidator(_known_fields)]
    state: OutcomeState
    job: SwapJob | None = None
    result: SwapResult | None = None
    error: ErrorField | None = None
    version: int = 1

    @property
    def ok(self) -> bool:
        """Whether the swap is done without an error. With `save_to`, the picture is in a file."""
        return self.result is not None and self.error is None

    @property
    def path(self) -> Path | None:
        """The file that the picture was saved to; None if it was not saved."""
        return None if self.result is None else self.result.path

    def unwrap(self) -> SwapResult:
        """The finished swap.

        Raises:
            SwapError: the `error` of the outcome; a plain `SwapError` if there is neither error nor result.
        """
        if self.result is None or self.error is not None:
            raise self.error or SwapError("the swap was not done", job=self.job)
        return self.result


class SwapVersion(Value):
    """One version of a swap of a journal, with its money.

    Attributes:
        outcome: The outcome of the version; `outcome.version` is its number.
        is_current: Whether the version is the current one: the latest that is done, else the first.
        certain_usd: What is certainly charged, in USD: the reported cost, or the price of an accepted job.
        at_most_usd: What may be charged at most, in USD, each POST in doubt and each failed run included.
    """

    outcome: SwapOutcome
    is_current: bool
    certain_usd: float
    at_most_usd: float
