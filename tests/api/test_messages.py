"""Messages: each published payload is understood, and no document that a server may send is misread."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.messages import Response
from segmind_swap._api.outputs import outputs_of, picture_in
from segmind_swap._api.requests import upload_request
from segmind_swap._api.responses import accepted_job, read_credits, read_status, read_upload, refusal
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
from segmind_swap._models import Call, Credits, SwapState, SwapStatus

from ..support.journal_rows import a_job
from ..support.readings import ID, IMAGES, SEGMIND, URL, Job, Poll, Unusable, answer, job_of, poll_of

JOB = a_job()
T = TypeVar("T")
_LINES = (Path(__file__).parents[1] / "payloads" / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
PAYLOADS: dict[str, dict[str, Any]] = {line["id"]: line for line in map(json.loads, _LINES)}


@dataclass(frozen=True)
class Error:
    kind: type[SwapError]
    reason: str | None = None
    """The server's text, of a `StatusError`."""


@dataclass(frozen=True)
class Picture:
    url: str


Understood: TypeAlias = Job | Unusable | Poll | Error | Picture | Credits
_V2_ID = "0d9a8f10-6f3c-4e0e-9a51-2b7f6f0c1d22"
EXPECTED: dict[str, Understood] = {
    "F01-submit-queued": Job(URL, ID),
    "F02-submit-min": Job(URL),
    "F03-submit-legacy-poll": Job(f"https://api.segmind.com/requests/{ID}", ID),
    "F04-submit-v2": Job(f"https://api.segmind.com/v1/requests/{_V2_ID}", _V2_ID),
    "F05-submit-no-poll-url": Unusable(),
    "F06-submit-inline-result": Job(None, picture=f"{IMAGES}/a1.png"),
    "F07-submit-foreign-poll-host": Job("https://evil.example/requests/1", "1", may_be_polled=False),
    "F08-submit-not-json": Unusable(),
    "F09-poll-queued": Poll(SwapState.QUEUED, "QUEUED"),
    "F10-poll-processing": Poll(SwapState.PROCESSING, "PROCESSING"),
    "F11-poll-unknown-state": Poll(SwapState.PROCESSING, "WARMING_UP"),
    "F12-poll-completed-string-list": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a1.png"),
    "F13-poll-completed-two-items": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a2.jpeg"),
    "F14-poll-completed-parsed-list": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a3.png"),
    "F15-poll-completed-string-dict": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a4.png"),
    "F16-poll-completed-plain-url": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a5.webp"),
    "F17-poll-completed-top-level-key": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a6.png"),
    "F18-poll-completed-outputs-key": Poll(SwapState.COMPLETED, "COMPLETED", f"{IMAGES}/a7.png"),
    "F19-poll-completed-empty": Error(OutputError),
    "F20-poll-completed-empty-list": Error(OutputError),
    "F21-poll-completed-bad-json": Error(OutputError),
    "F22-poll-completed-null": Error(OutputError),
    "F23-poll-succeeded-alias": Poll(SwapState.COMPLETED, "succeeded", f"{IMAGES}/a8.png"),
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
    "F29-poll-404-expired": Error(NotFoundError, f"Request {ID} not found"),
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
    "F56-webhook-run": Picture(f"{IMAGES}/a1.png"),
}


def payload_answer(payload: Mapping[str, Any]) -> Response:
    body = payload["text"].encode() if "text" in payload else json.dumps(payload["body"]).encode()
    return Response(status_code=payload["http"], headers=payload.get("headers", {}), body=body)


def outcome(read: Callable[[], T]) -> T | SwapError:
    """What `read` returns, or the documented error that it raises."""
    try:
        return read()
    except SwapError as exc:
        return exc


def read_as(call: str, reply: Response) -> Understood:
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


def understood(call: str, reply: Response) -> Understood:
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


def test_a_request_does_not_show_its_pictures_in_its_repr() -> None:
    assert "iVBORw" not in repr(upload_request(SEGMIND, "data:image/png;base64,iVBORw=="))
    assert "secret" not in repr(answer({"text": "secret"}))


