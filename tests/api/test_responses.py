"""Responses: a job, a state, a cost, an upload or credits, read from an answer."""

import json

import pytest

from segmind_swap._api.messages import SwapUrls
from segmind_swap._api.origins import Service
from segmind_swap._api.requests import submit_request
from segmind_swap._api.responses import accepted_job, read_credits, read_status, read_upload
from segmind_swap._api.urls import MAX_URL_LENGTH
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
)
from segmind_swap._models import Credits, SwapState

from ..support.journal_rows import a_job
from ..support.readings import (
    BEHIND_A_PATH,
    IMAGES,
    LOCAL,
    SEGMIND,
    URL,
    Job,
    Poll,
    Unusable,
    answer,
    job_of,
    poll_of,
)

JOB = a_job()


@pytest.mark.parametrize(
    ("service", "told", "expected"),
    [
        (SEGMIND, "/workflows/request/1", Job("https://api.segmind.com/workflows/request/1")),
        (LOCAL, "/workflows/request/1", Job("http://127.0.0.1:8000/workflows/request/1")),
        (BEHIND_A_PATH, "/requests/1", Job("https://proxy.example/requests/1")),
        (SEGMIND, "/@evil.example/1", Job("https://api.segmind.com/@evil.example/1")),
        (SEGMIND, "//evil.example/1", Job("//evil.example/1", may_be_polled=False)),
        (SEGMIND, "/\\evil.example/1", Job("https://api.segmind.com/\\evil.example/1", may_be_polled=False)),
        (LOCAL, URL, Job(URL, may_be_polled=False)),
        (SEGMIND, "http://api.segmind.com/1", Job("https://api.segmind.com/1")),
        (SEGMIND, "http://eu.segmind.com/1", Job("http://eu.segmind.com/1", may_be_polled=False)),
        (SEGMIND, "http\u017f://api.segmind.com/1", Job("http\u017f://api.segmind.com/1", None, None, False)),
        (SEGMIND, "not a url", Job("not a url", may_be_polled=False)),
        (SEGMIND, "", Unusable()),
        (SEGMIND, "  ", Unusable()),
        (SEGMIND, 7, Unusable()),
        (SEGMIND, None, Unusable()),
        (SEGMIND, {"url": URL}, Unusable()),
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
        SEGMIND, answer({"poll_url": URL, **body}, request_id=header), workflow="w-v1", possible_duplicates=2
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
    body = {"poll_url": URL, "status": "COMPLETED", "output": "https://a.example/x.png"}
    assert job_of(answer(body)) == Job(URL)


@pytest.mark.parametrize("code", [199, 302, 400, 422, 429, 500, 502])
def test_only_a_2xx_is_an_acceptance(code: int) -> None:
    assert job_of(answer({"poll_url": URL}, code)) == Unusable()


@pytest.mark.parametrize("code", [200, 201, 202])
def test_any_2xx_with_a_poll_url_is_an_acceptance(code: int) -> None:
    assert job_of(answer({"poll_url": URL}, code)) == Job(URL)


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
    status = read_status(answer({"status": word, "output": "https://a.example/x.png"}), JOB)
    assert status.state is expected
    assert bool(status.outputs) == (expected is SwapState.COMPLETED)


def test_a_body_without_a_status_is_still_running() -> None:
    assert poll_of(answer({})) == Poll(SwapState.PROCESSING, "")
    assert poll_of(answer({"output": "https://a.example/x.png"})) == Poll(SwapState.PROCESSING, "")


def test_the_servers_own_word_is_kept_short_and_harmless() -> None:
    status = read_status(answer({"status": "\x1b[31mWARMING\u202e " + "x" * 1000}), JOB)
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
        read_status(answer(body, code, request_id="req-1"), JOB)
    assert caught.value.status_code == code
    assert caught.value.request_id == "req-1"


@pytest.mark.parametrize("code", [302, 400, 401, 404, 406, 422, 500, 502, 520])
@pytest.mark.parametrize("word", ["error", " ERROR "])
def test_a_gateways_own_status_error_does_not_fail_the_job(code: int, word: str) -> None:
    with pytest.raises(StatusError) as caught:
        read_status(answer({"status": word, "message": "upstream"}, code), JOB)
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
        read_status(answer(body, code), JOB)


def test_a_failed_422_without_reason_is_still_a_failed_job() -> None:
    assert poll_of(answer({"status": "FAILED"}, 422)) == Poll(SwapState.FAILED, "FAILED")


def test_completed_without_a_picture_keeps_the_raw_body_and_the_request_id() -> None:
    body = b'{"status": "COMPLETED", "request_id": "r-1", "output": "\\u001b[31mnothing"}'
    with pytest.raises(OutputError, match="paid") as caught:
        read_status(answer(text=body, request_id="r-2"), JOB)
    assert caught.value.body == body
    assert caught.value.request_id == "r-1"
    assert "\x1b" not in str(caught.value)
    with pytest.raises(OutputError) as caught:
        read_status(answer({"status": "COMPLETED", "output": "x" * 2_000_000}, request_id="r-2"), JOB)
    assert len(caught.value.body) == 1024 * 1024
    assert caught.value.request_id == "r-2"


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
        assert read_status(answer({**state, **body}, cost=header), JOB).cost_usd == expected


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
        read_status(answer(text=body, code=202), JOB)
    assert str(caught.value) == (
        f"the poll of the job was answered 202 with something that is not a JSON object: {told}"
    )
    assert (caught.value.status_code, caught.value.excerpt) == (202, body.decode())


def test_a_job_without_a_picture_is_told_to_be_paid_with_what_was_answered_instead() -> None:
    body = b'{"status": "COMPLETED", "output": "[]"}'
    with pytest.raises(OutputError) as caught:
        read_status(answer(text=body, request_id="r1"), JOB)
    assert str(caught.value) == (
        "the job is COMPLETED, but its answer holds no picture URL; the run was paid: " + body.decode()
    )
    assert (caught.value.body, caught.value.request_id) == (body, "r1")


def test_a_status_has_the_picture_when_it_is_done_and_a_reason_only_when_it_failed() -> None:
    done = [{"keyname": "picture", "value": {"data": f"{IMAGES}/a.png", "type": "image"}}]
    status = read_status(answer({"status": "COMPLETED", "output": json.dumps(done), "error": "none"}), JOB)
    assert (status.url, status.reason) == (f"{IMAGES}/a.png", "")
    status = read_status(answer({"status": "FAILED", "error": "no face"}), JOB)
    assert (status.url, status.reason) == (None, "no face")


def test_a_refused_poll_is_told_as_one() -> None:
    with pytest.raises(StatusError, match="poll"):
        read_status(answer(text=b"no", code=403), JOB)


def test_a_poll_url_may_be_as_long_as_any_that_can_be_asked() -> None:
    url = f"{SEGMIND.origin}/{'x' * MAX_URL_LENGTH}"[:MAX_URL_LENGTH]
    assert isinstance(job_of(answer({"poll_url": url})), Job)
    assert isinstance(job_of(answer({"poll_url": f"{url}x"})), Unusable)


def test_a_url_travels_as_it_is_written() -> None:
    request = submit_request(SEGMIND, WORKFLOW, SwapUrls(reference="https://a.example/größe.png", scene="b"))
    assert "https://a.example/größe.png".encode() in (request.body or b"")


@pytest.mark.parametrize(("body", "told"), [(b"", "empty"), (b"no money", "no money")])
def test_credits_that_cannot_be_read_are_told_with_what_was_said(body: bytes, told: str) -> None:
    with pytest.raises(ResponseError) as caught:
        read_credits(answer(text=body, code=201))
    assert str(caught.value) == f"the answer about credits cannot be read: {told}"
    assert (caught.value.status_code, caught.value.excerpt) == (201, body.decode())


def test_an_emulator_elsewhere_may_answer_an_upload_with_its_own_origin_over_http() -> None:
    service = Service("http://emulator:8765", allow_http_base=True)
    own = "http://emulator:8765/files/a.png"
    assert read_upload(service, answer({"file_urls": [own]})) == own
    with pytest.raises(ResponseError, match="not https"):
        read_upload(service, answer({"file_urls": ["http://other:8765/files/a.png"]}))


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
