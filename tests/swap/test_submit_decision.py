"""What is decided after a POST: a job, an error, another POST, or a swap in doubt."""

from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    BadRequestError,
    ConnectionFailedError,
    InsufficientCreditsError,
    NotFoundError,
    OutageBegan,
    OutageEnded,
    PermissionDeniedError,
    RetryPolicy,
    RetryScheduled,
    ServerError,
    StatusError,
    SubmissionUnknownError,
    Submitting,
    SwapError,
)
from segmind_swap._api.text import shorten
from segmind_swap._events import Event
from segmind_swap._http.failure_reason import failure_reason

from ..support.scripted_service import (
    PICTURES,
    Scripted,
    Step,
    accepted,
    client,
    ending,
    poll_url,
    raises,
    says,
)

STRICT = RetryPolicy(submit="strict")
NO_ROUTE = raises(httpx.ConnectError("no route"), reads="nothing")


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (302, "", BadRequestError),
        (400, "Invalid request body", BadRequestError),
        (402, "Insufficient credits", InsufficientCreditsError),
        (403, "not for your team", PermissionDeniedError),
        (404, "Workflow not found", NotFoundError),
        (405, "", BadRequestError),
        (406, "Insufficient credits", InsufficientCreditsError),
        (406, "Invalid content type", BadRequestError),
        (410, "retired", NotFoundError),
        (413, "", BadRequestError),
        (415, "", BadRequestError),
        (422, "bad parameter", BadRequestError),
        (500, "Internal server error", ServerError),
    ],
)
async def test_an_answer_that_refuses_is_its_typed_error_after_one_post(
    code: int, reason: str, error: type[StatusError]
) -> None:
    service = Scripted(submit=says(code, reason, x_request_id="r-1"))
    found = await ending(service)
    assert type(found) is error
    assert isinstance(found, StatusError)
    assert (found.status_code, found.request_id) == (code, "r-1")
    assert reason in str(found)
    assert service.count("submit") == 1


@pytest.mark.parametrize("code", [502, 503, 504])
async def test_documented_backs_off_after_a_gateway_error_and_counts_a_possible_duplicate(code: int) -> None:
    events: list[Any] = []
    service = Scripted(submit=[says(code), accepted()])
    async with client(service, on_event=events.append) as swaps:
        job = await swaps.submit(**PICTURES)
    assert job.possible_duplicates == 1
    assert service.count("submit") == 2
    (retry,) = [event for event in events if isinstance(event, RetryScheduled)]
    assert (retry.call, retry.attempt) == ("submit", 1)
    assert 0 <= retry.delay <= 1.0
    assert str(code) in retry.cause
    assert [event.attempt for event in events if isinstance(event, Submitting)] == [1, 2]


@pytest.mark.parametrize("code", [502, 503, 504])
async def test_strict_never_repeats_a_gateway_error(code: int) -> None:
    service = Scripted(submit=says(code, x_request_id="r-9"))
    found = await ending(service, retry=STRICT)
    assert isinstance(found, SubmissionUnknownError)
    assert (found.status_code, found.request_id, found.possible_duplicates) == (code, "r-9", 1)
    assert service.count("submit") == 1


async def test_three_504s_end_as_unknown_with_all_three_in_doubt() -> None:
    service = Scripted(submit=says(504))
    found = await ending(service)
    assert isinstance(found, SubmissionUnknownError)
    assert (found.status_code, found.possible_duplicates) == (504, 3)
    assert service.count("submit") == 3


@pytest.mark.parametrize("code", [302, 400, 401, 402, 403, 404, 406, 410, 422, 500])
async def test_a_refusal_after_a_504_is_unknown_because_the_first_may_run(code: int) -> None:
    service = Scripted(submit=[says(504), says(code, "Insufficient credits")])
    found = await ending(service)
    assert isinstance(found, SubmissionUnknownError)
    assert (found.status_code, found.possible_duplicates) == (code, 1)
    assert service.count("submit") == 2


