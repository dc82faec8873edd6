"""The API's answers, read: every published payload, and every way in which one could mislead."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._config import WORKFLOW
from segmind_swap._errors import (
    AuthenticationError,
    BadRequestError,
    InsufficientCreditsError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    StatusError,
    SwapError,
)
from segmind_swap._models import Credits, SwapState, SwapStatus
from segmind_swap._origin import MAX_URL_LENGTH, Service
from segmind_swap._outputs import outputs_of, picture_in
from segmind_swap._wire import (
    Answer,
    Call,
    Request,
    accepted_job,
    credits_request,
    download_request,
    poll_request,
    read_credits,
    read_status,
    read_upload,
    refusal,
    submit_request,
    upload_request,
)

T = TypeVar("T")
SEGMIND = Service("https://api.segmind.com")
LOCAL = Service("http://127.0.0.1:8000/")
BEHIND_A_PATH = Service("https://proxy.example/segmind/")

_LINES = (Path(__file__).parent / "payloads" / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
PAYLOADS: dict[str, dict[str, Any]] = {line["id"]: line for line in map(json.loads, _LINES)}


# What is understood of an answer, reduced to what matters.


@dataclass(frozen=True)
class Job:
    poll_url: str | None
    request_id: str | None = None
    picture: str | None = None
    may_be_polled: bool = True


@dataclass(frozen=True)
class Unusable:
    """A 2xx to a submit that tells of no job."""


@dataclass(frozen=True)
class Poll:
    state: SwapState
    raw: str
    picture: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Error:
    kind: type[SwapError]
    reason: str | None = None
    """The server's text, of a `StatusError`."""


@dataclass(frozen=True)
class Picture:
    url: str


Understood: TypeAlias = Job | Unusable | Poll | Error | Picture | Credits

_ID = "5b1f0c2d9e8a47463b21c0ffee001122"
_V2_ID = "0d9a8f10-6f3c-4e0e-9a51-2b7f6f0c1d22"
_URL = f"https://api.segmind.com/workflows/request/{_ID}"
_IMAGES = "https://images.segmind.com/generations"

