"""The error class of each answer that says no, and what its message tells to do."""

import json

import pytest

from segmind_swap._api.messages import Response
from segmind_swap._api.responses import refusal
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

SUBJECTS = {
    "submit": "the submit",
    "poll": "the poll of the job",
    "upload": "the upload of the picture",
    "credits": "the request for the credits",
    "history": "the request for the account's history",
    "download": "the download of the picture",
}


def status_error(
    code: int, headers: dict[str, str], body: bytes, call: str, *, job: SwapJob | None = None
) -> StatusError:
    """The typed error of a response that says no."""
    return refusal(Response(status_code=code, headers=headers, body=body), Call(call), job)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (300, BadRequestError),
        (302, BadRequestError),
        (308, BadRequestError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, InsufficientCreditsError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, BadRequestError),
        (406, InsufficientCreditsError),
        (408, BadRequestError),
        (409, BadRequestError),
        (410, NotFoundError),
        (413, BadRequestError),
        (415, BadRequestError),
        (418, BadRequestError),
        (422, BadRequestError),
        (429, RateLimitError),
        (500, ServerError),
        (501, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
        (520, ServerError),
        (599, ServerError),
    ],
)
@pytest.mark.parametrize("call", SUBJECTS)
def test_every_code_has_its_error_class(code: int, kind: type[StatusError], call: str) -> None:
    error = status_error(code, {"x-request-id": "req-1"}, b'{"error": "no"}', call)
    assert type(error) is kind
    assert (error.status_code, error.reason, error.request_id, error.job) == (code, "no", "req-1", None)
    assert str(error).startswith(f"{SUBJECTS[call]} was answered {code}: no")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", InsufficientCreditsError),
        ("Not enough credits", InsufficientCreditsError),
        ("Insufficient credits. You have 0.02 credits, this request needs 0.15", InsufficientCreditsError),
        ("INSUFFICIENT BALANCE", InsufficientCreditsError),
        ("The team's spend limit is reached", InsufficientCreditsError),
        ("Request invalid: spending limit of your team exceeded", InsufficientCreditsError),
        ("Something else", InsufficientCreditsError),
        ("Invalid content type", BadRequestError),
        ("invalid Content-Type", BadRequestError),
        ("Parameter base64 is not allowed", BadRequestError),
        ("Unsupported parameter: seed", BadRequestError),
        ("Not Acceptable", BadRequestError),
    ],
)
def test_a_406_is_about_credits_unless_its_text_says_otherwise(text: str, kind: type[StatusError]) -> None:
    assert type(status_error(406, {}, text.encode(), "submit")) is kind
    assert type(status_error(406, {}, json.dumps({"error": text}).encode(), "submit")) is kind


def test_a_406_whose_text_is_under_an_unknown_key_is_still_read() -> None:
    assert type(status_error(406, {}, b'{"errors": ["Invalid content type"]}', "submit")) is BadRequestError


@pytest.mark.parametrize(
    ("code", "call", "advice"),
    [
        (401, "submit", "SEGMIND_API_KEY"),
        (402, "submit", "add credits"),
        (404, "submit", "workflow"),
        (413, "upload", "smaller picture"),
        (302, "poll", "base_url"),
    ],
)
def test_the_message_says_what_to_do(code: int, call: str, advice: str) -> None:
    assert advice in str(status_error(code, {}, b"", call))


def test_a_poll_of_an_unknown_job_does_not_blame_the_workflow() -> None:
    assert "workflow" not in str(status_error(404, {}, b"", "poll"))


def test_a_message_has_the_call_as_its_subject() -> None:
    assert {*SUBJECTS} == {*Call}
    for call, subject in SUBJECTS.items():
        assert str(status_error(500, {}, b"no", call)) == f"{subject} was answered 500: no"


@pytest.mark.parametrize("code", [302, 401, 402, 403, 406, 413, 429])
def test_a_download_has_no_key_and_no_account_to_give_advice_about(code: int) -> None:
    told = str(status_error(code, {}, b"no", "download"))
    assert told == f"the download of the picture was answered {code}: no"
    assert "(" in str(status_error(code, {}, b"no", "upload"))