async def test_no_connection_after_a_504_is_unknown_because_the_first_may_run() -> None:
    service = Scripted(submit=[says(504), NO_ROUTE])
    found = await ending(service)
    assert isinstance(found, SubmissionUnknownError)
    assert found.possible_duplicates == 1
    assert service.count("submit") == 3


async def test_closing_the_client_during_the_backoff_after_a_504_leaves_it_unknown() -> None:
    service = Scripted(submit=says(504))
    found: list[SwapError] = []
    swaps = client(service, retry=RetryPolicy(initial_delay=30.0))

    async def call() -> None:
        with pytest.raises(SubmissionUnknownError, match="closed") as caught:
            await swaps.submit(**PICTURES)
        found.append(caught.value)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        await swaps.aclose()
    assert service.count("submit") == 1
    assert len(found) == 1


AFTER_THE_LAST_BYTE: list[Exception] = [
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.ConnectTimeout("a transport that calls it so"),
    httpx.ConnectError("a transport that calls it so"),
    httpx.PoolTimeout("a transport that calls it so"),
    httpx.RemoteProtocolError("no answer"),
    ConnectionResetError("bare"),
    OSError("anything"),
    RuntimeError("anything"),
    ExceptionGroup("a group", [ValueError("inside")]),
]


@pytest.mark.parametrize("error", AFTER_THE_LAST_BYTE, ids=lambda error: type(error).__name__)
async def test_any_exception_after_the_last_byte_is_unknown_and_sent_once(error: Exception) -> None:
    for policy in (STRICT, RetryPolicy()):
        service = Scripted(submit=raises(error))
        found = await ending(service, retry=policy)
        assert isinstance(found, SubmissionUnknownError)
        assert shorten(failure_reason(error)) in str(found)
        assert found.status_code is None
        assert service.count("submit") == 1