EXPECTED: dict[str, Understood] = {
    "F01-submit-queued": Job(_URL, _ID),
    "F02-submit-min": Job(_URL),
    "F03-submit-legacy-poll": Job(f"https://api.segmind.com/requests/{_ID}", _ID),
    "F04-submit-v2": Job(f"https://api.segmind.com/v1/requests/{_V2_ID}", _V2_ID),
    "F05-submit-no-poll-url": Unusable(),
    "F06-submit-inline-result": Job(None, picture=f"{_IMAGES}/a1.png"),
    "F07-submit-foreign-poll-host": Job("https://evil.example/requests/1", "1", may_be_polled=False),
    "F08-submit-not-json": Unusable(),
    "F09-poll-queued": Poll(SwapState.QUEUED, "QUEUED"),
    "F10-poll-processing": Poll(SwapState.PROCESSING, "PROCESSING"),
    "F11-poll-unknown-state": Poll(SwapState.PROCESSING, "WARMING_UP"),
    "F12-poll-completed-string-list": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a1.png"),
    "F13-poll-completed-two-items": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a2.jpeg"),
    "F14-poll-completed-parsed-list": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a3.png"),
    "F15-poll-completed-string-dict": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a4.png"),
    "F16-poll-completed-plain-url": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a5.webp"),
    "F17-poll-completed-top-level-key": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a6.png"),
    "F18-poll-completed-outputs-key": Poll(SwapState.COMPLETED, "COMPLETED", f"{_IMAGES}/a7.png"),
    "F19-poll-completed-empty": Error(OutputError),
    "F20-poll-completed-empty-list": Error(OutputError),
    "F21-poll-completed-bad-json": Error(OutputError),
    "F22-poll-completed-null": Error(OutputError),
    "F23-poll-succeeded-alias": Poll(SwapState.COMPLETED, "succeeded", f"{_IMAGES}/a8.png"),
    "F24-poll-failed-error": Poll(SwapState.FAILED, "FAILED", reason="No character found in character_image"),
    "F25-poll-failed-error_message-object": Poll(
        SwapState.FAILED, "FAILED", reason="Input image could not be downloaded; Node failed"
    ),
    "F26-poll-failed-error_message-array": Poll(
        SwapState.FAILED, "FAILED", reason="segmenter: No mask produced; inpaint: Skipped"
    ),
    "F27-poll-failed-bare": Poll(SwapState.FAILED, "FAILED"),
    "F28-poll-failed-422": Poll(
        SwapState.FAILED, "FAILED", reason="Reference image must be a valid http(s) URL"
    ),
    "F29-poll-404-expired": Error(NotFoundError, f"Request {_ID} not found"),
    "F30-poll-429": Error(RateLimitError, "rate_limit_exceeded"),
    "F31-poll-502-html": Error(ServerError, "502 Bad Gateway"),
    "F32-submit-400": Error(BadRequestError, "Invalid request body"),
    "F33-submit-401-missing": Error(AuthenticationError, "Missing Authorization or x-api-key in header"),
    "F34-submit-401-invalid": Error(
        AuthenticationError, "Unauthorized. API key is invalid or may have expired."
    ),
    "F35-submit-401-oauth-style": Error(AuthenticationError, "invalid_token"),
    "F36-submit-403": Error(PermissionDeniedError, "This workflow is not available to your team"),
    "F37-submit-404": Error(NotFoundError, "Workflow not found"),
    "F38-submit-405-html": Error(BadRequestError, "405 Method Not Allowed Method Not Allowed"),
    "F39-submit-406-credits": Error(
        InsufficientCreditsError, "Insufficient credits. You have 0.02 credits, this request needs 0.15"
    ),
    "F40-submit-406-content-type": Error(BadRequestError, "Invalid content type"),
    "F41-submit-406-text": Error(InsufficientCreditsError, "Not enough credits"),
    "F42-submit-402": Error(InsufficientCreditsError, "Insufficient credits. You have 0.0 credits."),
    "F43-submit-429-no-hint": Error(RateLimitError, "Too many requests"),
    "F44-submit-429-retry-after": Error(RateLimitError, "rate_limit_exceeded"),
    "F45-submit-500": Error(ServerError, "Internal server error"),
    "F46-submit-504-html": Error(ServerError, "504 Gateway Time-out"),
    "F47-submit-302": Error(BadRequestError, ""),
    "F48-error-nested": Error(BadRequestError, "character_image must be a URL"),
    "F49-error-array-body": Error(ServerError, "unexpected"),
    # The client uploads one picture at a time: an answer with two URLs does not say which is whose.
    "F50-upload-file_urls": Error(ResponseError),
    "F51-upload-urls": Picture("https://storage.segmind.com/assets/u3.png"),
    "F52-upload-empty": Error(ResponseError),
    "F53-upload-413": Error(BadRequestError, "413 Request Entity Too Large"),
    "F54-credits": Credits(credits=9.8478, free_credits=0.0184921035),
    "F55-credits-404": Error(NotFoundError, "No credits found for the user"),
    "F56-webhook-run": Picture(f"{_IMAGES}/a1.png"),
}


def answer(
    body: object = None,
    code: int = 200,
    *,
    text: str | bytes | None = None,
    request_id: str | None = None,
    cost: str | None = None,
) -> Answer:
    text = json.dumps(body) if text is None else text
    headers = {"x-request-id": request_id, "x-cost": cost}
    return Answer(
        status_code=code,
        headers={name: value for name, value in headers.items() if value is not None},
        body=text.encode() if isinstance(text, str) else text,
    )


def payload_answer(payload: Mapping[str, Any]) -> Answer:
    body = payload["text"].encode() if "text" in payload else json.dumps(payload["body"]).encode()
    return Answer(status_code=payload["http"], headers=payload.get("headers", {}), body=body)


def job_of(reply: Answer, service: Service = SEGMIND) -> Job | Unusable:
    job = accepted_job(service, reply, workflow=WORKFLOW, possible_duplicates=0)
    if job is None:
        return Unusable()
    complaint = None if job.poll_url is None else service.complaint_about_poll_url(job.poll_url)
    return Job(job.poll_url, job.request_id, picture_in(job.outputs), complaint is None)


def poll_of(reply: Answer) -> Poll:
    status = read_status(reply)
    return Poll(status.state, status.raw, picture_in(status.outputs), status.reason)