NOT_OBJECTS: dict[str, bytes] = {
    "empty": b"",
    "white space": b" \r\n",
    "list": b'[{"poll_url": "https://api.segmind.com/1", "status": "COMPLETED"}]',
    "string": b'"COMPLETED"',
    "null": b"null",
    "html": b"<html><body>COMPLETED</body></html>",
    "invalid utf-8": b'{"status": "\xff\xfe"}',
    "utf-16 cut short": '{"status": "FAILED"}'.encode("utf-16")[:-1],
    "latin-1": '{"status": "größer"}'.encode("latin-1"),
    "NUL at the end": b'{"status": "FAILED"}\0',
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
        read_status(answer(text=body), JOB)
    assert caught.value.status_code == 200
    assert len(caught.value.excerpt) <= 300
    with pytest.raises(ServerError):
        read_status(answer(text=body, code=502), JOB)
    with pytest.raises(ResponseError):
        read_upload(SEGMIND, answer(text=body))
    with pytest.raises(ResponseError):
        read_credits(answer(text=body))


SAID = {"poll_url": "https://api.segmind.com/1", "status": "FAILED", "error": "no face", "credits": 1.5}
SAID_BODIES = {
    **{name: json.dumps(SAID).encode(name) for name in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32")},
    "lone surrogate": json.dumps({**SAID, "note": "smile \ud83d", "\ude00": [["\ud83d"]]}).encode(),
    "lone surrogate unescaped": json.dumps({**SAID, "note": "\ud83d"}, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    ),
}


@pytest.mark.parametrize("body", SAID_BODIES.values(), ids=SAID_BODIES.keys())
def test_a_body_that_json_loads_reads_is_a_job_a_state_or_credits(body: bytes) -> None:
    job = accepted_job(SEGMIND, answer(text=body), workflow=WORKFLOW, possible_duplicates=0)
    assert job is not None
    assert job.poll_url == SAID["poll_url"]
    status = read_status(answer(text=body), JOB)
    assert (status.state, status.reason) == (SwapState.FAILED, "no face")
    assert read_credits(answer(text=body)).credits == 1.5
    assert answer(text=body, code=429).excerpt == "no face"


def test_a_lone_surrogate_in_what_is_kept_never_prevents_the_record_of_a_job() -> None:
    text = json.dumps(
        {"status": "COMPLETED", "request_id": "\ud83d", "output": ["https://a.example/\ud83d.png"]}
    )
    status = read_status(answer(text=text.encode()), JOB)
    assert status.url == "https://a.example/%EF%BF%BD.png"
    assert SwapStatus.model_validate_json(status.model_dump_json()) == status
    quoted = json.dumps(
        {"status": "COMPLETED", "output": json.dumps([{"keyname": "\udfff", "value": "https://a.example/1"}])}
    )
    job = accepted_job(SEGMIND, answer(text=quoted.encode()), workflow=WORKFLOW, possible_duplicates=0)
    assert job is not None
    assert job.outputs[0].name == "\ufffd"
    assert type(job).model_validate_json(job.model_dump_json()) == job


def test_an_answer_that_cannot_be_used_keeps_an_excerpt_of_its_text() -> None:
    assert ID in payload_answer(PAYLOADS["F05-submit-no-poll-url"]).excerpt
    assert payload_answer(PAYLOADS["F08-submit-not-json"]).excerpt == "ok"
    assert answer(text=b"").excerpt == ""


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
answers = st.builds(Response, status_code=codes, headers=headers, body=bodies)


@arbitrary
@given(answers)
def test_whatever_a_poll_is_answered_only_documented_errors_come_out(reply: Response) -> None:
    match outcome(lambda: read_status(reply, JOB)):
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
def test_whatever_a_submit_is_answered_it_is_a_job_or_none(reply: Response) -> None:
    job = accepted_job(SEGMIND, reply, workflow=WORKFLOW, possible_duplicates=0)
    if job is not None:
        assert reply.ok
        assert job.poll_url or picture_in(job.outputs)
        if job.poll_url is not None:
            SEGMIND.poll_url_problem(job.poll_url)
        assert type(job).model_validate_json(job.model_dump_json()) == job


@arbitrary
@given(answers)
def test_whatever_free_calls_are_answered_only_documented_errors_come_out(reply: Response) -> None:
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