@pytest.mark.parametrize("error", AFTER_THE_LAST_BYTE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("reads", ["nothing", "all but the last byte"])
async def test_the_same_exception_before_the_last_byte_sends_again(error: BaseException, reads: str) -> None:
    for policy in (STRICT, RetryPolicy()):
        service = Scripted(submit=[raises(error, reads=reads), accepted()])
        assert await ending(service, retry=policy) == "1"
        assert service.count("submit") == 2


async def test_a_server_that_is_never_reached_is_a_failed_connection_and_nothing_was_sent() -> None:
    service = Scripted(submit=NO_ROUTE)
    found = await ending(service)
    assert type(found) is ConnectionFailedError
    assert "nothing is charged" in str(found)
    assert service.count("submit") == 3


async def test_an_early_answer_to_a_body_that_never_left_whole_is_believed() -> None:
    refused = Scripted(submit=Step(status=413, body="too large", reads="all but the last byte"))
    assert isinstance(await ending(refused), BadRequestError)
    for policy in (STRICT, RetryPolicy()):
        gateway = Scripted(submit=[Step(status=503, body="", reads="nothing"), accepted()])
        async with client(gateway, retry=policy) as swaps:
            job = await swaps.submit(**PICTURES)
        assert job.possible_duplicates == 0, "it provably had not left"


async def test_an_answer_that_breaks_off_is_unknown_whatever_its_status_was() -> None:
    for code in (200, 400, 429, 504):
        service = Scripted(submit=Step(status=code, body={"error": "x" * 100}, cut=True))
        found = await ending(service)
        assert isinstance(found, SubmissionUnknownError)
        assert found.status_code == code
        assert service.count("submit") == 1


@pytest.mark.parametrize("code", [501, 520, 522, 524])
async def test_a_proxys_own_5xx_is_unknown_even_under_documented(code: int) -> None:
    service = Scripted(submit=says(code))
    found = await ending(service)
    assert isinstance(found, SubmissionUnknownError)
    assert found.status_code == code
    assert service.count("submit") == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><body>ok</body></html>",
        [],
        {"request_id": "r-5", "status": "QUEUED"},
        {"poll_url": "", "request_id": "r-5"},
        {"poll_url": 7, "request_id": "r-5"},
        {"status": "FAILED", "error": "at once", "request_id": "r-5"},
        {"status": "COMPLETED", "output": "", "request_id": "r-5"},
        b"\xff\xfe\x00",
        b'{"poll_url": "https://api.segm',
    ],
)
async def test_a_2xx_that_names_no_job_is_unknown_with_what_it_did_say(body: Any) -> None:
    service = Scripted(submit=Step(body=body))
    found = await ending(service)
    assert isinstance(found, SubmissionUnknownError)
    assert (found.status_code, found.job) == (200, None)
    assert found.request_id == (body["request_id"] if isinstance(body, dict) else None)
    assert service.count("submit") == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/requests/1",
        "http://api.segmind.com:8080/workflows/request/1",
        "http://eu.segmind.com/workflows/request/1",
        "https://key@api.segmind.com/workflows/request/1",
        "https://api.segmind.com.evil.example/1",
        "https://127.0.0.1/1",
        "file:///etc/passwd",
    ],
)
async def test_a_poll_url_elsewhere_is_never_polled_and_the_error_carries_the_job(url: str) -> None:
    service = Scripted(submit=Step(body={"poll_url": url, "request_id": "r-7"}))
    async with client(service) as swaps:
        with pytest.raises(SubmissionUnknownError) as caught:
            await swaps.swap(**PICTURES)
    assert caught.value.job is not None
    assert (caught.value.job.poll_url, caught.value.request_id) == (url, "r-7")
    assert service.count("submit") == len(service.seen) == 1


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("https://api.segmind.com/workflows/request/a b", "/workflows/request/a%20b"),
        (
            "https://api.segmind.com/workflows/request/結果?n=é",
            "/workflows/request/%E7%B5%90%E6%9E%9C?n=%C3%A9",
        ),
        ("/workflows/request/a b", "/workflows/request/a%20b"),
        ("/workflows/request/100%", "/workflows/request/100%"),
        ("/workflows/request/a%20b%2Fc", "/workflows/request/a%20b%2Fc"),
        ("http://api.segmind.com/workflows/request/1", "/workflows/request/1"),
        ("HTTP://API.segmind.com:80/workflows/request/1", "/workflows/request/1"),
        ("http://api.segmind.com:443/workflows/request/é", "/workflows/request/%C3%A9"),
    ],
)
async def test_a_poll_url_that_needs_encoding_or_tls_is_polled_and_loses_no_job(told: str, path: str) -> None:
    service = Scripted(submit=Step(body={"poll_url": told, "request_id": "r-7"}))
    async with client(service) as swaps:
        result = await swaps.swap(**PICTURES)
        if not told.startswith("/"):
            # A job that another program has written may have the URL as the server gave it.
            await swaps.wait(result.job.model_copy(update={"poll_url": told}))
    assert result.job.poll_url == f"https://api.segmind.com{path}"
    polls = [seen.request.url for seen in service.seen if seen.call == "poll"]
    assert {(str(url.host), url.scheme, url.raw_path.decode()) for url in polls} == {
        ("api.segmind.com", "https", path)
    }