def outcome(read: Callable[[], T]) -> T | SwapError:
    """What `read` returns, or the documented error that it raises."""
    try:
        return read()
    except SwapError as exc:
        return exc


def read_as(call: str, reply: Answer) -> Understood:
    match call:
        case "P":
            return poll_of(reply)
        case "S" if reply.ok:
            return job_of(reply)
        case "U" if reply.ok:
            return Picture(read_upload(SEGMIND, reply))
        case "C" if reply.ok:
            return read_credits(reply)
        case "W":
            url = picture_in(outputs_of(reply.fields() or {}))
            assert url is not None
            return Picture(url)
        case _:
            raise refusal(reply, {"S": Call.SUBMIT, "U": Call.UPLOAD, "C": Call.CREDITS}[call])


def understood(call: str, reply: Answer) -> Understood:
    found = outcome(lambda: read_as(call, reply))
    if isinstance(found, StatusError):
        assert found.status_code == reply.status_code
        return Error(type(found), found.reason)
    return Error(type(found)) if isinstance(found, SwapError) else found


def test_the_table_names_every_published_payload() -> None:
    assert len(PAYLOADS) == len(_LINES)
    assert set(PAYLOADS) == set(EXPECTED)


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_published_payload_is_understood(name: str) -> None:
    payload = PAYLOADS[name]
    assert understood(payload["call"], payload_answer(payload)) == EXPECTED[name]


# Requests


@pytest.mark.parametrize(
    ("service", "base"),
    [
        (SEGMIND, "https://api.segmind.com"),
        (LOCAL, "http://127.0.0.1:8000"),
        (BEHIND_A_PATH, "https://proxy.example/segmind"),
    ],
)
def test_every_endpoint_follows_the_base_url(service: Service, base: str) -> None:
    upload_base = "https://workflows-api.segmind.com" if service is SEGMIND else base
    submit = submit_request(service, WORKFLOW, reference_url="https://a.example/r", scene_url="https://a/s")
    assert (submit.method, submit.url) == ("POST", f"{base}/workflows/678aa4026426baad7e5392fb-v7")
    upload = upload_request(service, "data:image/png;base64,AA==")
    assert (upload.method, upload.url) == ("POST", f"{upload_base}/upload-asset")
    asked = credits_request(service)
    assert asked.call is Call.CREDITS
    assert (asked.method, asked.url, asked.body) == ("GET", f"{base}/v1/get-user-credits", None)


def test_a_submit_always_sends_both_pictures_under_their_exact_names() -> None:
    request = submit_request(
        SEGMIND,
        WORKFLOW,
        reference_url="https://a.example/hero.png",
        scene_url="https://a.example/street.jpg",
    )
    assert request.call is Call.SUBMIT
    assert request.body == (
        b'{"reference_character_image":"https://a.example/hero.png",'
        b'"character_image":"https://a.example/street.jpg"}'
    )


def test_an_upload_sends_one_data_url() -> None:
    request = upload_request(SEGMIND, "data:image/png;base64,iVBORw==")
    assert request.call is Call.UPLOAD
    assert request.body == b'{"data_urls":["data:image/png;base64,iVBORw=="]}'


@pytest.mark.parametrize(
    "url",
    [_URL, "https://api.segmind.com/v1/requests/x?sig=a%2Fb&n=1", "https://API.segmind.com:443//x/../y"],
)
def test_a_poll_asks_exactly_the_url_it_was_given(url: str) -> None:
    assert poll_request(url) == Request(call=Call.POLL, method="GET", url=url)
    assert download_request(url) == Request(call=Call.DOWNLOAD, method="GET", url=url)


def test_a_request_does_not_show_its_pictures_in_its_repr() -> None:
    assert "iVBORw" not in repr(upload_request(SEGMIND, "data:image/png;base64,iVBORw=="))
    assert "secret" not in repr(answer({"text": "secret"}))


# Acceptances


