"""Everything that can go wrong, drawn first.

SwapError
├── ConfigurationError         a setting, a key or the way the client is used; nothing was sent
├── ImageError                 an input picture; nothing was paid
├── JournalError               a batch's journal, or a request that disagrees with it; nothing was sent
├── BudgetExceededError        the next swap could cost more than the budget; nothing was sent
├── ConnectionFailedError      no answer; of a submit only when nothing was sent
├── SubmissionUnknownError     a submit that may have been accepted and billed; never sent again by itself
├── ResponseError              an answer that cannot be read or trusted, not of a submit
├── StatusError                an answer that says no
│   ├── BadRequestError            400, 405, 413, 415, 422 and other 3xx/4xx
│   ├── AuthenticationError        401
│   ├── InsufficientCreditsError   402, 406 about credits
│   ├── PermissionDeniedError      403
│   ├── NotFoundError              404, 410
│   ├── RateLimitError             429
│   └── ServerError                5xx
├── SwapFailedError            the service ran the swap and reports FAILED
├── SwapExpiredError           the service no longer knows the job
├── SwapTimeoutError           still running at the deadline (also a TimeoutError); wait again
├── OutputError                COMPLETED, but without a usable picture; the run was paid
└── DownloadError              a finished picture that could not be fetched or saved

Every error can be pickled and copied, and carries ``job`` where there is one, so that a paid swap can be
found again from any process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._models import SwapJob


def _restore(cls: type[SwapError], args: tuple[Any, ...], state: dict[str, Any]) -> SwapError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class SwapError(Exception):
    """The root of every error this package raises.

    Attributes:
        job: The accepted job the error is about, or None. With a job, `SwapClient.wait(job)` may still
            bring the picture, from this process or another.
    """

    job: SwapJob | None

    def __init__(self, message: str, *, job: SwapJob | None = None) -> None:
        super().__init__(message)
        self.job = job

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(SwapError):
    """A setting, the key, or the way the client is used is wrong.

    Without a `job` nothing was submitted and nothing is charged. With one, the job is accepted and billed,
    and can be waited for by a client that is set up rightly.
    """


class ImageError(SwapError):
    """An input picture cannot be used. Nothing was submitted, nothing is charged.

    Attributes:
        image: A short name of the input: a path, a URL, or what kind of object it was.
    """

    def __init__(self, message: str, *, image: str) -> None:
        super().__init__(message)
        self.image = image


class JournalError(SwapError):
    """A batch's journal cannot be used, or a request disagrees with it.

    With a `job`, the job is accepted and billed, and could not be written down: keep it.

    Attributes:
        path: The journal's file.
    """

    def __init__(self, message: str, *, path: str, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.path = path


class BudgetExceededError(SwapError):
    """One more swap could cost more than the budget allows. It was not sent, and is not charged.

    Attributes:
        budget_usd: The budget.
        committed_usd: What is spent of it, or may have to be paid.
    """

    def __init__(
        self, message: str, *, budget_usd: float, committed_usd: float, job: SwapJob | None = None
    ) -> None:
        super().__init__(message, job=job)
        self.budget_usd = budget_usd
        self.committed_usd = committed_usd


class ConnectionFailedError(SwapError):
    """No complete answer came.

    Of a submit it is raised only when the request provably never left whole: nothing is charged. Of any
    other call it says that the free call failed as often as it may.
    """


class SubmissionUnknownError(SwapError):
    """A submit that may have been accepted, and then is billed. It is never sent again by itself.

    Look for the run in the service's own history (by `request_id`, or by its time) before sending it again.

    Attributes:
        status_code: The HTTP status of the last answer, or None if there was none.
        request_id: The id the server gave, in a header or a body, or None.
        excerpt: At most 300 characters of the last answer's text, or None.
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
    """An answer that cannot be read or must not be trusted. Never of a submit.

    Attributes:
        status_code: The HTTP status, or None if the answer broke off before one could be trusted.
        excerpt: At most 300 characters of the answer's text.
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
    """The server answered, and said no. A submit that ends so was refused: nothing is charged.

    Attributes:
        status_code: The HTTP status.
        request_id: The `x-request-id` header, or None.
        reason: The server's own text, at most 300 characters, without markup.
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
    """400, 405, 413, 415, 422: the request itself is at fault; also 3xx and every 4xx without a class."""


class AuthenticationError(StatusError):
    """401: the key is missing, wrong or revoked, under every scheme that may be tried."""


class InsufficientCreditsError(StatusError):
    """402, or 406 about credits: the account cannot pay for this swap."""


class PermissionDeniedError(StatusError):
    """403: the account may not use this."""


class NotFoundError(StatusError):
    """404 or 410: no such workflow, or (of a poll) no such job on record."""


class RateLimitError(StatusError):
    """429 that lasted longer than the timeout."""


class ServerError(StatusError):
    """5xx."""


class SwapFailedError(SwapError):
    """The service ran the swap and reports that it failed.

    Whether a failed run is charged is not published.

    Attributes:
        reason: The service's own words, at most 300 characters; empty if it gave none.
    """

    def __init__(self, message: str, *, reason: str, job: SwapJob | None = None) -> None:
        super().__init__(message, job=job)
        self.reason = reason


class SwapExpiredError(SwapError):
    """The service kept answering that it does not know the job. Its picture may still exist.

    Older documentation says that a request's record is kept for an hour. The job stays waitable.
    """


class SwapTimeoutError(SwapError, TimeoutError):
    """The job was still running, or its state could not be learnt, when the time was up.

    It was paid and goes on at the service: `wait` for `job` again.

    Attributes:
        seconds: How long was waited.
        last_error: What the last poll ended in, or None if it was answered well.
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
    """The job is COMPLETED, and was paid, but its answer holds no picture this client can find.

    Attributes:
        body: The raw body of the answer, up to 64 KiB.
        request_id: The job's id, or the answer's `x-request-id`, or None.
    """

    def __init__(
        self, message: str, *, body: bytes, request_id: str | None = None, job: SwapJob | None = None
    ) -> None:
        super().__init__(message, job=job)
        self.body = body
        self.request_id = request_id


class DownloadError(SwapError):
    """A finished picture could not be fetched, or not be saved. The swap itself is done and paid.

    Attributes:
        url: Where the picture is. No key is needed; the service deletes it after about 7 days.
        status_code: The HTTP status of the last answer, or None.
    """

    def __init__(
        self, message: str, *, url: str, status_code: int | None = None, job: SwapJob | None = None
    ) -> None:
        super().__init__(message, job=job)
        self.url = url
        self.status_code = status_code
