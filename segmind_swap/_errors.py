"""The tree of errors.

SwapError
├── ConfigurationError         a setting, the key, or how the client is used; nothing was sent
├── ImageError                 an input image; nothing was charged
├── JournalError               a batch's journal, or a request that contradicts it; nothing was sent
│   └── JournalInUseError          another batch or service uses the journal now
├── BudgetExceededError        the next swap could cost more than the budget; nothing was sent
├── NoResultsError             several swaps in a row may be charged and brought no picture
├── OriginalNotDoneError       a copy of a swap that brought no picture; nothing was sent for the copy
├── LimitExceededError         a bound on the number of swaps or bytes is reached; nothing was sent
├── IdConflictError            the id of a service's swap belongs to other pictures; nothing was sent
├── UnknownIdError             a service has no swap of this id
├── SwapCancelledError         a service's swap that was cancelled before it was sent
├── ServiceStoppedError        a service submits nothing now; nothing was sent
├── ConnectionFailedError      no response; of a submit only if its last byte never left
├── SubmissionUnknownError     a submit in doubt: it may have been accepted and charged
├── ResponseError              a response that cannot be read or trusted; never of a submit
├── StatusError                a response that refuses the call
│   ├── BadRequestError            400, 405, 413, 415, 422 and other 3xx/4xx
│   ├── AuthenticationError        401
│   ├── InsufficientCreditsError   402, 406 about credits
│   ├── PermissionDeniedError      403
│   ├── NotFoundError              404, 410
│   ├── RateLimitError             429
│   └── ServerError                5xx
├── SwapFailedError            the service ran the swap and reports FAILED
├── SwapExpiredError           the service no longer knows the job
├── SwapTimeoutError           not done at the deadline (also a TimeoutError); wait again
├── OutputError                COMPLETED, but without a usable picture; the run was charged
└── DownloadError              a finished picture that could not be fetched or saved

Every error can be pickled and copied. An error about an accepted swap carries its ``job``, with which any
process can wait for the swap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from ._models import SwapJob


def _restore(cls: type[SwapError], args: tuple[Any, ...], state: dict[str, Any]) -> SwapError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class SwapError(Exception):
    """The base class of every error of this package.

    Attributes:
        job: The accepted job that the error is about, or None. With a job, `SwapClient.wait(job)` may still
            return the picture, in this process or another.
    """

    job: SwapJob | None

    def __init__(self, message: str, *, job: SwapJob | None = None) -> None:
        super().__init__(message)
        self.job = job

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(SwapError):
    """A setting, the key, or the use of the client is wrong.

    Without a `job`, nothing was submitted and nothing is charged. With a `job`, the job is accepted and
    charged, and a client with correct settings can wait for it.
    """


class ImageError(SwapError):
    """An input image cannot be used. Nothing was submitted, nothing is charged.

    Attributes:
        image: A short name of the image: its path, its URL, or the type of the object.
    """

    def __init__(self, message: str, *, image: str) -> None:
        super().__init__(message)
        self.image = image


class JournalError(SwapError):
    """A batch's journal cannot be used, or a request contradicts it.

    With a `job`, the job is accepted and charged, but the journal could not record it: keep the job.

    Attributes:
        path: The journal's file.
    """

    def __init__(self, message: str, *, path: str, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.path = path


class JournalInUseError(JournalError):
    """Another process, or another batch of this process, uses the journal now. Nothing was sent."""


class BudgetExceededError(SwapError):
    """One more swap could cost more than the budget allows. It was not sent, and is not charged.

    Attributes:
        budget_usd: The budget, in USD.
        committed_usd: What is charged, or may be charged, so far, in USD.
        resets_at: When a daily budget begins anew, in UTC; None for a budget without an end, and for an error
            that was read from JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        budget_usd: float,
        committed_usd: float,
        resets_at: datetime | None = None,
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.budget_usd = budget_usd
        self.committed_usd = committed_usd
        self.resets_at = resets_at