@pytest.mark.parametrize(
    ("service", "told", "expected"),
    [
        (SEGMIND, "/workflows/request/1", Job("https://api.segmind.com/workflows/request/1")),
        (LOCAL, "/workflows/request/1", Job("http://127.0.0.1:8000/workflows/request/1")),
        (BEHIND_A_PATH, "/requests/1", Job("https://proxy.example/requests/1")),
        (SEGMIND, "/@evil.example/1", Job("https://api.segmind.com/@evil.example/1")),
        (SEGMIND, "//evil.example/1", Job("//evil.example/1", may_be_polled=False)),
        (SEGMIND, "/\\evil.example/1", Job("https://api.segmind.com/\\evil.example/1", may_be_polled=False)),
        (LOCAL, _URL, Job(_URL, may_be_polled=False)),
        (SEGMIND, "http://api.segmind.com/1", Job("http://api.segmind.com/1", may_be_polled=False)),
        (SEGMIND, "http\u017f://api.segmind.com/1", Job("http\u017f://api.segmind.com/1", None, None, False)),
        (SEGMIND, "not a url", Job("not a url", may_be_polled=False)),
        (SEGMIND, "", Unusable()),
        (SEGMIND, "  ", Unusable()),
        (SEGMIND, 7, Unusable()),
        (SEGMIND, None, Unusable()),
        (SEGMIND, {"url": _URL}, Unusable()),
    ],
)
def test_a_poll_url_is_kept_as_given_or_resolved_and_never_trusted_blindly(
    service: Service, told: object, expected: Job | Unusable
) -> None:
    assert job_of(answer({"poll_url": told}), service) == expected


@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        ({"request_id": "abc"}, "head", "abc"),
        ({}, "head", "head"),
        ({"request_id": ""}, "head", "head"),
        ({"request_id": 12}, "head", "head"),
        ({"request_id": "x" * 257}, "head", "head"),
        ({"request_id": "x" * 256}, "head", "x" * 256),
        ({"request_id": None}, None, None),
    ],
)
def test_the_request_id_comes_from_the_body_and_else_from_the_header(
    body: dict[str, object], header: str | None, expected: str | None
) -> None:
    job = accepted_job(
        SEGMIND, answer({"poll_url": _URL, **body}, request_id=header), workflow="w-v1", possible_duplicates=2
    )
    assert job is not None
    assert (job.request_id, job.workflow, job.possible_duplicates) == (expected, "w-v1", 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"status": " success ", "output": "https://a.example/x.png"},
            Job(None, None, "https://a.example/x.png"),
        ),
        (
            {"status": "COMPLETED", "request_id": "r", "image": "https://a.example/x.png"},
            Job(None, "r", "https://a.example/x.png"),
        ),
        ({"status": "COMPLETED", "output": ""}, Unusable()),
        ({"status": "COMPLETED", "output": "a caption"}, Unusable()),
        ({"status": "QUEUED", "output": "https://a.example/x.png"}, Unusable()),
        ({"output": "https://a.example/x.png"}, Unusable()),
        ({"status": "COMPLETED", "character_image": "https://a.example/input.png"}, Unusable()),
    ],
)
def test_a_submit_answered_with_the_finished_picture_is_a_job_without_poll_url(
    body: dict[str, object], expected: Job | Unusable
) -> None:
    assert job_of(answer(body)) == expected


def test_a_job_with_a_poll_url_is_polled_even_if_it_says_that_it_is_done() -> None:
    body = {"poll_url": _URL, "status": "COMPLETED", "output": "https://a.example/x.png"}
    assert job_of(answer(body)) == Job(_URL)


@pytest.mark.parametrize("code", [199, 302, 400, 422, 429, 500, 502])
def test_only_a_2xx_is_an_acceptance(code: int) -> None:
    assert job_of(answer({"poll_url": _URL}, code)) == Unusable()


@pytest.mark.parametrize("code", [200, 201, 202])
def test_any_2xx_with_a_poll_url_is_an_acceptance(code: int) -> None:
    assert job_of(answer({"poll_url": _URL}, code)) == Job(_URL)


