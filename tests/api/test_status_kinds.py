"""Every status code, and each question about it, held against the answers written a second time."""

import pytest

from segmind_swap._api.messages import Response
from segmind_swap._api.responses import refusal
from segmind_swap._api.status_errors import StatusKind
from segmind_swap._errors import (
    AuthenticationError,
    BadRequestError,
    InsufficientCreditsError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from segmind_swap._models import Call, SwapJob


def status_error(
    code: int, headers: dict[str, str], body: bytes, call: str, *, job: SwapJob | None = None
) -> StatusError:
    """The typed error of a response that says no."""
    return refusal(Response(status_code=code, headers=headers, body=body), Call(call), job)


CODES = range(100, 1000)


def error_class(code: int, reason: str) -> type[StatusError]:
    match code:
        case 401:
            return AuthenticationError
        case 402:
            return InsufficientCreditsError
        case 406:
            return InsufficientCreditsError if reason != "Invalid content type" else BadRequestError
        case 403:
            return PermissionDeniedError
        case 404 | 410:
            return NotFoundError
        case 429:
            return RateLimitError
        case _:
            return ServerError if code >= 500 else BadRequestError


def test_each_question_about_a_code_has_one_answer() -> None:
    for code in CODES:
        kind = StatusKind.of(code)
        assert kind.is_success == (200 <= code < 300), code
        assert kind.is_transient == (code in {408, 425} or (code >= 500 and code not in {501, 505})), code
        assert kind.may_have_job_state == (200 <= code < 300 or code in {400, 422, 500}), code
        assert kind.is_from_the_service == (code < 500), code
        assert (kind is StatusKind.REDIRECT) == (300 <= code < 400), code
        assert (kind is StatusKind.UNAUTHORIZED) == (code == 401), code
        assert (kind is StatusKind.RATE_LIMITED) == (code == 429), code
        assert (kind is StatusKind.GATEWAY) == (code in {502, 503, 504}), code
        assert (kind is StatusKind.UNSUPPORTED) == (code in {501, 505}), code
        assert (kind is StatusKind.UNCLEAR) == (code > 500 and code not in {501, 502, 503, 504, 505}), code
        response = Response(status_code=code, headers={}, body=b"")
        assert response.kind is kind
        assert response.ok == kind.is_success


@pytest.mark.parametrize("reason", ["no", "Invalid content type", "Invalid credits"])
@pytest.mark.parametrize("call", ["submit", "poll"])
def test_each_code_is_one_class_of_error(reason: str, call: str) -> None:
    for code in CODES:
        error = status_error(code, {}, f'{{"error": "{reason}"}}'.encode(), call)
        assert type(error) is error_class(code, reason), code
        assert error.status_code == code
        assert f"answered {code}: {reason}" in str(error)
        assert ("check the workflow's id" in str(error)) == (call == "submit" and code in {404, 410})
        assert ("redirects are never followed" in str(error)) == (300 <= code < 400)
        assert ("a smaller picture" in str(error)) == (code == 413)


def test_every_kind_has_a_code_and_a_code_below_100_is_no_final_status() -> None:
    assert {StatusKind.of(code) for code in CODES} == set(StatusKind)
    assert {StatusKind.of(code) for code in (-1, 0, 99)} == {StatusKind.INFORMATIONAL}


def test_the_error_has_the_job_that_the_call_was_about() -> None:
    job = SwapJob(poll_url="https://api.segmind.com/1", workflow="w")
    assert status_error(404, {}, b"", "poll", job=job).job is job
    assert status_error(404, {}, b"", "poll").job is None