@pytest.mark.parametrize(
    ("base_url", "told", "polled"),
    [
        ("https://gate.example:8443/segmind", "http://gate.example/r/1", "https://gate.example:8443/r/1"),
        (
            "https://gate.example:8443",
            "http://gate.example:8443/r/1?a#b",
            "https://gate.example:8443/r/1?a#b",
        ),
        ("https://gate.example", "http://gate.example", "https://gate.example"),
        ("https://gate.example", "http://gate.example:9000/r/1", None),
        ("https://gate.example", "http://a.gate.example/r/1", None),
        ("https://gate.example", "http://gate.example./r/1", None),
        ("https://gate.example", "http://gate.example@evil.example/r/1", None),
        ("https://gate.example", "http://gate.example\\@evil.example/r/1", None),
        ("https://gate.example", "http://gäte.example/r/1", None),
        ("https://gate.example", "http://\uff47ate.example/r/1", None),
        ("http://127.0.0.1:8000", "https://127.0.0.1:8000/r/1", None),
    ],
)
async def test_only_the_very_host_of_the_submit_is_asked_over_tls_instead(
    base_url: str, told: str, polled: str | None
) -> None:
    service = Scripted(submit=Step(body={"poll_url": told, "request_id": "r-7"}))
    async with client(service, base_url=base_url) as swaps:
        if polled is None:
            with pytest.raises(SubmissionUnknownError):
                await swaps.submit(**PICTURES)
        else:
            assert (await swaps.submit(**PICTURES)).poll_url == polled


async def test_a_result_in_the_answer_itself_is_a_job_that_needs_no_poll() -> None:
    body = {"status": "COMPLETED", "output": '{"picture": "https://images.segmind.com/generations/a9.png"}'}
    service = Scripted(submit=Step(body=body))
    async with client(service) as swaps:
        job = await swaps.submit(**PICTURES)
        result = await swaps.wait(type(job).model_validate_json(job.model_dump_json()))
        assert [found.state async for found in swaps.updates(job)] == ["COMPLETED"]
    assert job.poll_url is None
    assert result.url == "https://images.segmind.com/generations/a9.png"
    assert len(service.seen) == 1


async def test_what_a_2xx_without_poll_url_did_say_is_kept_word_for_word() -> None:
    body = {"message": "queued", "status_url": "https://api.segmind.com/v2/requests/7/status"}
    found = await ending(Scripted(submit=Step(body=body)))
    assert isinstance(found, SubmissionUnknownError)
    assert "https://api.segmind.com/v2/requests/7/status" in (found.excerpt or "")
    assert "https://api.segmind.com/v2/requests/7/status" in str(found)


async def test_white_space_around_a_poll_url_does_not_lose_the_job() -> None:
    async with client(Scripted(submit=Step(body={"poll_url": f" {poll_url()}\n"}))) as swaps:
        job = await swaps.submit(**PICTURES)
        assert (await swaps.wait(job)).job.poll_url == poll_url()


@pytest.mark.parametrize(
    ("code", "named", "pause"), [(502, 20, 20.0), (503, 20, 20.0), (504, 3600, 120.0), (503, 0, 0.5)]
)
async def test_a_submit_is_repeated_no_sooner_than_the_server_asks(
    code: int, named: int, pause: float
) -> None:
    service = Scripted(submit=[says(code, retry_after=str(named)), accepted()])
    assert await ending(service, retry=RetryPolicy(initial_delay=0.0)) == "1"
    first, second = service.times("submit")
    assert second - first == pytest.approx(pause, abs=0.1)


async def test_a_2xx_without_a_job_neither_opens_nor_closes_the_circuit_breaker() -> None:
    events: list[Event] = []
    broken, bare = says(520), Step(body={"status_url": "https://a.example/1"})
    service = Scripted(submit=[*[bare] * 9, *[broken] * 4, bare, broken, bare, bare, accepted()])
    async with client(service, on_event=events.append, timeout=3600.0) as swaps:
        for _ in range(13 + 2):
            with pytest.raises(SubmissionUnknownError):
                await swaps.submit(**PICTURES)
        assert [type(event) for event in events if isinstance(event, OutageBegan | OutageEnded)] == [
            OutageBegan
        ]
        for _ in range(2):
            with pytest.raises(SubmissionUnknownError):
                await swaps.submit(**PICTURES)
        assert not [event for event in events if isinstance(event, OutageEnded)]
        await swaps.submit(**PICTURES)
    assert len([event for event in events if isinstance(event, OutageEnded)]) == 1