NOT_OBJECTS: dict[str, bytes] = {
    "empty": b"",
    "white space": b" \r\n",
    "list": b'[{"poll_url": "https://api.segmind.com/1", "status": "COMPLETED"}]',
    "string": b'"COMPLETED"',
    "null": b"null",
    "html": b"<html><body>COMPLETED</body></html>",
    "invalid utf-8": b'{"status": "\xff\xfe"}',
    "utf-16": '{"status": "FAILED"}'.encode("utf-16"),
    "lone surrogate": b'{"status": "\\ud800"}',
    "two documents": b'{"status": "FAILED"}{"status": "FAILED"}',
    "cut short": b'{"status": "FAILED", "error": "No cha',
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"status":' * 50_000,
    "nested and closed": b'{"status":' * 5_000 + b"1" + b"}" * 5_000,
    "endless number": b'{"status": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", NOT_OBJECTS.values(), ids=NOT_OBJECTS.keys())
def test_a_body_that_is_no_json_object_is_never_a_job_or_a_state(body: bytes) -> None:
    assert job_of(answer(text=body)) == Unusable()
    with pytest.raises(ResponseError) as caught:
        read_status(answer(text=body))
    assert caught.value.status_code == 200
    assert len(caught.value.excerpt) <= 300
    with pytest.raises(ServerError):
        read_status(answer(text=body, code=502))
    with pytest.raises(ResponseError):
        read_upload(SEGMIND, answer(text=body))
    with pytest.raises(ResponseError):
        read_credits(answer(text=body))


def test_an_answer_that_cannot_be_used_keeps_an_excerpt_of_its_text() -> None:
    assert _ID in payload_answer(PAYLOADS["F05-submit-no-poll-url"]).excerpt
    assert payload_answer(PAYLOADS["F08-submit-not-json"]).excerpt == "ok"
    assert answer(text=b"").excerpt == ""


# States


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("QUEUED", SwapState.QUEUED),
        (" queued\n", SwapState.QUEUED),
        ("Processing", SwapState.PROCESSING),
        ("completed ", SwapState.COMPLETED),
        ("SUCCEEDED", SwapState.COMPLETED),
        ("\tSuccess", SwapState.COMPLETED),
        ("failed", SwapState.FAILED),
        ("ERROR", SwapState.FAILED),
        ("Cancelled", SwapState.FAILED),
        ("canceled", SwapState.FAILED),
        ("expired", SwapState.FAILED),
        ("FAILED_OVER", SwapState.PROCESSING),
        ("complete", SwapState.PROCESSING),
        ("", SwapState.PROCESSING),
        (None, SwapState.PROCESSING),
        (3, SwapState.PROCESSING),
        (True, SwapState.PROCESSING),
        (["FAILED"], SwapState.PROCESSING),
        ({"state": "FAILED"}, SwapState.PROCESSING),
    ],
)
def test_a_status_is_trimmed_and_case_folded_and_an_unknown_one_is_still_running(
    word: object, expected: SwapState
) -> None:
    status = read_status(answer({"status": word, "output": "https://a.example/x.png"}))
    assert status.state is expected
    assert bool(status.outputs) == (expected is SwapState.COMPLETED)


def test_a_body_without_a_status_is_still_running() -> None:
    assert poll_of(answer({})) == Poll(SwapState.PROCESSING, "")
    assert poll_of(answer({"output": "https://a.example/x.png"})) == Poll(SwapState.PROCESSING, "")


def test_the_servers_own_word_is_kept_short_and_harmless() -> None:
    status = read_status(answer({"status": "\x1b[31mWARMING\u202e " + "x" * 1000}))
    assert status.raw.startswith("[31mWARMING x")
    assert len(status.raw) == 300


@pytest.mark.parametrize("code", [200, 202, 400, 422, 500])
@pytest.mark.parametrize("word", ["FAILED", "failed ", "CANCELLED"])
def test_the_bodys_status_wins_over_the_http_code(code: int, word: str) -> None:
    found = poll_of(answer({"status": word, "error": "No character found"}, code))
    assert found == Poll(SwapState.FAILED, word.strip(), reason="No character found")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (302, BadRequestError),
        (401, AuthenticationError),
        (402, InsufficientCreditsError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (408, BadRequestError),
        (520, ServerError),
        (410, NotFoundError),
        (429, RateLimitError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
    ],
)
@pytest.mark.parametrize("word", ["FAILED", "COMPLETED", "error", "QUEUED"])
def test_a_code_that_is_not_about_the_job_wins_over_the_bodys_status(
    code: int, kind: type[StatusError], word: str
) -> None:
    body = {"status": word, "error": "try later", "output": "https://a.example/x.png"}
    with pytest.raises(kind, match="try later") as caught:
        read_status(answer(body, code, request_id="req-1"))
    assert caught.value.status_code == code
    assert caught.value.request_id == "req-1"