class NoResultsError(SwapError):
    """A batch stopped, because several swaps in a row may be charged and brought no picture.

    The next swaps would probably end in the same way. The same batch may be run again, and counts from zero.

    Attributes:
        bound: The option that set the limit: `"max_futile"` or `"max_failed"`.
        count: How many swaps in a row ended so.
        example_id: The id of the last of these swaps, or None.
        example: The error of the last of these swaps, or None. An error that was read from JSON has None.
    """

    def __init__(
        self,
        message: str,
        *,
        bound: str,
        count: int,
        example_id: str | None = None,
        example: SwapError | None = None,
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.bound = bound
        self.count = count
        self.example_id = example_id
        self.example = example


class OriginalNotDoneError(SwapError):
    """A batch with `once_per_picture` sent nothing for a swap: one with the same pictures is not done.

    Attributes:
        original_id: The id of the other swap; empty if that swap has no id.
        original_state: The `OutcomeState` of the other swap.
    """

    def __init__(
        self, message: str, *, original_id: str, original_state: str, job: SwapJob | None = None
    ) -> None:
        super().__init__(message, job=job)
        self.original_id = original_id
        self.original_state = original_state


class LimitExceededError(SwapError):
    """One more swap would exceed a bound. It was not sent, and is not charged.

    Attributes:
        limit: The name of the setting that set the bound, such as `"max_per_owner"`.
        maximum: The bound: a number of swaps, or of bytes for `"max_spool_bytes"`.
    """

    def __init__(self, message: str, *, limit: str, maximum: int, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.limit = limit
        self.maximum = maximum


class IdConflictError(SwapError):
    """The id belongs to a swap with other pictures. Nothing was sent for this call, nothing is charged.

    Attributes:
        id: The id.
    """

    def __init__(self, message: str, *, id: str, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.id = id


class UnknownIdError(SwapError):
    """A service has no swap of this id.

    Attributes:
        id: The id.
    """

    def __init__(self, message: str, *, id: str, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.id = id


class SwapCancelledError(SwapError):
    """The swap of a service was cancelled before it was sent. Nothing is charged for it."""


class ServiceStoppedError(SwapError):
    """A service submits nothing now, because of its account or because money brings no pictures.

    The new swap was not recorded and not sent. Swaps that were recorded before stay recorded.

    Attributes:
        reason: Why the service was stopped, or None if the error was read from JSON.
        seconds: Seconds until the service tries again by itself; None if a person must resume it.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: SwapError | None = None,
        seconds: float | None = None,
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.reason = reason
        self.seconds = seconds


class ConnectionFailedError(SwapError):
    """The client got no complete response.

    For a submit, this error is raised only if the last byte of the request never left: nothing is charged.
    For any other call, which is free, this error is raised after the last attempt.
    """


class SubmissionUnknownError(SwapError):
    """A submit in doubt: it may have been accepted, and then is charged. The client never repeats the submit.

    Before you submit the swap again, look for the run in the account's history: `SwapClient.reconcile` and
    `segmind-swap reconcile` do so for the swaps of a journal.

    Attributes:
        status_code: The HTTP status of the last response, or None if there was none.
        request_id: The id that the server gave, in a header or a body, or None.
        excerpt: At most 300 characters of the last response's text, or None.
        possible_duplicates: How many POSTs of this swap may have been accepted.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        request_id: str | None = None,
        excerpt: str | None = None,
        possible_duplicates: int = 1,
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.status_code = status_code
        self.request_id = request_id
        self.excerpt = excerpt
        self.possible_duplicates = possible_duplicates


class ResponseError(SwapError):
    """A response that cannot be read or must not be trusted. Never of a submit, so nothing is charged.

    Attributes:
        status_code: The HTTP status, or None if the response ended before a status could be trusted.
        excerpt: At most 300 characters of the response's text.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        excerpt: str = "",
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.status_code = status_code
        self.excerpt = excerpt


class StatusError(SwapError):
    """The server refused the call. A submit that ends with this error is not charged.

    Attributes:
        status_code: The HTTP status.
        request_id: The `x-request-id` header, or None.
        reason: The text of the server, at most 300 characters, without markup.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        reason: str = "",
        request_id: str | None = None,
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.status_code = status_code
        self.reason = reason
        self.request_id = request_id


class BadRequestError(StatusError):
    """400, 405, 413, 415, 422: the request is wrong; also 3xx, and every 4xx without a class of its own."""


class AuthenticationError(StatusError):
    """401: the key is missing, wrong or revoked, with every auth scheme that may be tried."""


class InsufficientCreditsError(StatusError):
    """402, or 406 about credits: the account cannot pay for this swap."""


class PermissionDeniedError(StatusError):
    """403: the account may not use this."""


class NotFoundError(StatusError):
    """404 or 410: no such workflow, or (for a poll) no record of the job."""


class RateLimitError(StatusError):
    """429: the account's rate limit, for longer than the timeout of the client."""


class ServerError(StatusError):
    """5xx: the server failed."""


class SwapFailedError(SwapError):
    """The service ran the swap and reports that it failed.

    Segmind does not publish whether a failed run is charged.

    Attributes:
        reason: The text of the service, at most 300 characters; empty if the service gave none.
    """

    def __init__(self, message: str, *, reason: str, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.reason = reason


class SwapExpiredError(SwapError):
    """Several polls said that the service does not know the job. The job was charged; its picture may exist.

    Older documentation says that the record of a request is kept for an hour. `SwapClient.wait` may be called
    for the job again.
    """


class SwapTimeoutError(SwapError, TimeoutError):
    """The job was not done, or no poll succeeded, when the time was up.

    The job was charged and continues at the service: `wait` for `job` again.

    Attributes:
        seconds: The timeout, in seconds.
        last_error: The error of the last poll, or None if that poll succeeded.
    """

    def __init__(
        self,
        message: str,
        *,
        seconds: float,
        last_error: SwapError | None = None,
        job: SwapJob | None = None,
    ) -> None:
        super().__init__(message, job=job)
        self.seconds = seconds
        self.last_error = last_error


class OutputError(SwapError):
    """The job is COMPLETED and was charged, but this client finds no picture in three responses.

    `SwapClient.wait` may be called for the job again. A newer version may find the picture.

    Attributes:
        body: The raw body of the response without the key, up to 1 MiB.
        request_id: The job's id, or the response's `x-request-id`, or None.
    """

    def __init__(
        self, message: str, *, body: bytes, request_id: str | None = None, job: SwapJob | None = None
    ) -> None:
        super().__init__(message, job=job)
        self.body = body
        self.request_id = request_id


class DownloadError(SwapError):
    """A finished picture could not be fetched or saved. The swap itself is done and was charged.

    Attributes:
        url: The URL of the picture. No key is needed; the service deletes the picture after about 7 days.
        status_code: The HTTP status of the last response, or None.
    """

    def __init__(
        self, message: str, *, url: str, status_code: int | None = None, job: SwapJob | None = None
    ) -> None:
        super().__init__(message, job=job)
        self.url = url
        self.status_code = status_code