@pytest.mark.parametrize("code", [302, 400, 401, 404, 406, 422, 500, 502, 520])
@pytest.mark.parametrize("word", ["error", " ERROR "])
def test_a_gateways_own_status_error_does_not_fail_the_job(code: int, word: str) -> None:
    with pytest.raises(StatusError) as caught:
        read_status(answer({"status": word, "message": "upstream"}, code))
    assert caught.value.status_code == code
    assert caught.value.reason == "upstream"


def test_status_error_in_a_200_is_a_failed_job() -> None:
    assert poll_of(answer({"status": "error", "message": "x"})) == Poll(SwapState.FAILED, "error", reason="x")


@pytest.mark.parametrize("code", [400, 422, 500])
@pytest.mark.parametrize(
    "body", [{"error": "bad"}, {"status": "bad", "error": "bad"}, {"status": 422, "error": "bad"}]
)
def test_a_refusal_without_a_known_status_is_an_error(code: int, body: dict[str, object]) -> None:
    with pytest.raises(StatusError, match="bad"):
        read_status(answer(body, code))


def test_a_failed_422_without_reason_is_still_a_failed_job() -> None:
    assert poll_of(answer({"status": "FAILED"}, 422)) == Poll(SwapState.FAILED, "FAILED")


def test_completed_without_a_picture_keeps_the_raw_body_and_the_request_id() -> None:
    body = b'{"status": "COMPLETED", "request_id": "r-1", "output": "\\u001b[31mnothing"}'
    with pytest.raises(OutputError, match="paid") as caught:
        read_status(answer(text=body, request_id="r-2"))
    assert caught.value.body == body
    assert caught.value.request_id == "r-1"
    assert "\x1b" not in str(caught.value)
    with pytest.raises(OutputError) as caught:
        read_status(answer({"status": "COMPLETED", "output": "x" * 100_000}, request_id="r-2"))
    assert len(caught.value.body) == 64 * 1024
    assert caught.value.request_id == "r-2"


# Costs


@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        ({"metrics": {"cost": 0.1522}}, None, 0.1522),
        ({"metrics": {"cost": 0.1522}}, "9", 0.1522),
        ({"metrics": {"cost": "0.2"}}, None, 0.2),
        ({"metrics": {"cost": 0}}, "9", 0.0),
        ({"metrics": {"inference_time": 3}}, "0.15", 0.15),
        ({"metrics": {"cost": None}}, "0.15", 0.15),
        ({"metrics": {"cost": "free"}}, "0.15", 0.15),
        ({"metrics": {"cost": -1}}, "0.15", 0.15),
        ({"metrics": {"cost": True}}, None, None),
        ({"metrics": {"cost": [1]}}, None, None),
        ({"metrics": {"cost": 1e300}}, None, None),
        ({"metrics": {"cost": 10**300}}, None, None),
        ({"metrics": {"cost": "1" * 400}}, None, None),
        ({"metrics": {"cost": float("nan")}}, None, None),
        ({"metrics": {"cost": float("inf")}}, "0.15", 0.15),
        ({"metrics": [0.15]}, "0.15", 0.15),
        ({}, " 0.15 ", 0.15),
        ({}, "nan", None),
        ({}, "-0.15", None),
        ({}, "$0.15", None),
        ({}, None, None),
    ],
)
def test_the_cost_comes_from_the_metrics_or_the_header_if_it_is_believable(
    body: dict[str, object], header: str | None, expected: float | None
) -> None:
    for state in ({"status": "QUEUED"}, {"status": "COMPLETED", "output": "https://a.example/x.png"}):
        assert read_status(answer({**state, **body}, cost=header)).cost_usd == expected


# Uploads and credits


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"file_urls": ["https://a.example/1.png"], "message": "ok"}, "https://a.example/1.png"),
        ({"urls": ["https://a.example/1.png"]}, "https://a.example/1.png"),
        ({"file_urls": [], "urls": ["https://a.example/1.png"]}, "https://a.example/1.png"),
        ({"file_urls": None, "urls": ["https://a.example/1.png"]}, "https://a.example/1.png"),
        ({"file_urls": ["https://a.example/1.png", "https://a.example/2.png"]}, None),
        ({"file_urls": ["http://a.example/1.png"]}, None),
        ({"file_urls": ["ftp://a.example/1.png"]}, None),
        ({"file_urls": ["https://user:pass@a.example/1.png"]}, None),
        ({"file_urls": ["data:image/png;base64,AA=="]}, None),
        ({"file_urls": [""]}, None),
        ({"file_urls": [None]}, None),
        ({"file_urls": "https://a.example/1.png"}, None),
        ({"file_urls": {"0": "https://a.example/1.png"}}, None),
        ({"message": "ok"}, None),
    ],
)
def test_an_upload_answers_with_exactly_one_usable_url(body: dict[str, object], expected: str | None) -> None:
    if expected is not None:
        assert read_upload(SEGMIND, answer(body)) == expected
        return
    with pytest.raises(ResponseError) as caught:
        read_upload(SEGMIND, answer(body))
    assert caught.value.status_code == 200


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "does not hold exactly one URL: empty"),
        (b"ok", "does not hold exactly one URL: ok"),
        (
            b'{"urls": ["http://a.example/1.png"]}',
            'names a URL that is not https: {"urls": ["http://a.example/1.png"]}',
        ),
        (b'{"urls": ["nowhere"]}', "names a URL that cannot be used: "),
    ],
)
def test_an_upload_whose_answer_is_of_no_use_is_told_with_what_it_said(body: bytes, complaint: str) -> None:
    with pytest.raises(ResponseError) as caught:
        read_upload(SEGMIND, answer(text=body, code=201))
    assert str(caught.value).startswith(f"the answer to the upload {complaint}")
    assert (caught.value.status_code, caught.value.excerpt) == (201, body.decode())


@pytest.mark.parametrize(("body", "told"), [(b"", "nothing"), (b"a page", "a page")])
def test_a_poll_whose_answer_cannot_be_read_is_told_with_what_it_said(body: bytes, told: str) -> None:
    with pytest.raises(ResponseError) as caught:
        read_status(answer(text=body, code=202))
    assert str(caught.value) == (
        f"the poll was answered 202 with something that is not a JSON object: {told}"
    )
    assert (caught.value.status_code, caught.value.excerpt) == (202, body.decode())


def test_a_job_without_a_picture_is_told_to_be_paid_with_what_was_answered_instead() -> None:
    body = b'{"status": "COMPLETED", "output": "[]"}'
    with pytest.raises(OutputError) as caught:
        read_status(answer(text=body, request_id="r1"))
    assert str(caught.value) == (
        "the job is COMPLETED, but its answer holds no picture URL; the run was paid: " + body.decode()
    )
    assert (caught.value.body, caught.value.request_id) == (body, "r1")


def test_a_status_has_the_picture_when_it_is_done_and_a_reason_only_when_it_failed() -> None:
    done = [{"keyname": "picture", "value": {"data": f"{_IMAGES}/a.png", "type": "image"}}]
    status = read_status(answer({"status": "COMPLETED", "output": json.dumps(done), "error": "none"}))
    assert (status.url, status.reason) == (f"{_IMAGES}/a.png", "")
    status = read_status(answer({"status": "FAILED", "error": "no face"}))
    assert (status.url, status.reason) == (None, "no face")


def test_a_refused_poll_is_told_as_one() -> None:
    with pytest.raises(StatusError, match="poll"):
        read_status(answer(text=b"no", code=403))


def test_a_poll_url_may_be_as_long_as_any_that_can_be_asked() -> None:
    url = f"{SEGMIND.origin}/{'x' * MAX_URL_LENGTH}"[:MAX_URL_LENGTH]
    assert isinstance(job_of(answer({"poll_url": url})), Job)
    assert isinstance(job_of(answer({"poll_url": f"{url}x"})), Unusable)


def test_a_url_travels_as_it_is_written() -> None:
    request = submit_request(SEGMIND, WORKFLOW, reference_url="https://a.example/größe.png", scene_url="b")
    assert "https://a.example/größe.png".encode() in (request.body or b"")


@pytest.mark.parametrize(("body", "told"), [(b"", "empty"), (b"no money", "no money")])
def test_credits_that_cannot_be_read_are_told_with_what_was_said(body: bytes, told: str) -> None:
    with pytest.raises(ResponseError) as caught:
        read_credits(answer(text=body, code=201))
    assert str(caught.value) == f"the answer about credits cannot be read: {told}"
    assert (caught.value.status_code, caught.value.excerpt) == (201, body.decode())


def test_an_emulator_on_this_machine_may_answer_an_upload_with_http() -> None:
    reply = answer({"file_urls": ["http://127.0.0.1:8000/a.png"]})
    assert read_upload(LOCAL, reply) == "http://127.0.0.1:8000/a.png"
    with pytest.raises(ResponseError, match="not https"):
        read_upload(SEGMIND, reply)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"credits": 9.84, "free-credits": 0.018}, Credits(credits=9.84, free_credits=0.018)),
        ({"credits": 9}, Credits(credits=9.0)),
        ({"credits": -0.5, "free-credits": 0, "plan": "pro"}, Credits(credits=-0.5)),
        ({"credits": "a lot"}, None),
        ({"credits": None}, None),
        ({"credits": float("nan")}, None),
        ({"credits": float("inf")}, None),
        ({"free-credits": 1.0}, None),
        ({}, None),
        ([9.84, 0.018], None),
    ],
)
def test_credits_are_two_numbers(body: object, expected: Credits | None) -> None:
    if expected is not None:
        assert read_credits(answer(body)) == expected
        return
    with pytest.raises(ResponseError):
        read_credits(answer(body))


# Whatever a server may send

arbitrary = settings(max_examples=100, deadline=None, database=None)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["https://a.example/x.png", "COMPLETED", "FAILED", "QUEUED", "error", '["https://a.example"]']
    )
)
_words = [
    "status",
    "output",
    "outputs",
    "data",
    "keyname",
    "value",
    "type",
    "error",
    "poll_url",
    "request_id",
]
_keys = st.sampled_from([*_words, "metrics", "cost", "urls", "file_urls", "credits"]) | st.text(max_size=5)
documents = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=8,
)
objects = st.dictionaries(_keys, documents, max_size=6)
codes = st.sampled_from([200, 202, 302, 400, 401, 402, 403, 404, 406, 410, 422, 429, 500, 502, 504, 599])
headers = st.dictionaries(st.sampled_from(["x-request-id", "x-cost"]), st.text(max_size=10))
bodies = st.binary(max_size=200) | (documents | objects).map(lambda value: json.dumps(value).encode())
answers = st.builds(Answer, status_code=codes, headers=headers, body=bodies)


@arbitrary
@given(answers)
def test_whatever_a_poll_is_answered_only_documented_errors_come_out(reply: Answer) -> None:
    match outcome(lambda: read_status(reply)):
        case OutputError() as error:
            assert len(error.body) <= 64 * 1024
        case StatusError() as error:
            assert error.status_code == reply.status_code
            assert not reply.ok
            assert len(error.reason) <= 300
        case ResponseError() as error:
            assert reply.ok
            assert len(error.excerpt) <= 300
        case SwapStatus() as status:
            assert len(status.raw) <= 300
            assert len(status.reason) <= 300
            assert (picture_in(status.outputs) is not None) == (status.state is SwapState.COMPLETED)
            assert SwapStatus.model_validate_json(status.model_dump_json()) == status
        case other:
            pytest.fail(f"undocumented: {other!r}")


@arbitrary
@given(answers)
def test_whatever_a_submit_is_answered_it_is_a_job_or_none(reply: Answer) -> None:
    job = accepted_job(SEGMIND, reply, workflow=WORKFLOW, possible_duplicates=0)
    if job is not None:
        assert reply.ok
        assert job.poll_url or picture_in(job.outputs)
        if job.poll_url is not None:
            SEGMIND.complaint_about_poll_url(job.poll_url)
        assert type(job).model_validate_json(job.model_dump_json()) == job


@arbitrary
@given(answers)
def test_whatever_free_calls_are_answered_only_documented_errors_come_out(reply: Answer) -> None:
    assert len(reply.excerpt) <= 300
    for found in (outcome(lambda: read_upload(SEGMIND, reply)), outcome(lambda: read_credits(reply))):
        match found:
            case ResponseError():
                assert len(found.excerpt) <= 300
            case SwapError():
                pytest.fail(f"undocumented: {found!r}")
            case _:
                pass
    error = refusal(reply, Call.UPLOAD)
    assert error.status_code == reply.status_code
    assert len(str(error)) < 500
