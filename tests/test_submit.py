"""A schedule for each way to pay twice, or to lose what was paid. Virtual time, on both loops."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from segmind_swap import (
    Abandoned,
    Accepted,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    Failed,
    ImageError,
    InsufficientCreditsError,
    NotFoundError,
    PermissionDeniedError,
    RateLimit,
    RateLimitError,
    RequestTimeouts,
    RetryPolicy,
    RetryScheduled,
    ServerError,
    StatusError,
    SubmissionUnknownError,
    Submitting,
    SwapClient,
    SwapError,
    SwapJob,
)
from segmind_swap._submit import submit

from .conftest import run_on_asyncio
from .scripted import (
    KEY,
    PICTURES,
    PNG,
    REFERENCE,
    SCENE,
    Scripted,
    Step,
    accepted,
    client,
    late,
    poll_url,
    raises,
    says,
)

STRICT = RetryPolicy(submit="strict")
NO_ROUTE = raises(httpx.ConnectError("no route"), reads="nothing")


async def ending(service: Scripted, **settings: Any) -> SwapError | str:
    """What a submit ended in: the request id of its job, or the error."""
    async with client(service, **settings) as swaps:
        try:
            job = await swaps.submit(**PICTURES)
        except SwapError as error:
            return error
        return job.request_id or ""


async def test_a_submit_sends_both_pictures_and_its_length_and_becomes_a_job() -> None:
    service = Scripted()
    async with client(service) as swaps:
        job = await swaps.submit(**PICTURES)
    (seen,) = service.seen
    assert json.loads(seen.body) == {"reference_character_image": REFERENCE, "character_image": SCENE}
    assert seen.request.headers["content-length"] == str(len(seen.body))
    assert "transfer-encoding" not in seen.request.headers
    assert (job.poll_url, job.request_id, job.possible_duplicates) == (poll_url(), "1", 0)
    assert KEY not in job.model_dump_json()


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


AFTER_THE_LAST_BYTE: list[BaseException] = [
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
async def test_any_exception_after_the_last_byte_is_unknown_and_sent_once(error: BaseException) -> None:
    for policy in (STRICT, RetryPolicy()):
        service = Scripted(submit=raises(error))
        found = await ending(service, retry=policy)
        assert isinstance(found, SubmissionUnknownError)
        assert type(error).__name__ in str(found)
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
        "http://api.segmind.com/workflows/request/1",
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


# The two auth schemes


def schemes(service: Scripted, call: str = "submit") -> list[str]:
    found = []
    for seen in service.seen:
        if seen.call == call:
            headers = seen.request.headers
            assert ("authorization" in headers) != ("x-api-key" in headers), "never both, never none"
            found.append("bearer" if "authorization" in headers else "x-api-key")
    return found


async def test_a_401_is_asked_again_once_with_the_other_scheme_which_is_then_remembered() -> None:
    service = Scripted(submit=[says(401, "bearer not taken"), accepted(), accepted(2)])
    async with client(service, auth="auto") as swaps:
        await swaps.submit(**PICTURES)
        job = await swaps.submit(**PICTURES)
        await swaps.status(job)
    assert schemes(service) == ["bearer", "x-api-key", "x-api-key"]
    assert schemes(service, "poll") == ["x-api-key"]
    assert job.possible_duplicates == 0


async def test_a_401_with_both_schemes_is_a_wrong_key_after_two_posts() -> None:
    service = Scripted(submit=says(401, "invalid key"))
    found = await ending(service, auth="auto", retry=RetryPolicy(attempts=1))
    assert isinstance(found, AuthenticationError)
    assert schemes(service) == ["bearer", "x-api-key"]


async def test_a_401_is_final_once_a_scheme_is_confirmed_or_pinned() -> None:
    service = Scripted(submit=[accepted(), says(401, "revoked")])
    async with client(service, auth="auto") as swaps:
        await swaps.submit(**PICTURES)
        with pytest.raises(AuthenticationError, match="revoked"):
            await swaps.submit(**PICTURES)
    assert service.count("submit") == 2
    pinned = Scripted(submit=says(401, "no"))
    assert isinstance(await ending(pinned, auth="x-api-key"), AuthenticationError)
    assert schemes(pinned) == ["x-api-key"]


async def test_a_504_then_a_401_with_an_unconfirmed_scheme_switches_and_keeps_the_doubt() -> None:
    service = Scripted(submit=[says(504), says(401), accepted()])
    async with client(service, auth="auto") as swaps:
        job = await swaps.submit(**PICTURES)
    assert schemes(service) == ["bearer", "bearer", "x-api-key"]
    assert job.possible_duplicates == 1


async def test_many_first_submits_at_once_each_try_at_most_two_schemes() -> None:
    class OnlyKeys(Scripted):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            good = "x-api-key" in request.headers
            self.steps["submit"] = [late(accepted() if good else says(401), 1.0)]
            return await super().handle_async_request(request)

    service = OnlyKeys()
    at_once = RateLimit(requests_per_minute=1e6)
    async with (
        client(service, auth="auto", rate_limit=at_once) as swaps,
        anyio.create_task_group() as group,
    ):
        for _ in range(20):
            group.start_soon(lambda: swaps.submit(**PICTURES))
    assert sorted(schemes(service)) == ["bearer"] * 20 + ["x-api-key"] * 20


# The rate limit


async def test_a_429_is_waited_out_and_uses_up_no_attempt() -> None:
    service = Scripted(submit=[says(429, "slow down", retry_after="7")] * 6 + [accepted()])
    async with client(service, retry=RetryPolicy(attempts=1, submit="strict")) as swaps:
        job = await swaps.submit(**PICTURES)
    times = service.times("submit")
    assert job.possible_duplicates == 0
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == pytest.approx([7.0] * 6, abs=0.1)


async def test_a_429_is_told_with_the_swap_that_met_it() -> None:
    events: list[Any] = []
    service = Scripted(submit=[says(429, "slow down", retry_after="7"), accepted()])
    async with client(service, on_event=events.append) as swaps:
        await swaps.submit(**PICTURES, id="pair-7")
    (retry,) = [event for event in events if isinstance(event, RetryScheduled)]
    assert retry.id == "pair-7"
    assert retry.delay == pytest.approx(7.0, abs=0.1)
    assert "429: slow down" in retry.cause


async def test_a_429_longer_than_the_timeout_is_a_rate_limit_error_and_nothing_was_submitted() -> None:
    service = Scripted(submit=says(429, "slow down", retry_after="50"))
    found = await ending(service, timeout=120.0)
    assert isinstance(found, RateLimitError)
    assert service.count("submit") == 3
    at_once = Scripted(submit=says(429, "slow down", retry_after="50"))
    assert isinstance(await ending(at_once, timeout=5.0), RateLimitError)
    assert at_once.count("submit") == 1, "what cannot end in time is not waited for"


async def test_a_429_that_outlasts_the_timeout_after_a_504_is_unknown() -> None:
    service = Scripted(submit=[says(504), says(429, "slow down", retry_after="100")])
    found = await ending(service, timeout=50.0)
    assert isinstance(found, SubmissionUnknownError)
    assert (found.status_code, found.possible_duplicates) == (429, 1)


async def test_a_known_limit_spreads_submits_evenly() -> None:
    service = Scripted()
    limit = RateLimit(requests_per_minute=30)
    async with client(service, rate_limit=limit) as swaps, anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(lambda: swaps.submit(**PICTURES))
    times = service.times("submit")
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == pytest.approx([2.0] * 9, abs=0.05)


# The hook between intent and POST


class Notes:
    """A record that notes what it is told, and how many POSTs had reached the service by then."""

    def __init__(self, service: Scripted, *, disk_full: bool = False) -> None:
        self.told_so_far: list[tuple[str, int, int]] = []
        self._service = service
        self._disk_full = disk_full

    async def sending(self, in_doubt: int) -> None:
        await anyio.sleep(0.25)
        if self._disk_full:
            raise OSError("disk full")
        self._note("sending", in_doubt)

    async def told(self, job: SwapJob | None, in_doubt: int) -> None:
        await anyio.sleep(0.25)
        self._note("over" if job is None else f"job {job.request_id}", in_doubt)

    def withdrawn(self, in_doubt: int) -> None:
        self._note("withdrawn", in_doubt)

    def _note(self, what: str, in_doubt: int) -> None:
        self.told_so_far.append((what, in_doubt, self._service.count("submit")))


async def test_each_post_is_recorded_before_it_leaves_and_before_anybody_hears_of_its_answer() -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="10"), says(504), accepted()])
    notes = Notes(service)

    def on_event(event: Any) -> None:
        if isinstance(event, Accepted):
            notes.told_so_far.append(("event", 0, 0))

    async with client(service, on_event=on_event) as swaps:
        session, _ = swaps._started()
        await submit(session, reference_url=REFERENCE, scene_url=SCENE, record=notes)
    assert notes.told_so_far == [
        ("sending", 0, 0),
        ("over", 0, 1),
        ("sending", 0, 1),
        ("over", 1, 2),
        ("sending", 1, 2),
        ("job 1", 1, 3),
        ("event", 0, 0),
    ]


async def test_an_intent_that_cannot_be_recorded_keeps_the_post_from_leaving_and_frees_its_place() -> None:
    service = Scripted()
    async with client(service) as swaps:
        session, _ = swaps._started()
        for _ in range(100):
            with pytest.raises(OSError, match="disk full"):
                await submit(
                    session,
                    reference_url=REFERENCE,
                    scene_url=SCENE,
                    record=Notes(service, disk_full=True),
                )
        assert service.count("submit") == 0
        assert (await swaps.submit(**PICTURES)).request_id == "1"


@pytest.mark.parametrize("reads", ["nothing", "all but the last byte"])
async def test_a_post_that_is_called_back_is_withdrawn_from_the_record(reads: str) -> None:
    service = Scripted(submit=Step(reads=reads, delay=60))
    notes = Notes(service)
    async with client(service) as swaps:
        session, _ = swaps._started()
        with anyio.move_on_after(5):
            await submit(session, reference_url=REFERENCE, scene_url=SCENE, record=notes)
    assert [what for what, _, _ in notes.told_so_far] == ["sending", "withdrawn"]


async def test_an_answer_that_comes_after_its_caller_has_gone_is_recorded_all_the_same() -> None:
    service = Scripted(submit=late(accepted(), 10))
    notes = Notes(service)
    async with client(service) as swaps:
        session, _ = swaps._started()
        with anyio.move_on_after(5):
            await submit(session, reference_url=REFERENCE, scene_url=SCENE, record=notes)
    assert [what for what, _, _ in notes.told_so_far] == ["sending", "job 1"]


async def test_a_client_that_is_closed_while_an_intent_is_being_recorded_sends_nothing_any_more() -> None:
    """It is no answer on its way for which closing would wait, and whoever closed it may end the program."""
    service = Scripted()
    notes = Notes(service)
    swaps = client(service)
    session, _ = swaps._started()

    async def submits() -> None:
        with pytest.raises(ConfigurationError, match="was closed"):
            await submit(session, reference_url=REFERENCE, scene_url=SCENE, record=notes)

    async with anyio.create_task_group() as group:
        group.start_soon(submits)
        await anyio.sleep(0.1)
        await swaps.aclose()
    assert notes.told_so_far == [("sending", 0, 0), ("withdrawn", 0, 0)]
    assert service.count("submit") == 0


async def test_an_acceptance_that_comes_after_the_429_of_another_submit_is_no_less_an_acceptance() -> None:
    """The slow one left more than a minute before the 429 from which the limit is counted back."""
    service = Scripted(submit=[late(accepted(), 80), says(429, "wait", retry_after="30")])
    jobs: list[SwapJob] = []
    async with client(service, timeout=20.0) as swaps, anyio.create_task_group() as group:

        async def slow() -> None:
            jobs.append(await swaps.submit(**PICTURES))

        group.start_soon(slow)
        await anyio.sleep(70)
        with pytest.raises(RateLimitError):
            await swaps.submit(**PICTURES)
    assert [job.request_id for job in jobs] == ["1"]


async def test_a_mistake_in_what_is_learnt_from_an_answer_does_not_lose_the_job_in_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("segmind_swap._pace.Pace.answered", mistaken)
    async with client(Scripted()) as swaps:
        assert (await swaps.submit(**PICTURES)).request_id == "1"
    assert "taught nothing" in caplog.text


# A transport that misbehaves


class Retrying(httpx.AsyncBaseTransport):
    """As some caching or retrying transports do: sends the same request again by itself."""

    def __init__(self, service: Scripted, *, swallow: bool) -> None:
        self._service = service
        self._swallow = swallow

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(3):
            try:
                response = await self._service.handle_async_request(request)
            except (httpx.HTTPError, RuntimeError):
                if not self._swallow:
                    raise
                continue
            if response.status_code < 500:
                return response
        raise httpx.ReadError("gave up")


@pytest.mark.parametrize("swallow", [True, False])
async def test_a_transport_that_sends_the_body_again_is_stopped_by_the_body(swallow: bool) -> None:
    service = Scripted(submit=[says(504), accepted(), accepted(2)])
    async with client(Retrying(service, swallow=swallow)) as swaps:
        with pytest.raises(SubmissionUnknownError):
            await swaps.submit(**PICTURES)
    assert service.count("submit") == 1, "the body was handed out whole only once"


async def test_a_transport_that_never_answers_is_left_at_the_deadline_of_the_loop() -> None:
    timeouts = RequestTimeouts(submit_total=42.0)
    service = Scripted(submit=late(accepted(), 1e6))
    started = anyio.current_time()
    found = await ending(service, request_timeouts=timeouts)
    assert isinstance(found, SubmissionUnknownError)
    assert anyio.current_time() - started == pytest.approx(42.0, abs=0.1)
    assert service.count("submit") == 1


# Cancellation


async def test_a_caller_cancelled_at_the_gate_sends_nothing_and_the_next_swap_goes_on() -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="60"), accepted()])
    async with client(service) as swaps:
        with anyio.move_on_after(30) as scope:
            await swaps.submit(**PICTURES)
        assert scope.cancelled_caught
        assert service.count("submit") == 1
        assert (await swaps.submit(**PICTURES)).request_id == "1"
    assert service.count("submit") == 2


class SlowBody(httpx.AsyncBaseTransport):
    """Takes its time between the parts of a request's body, and remembers what it has got."""

    def __init__(self) -> None:
        self.got = b""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for chunk in request.stream:
            self.got += chunk
            await anyio.sleep(10)
        return httpx.Response(200, json=accepted().body)


async def test_no_last_byte_leaves_after_the_caller_has_gone() -> None:
    service = SlowBody()
    async with client(service) as swaps:
        with anyio.move_on_after(5):
            await swaps.submit(**PICTURES)
        await anyio.sleep(100)
    assert service.got
    with pytest.raises(json.JSONDecodeError):
        json.loads(service.got)


async def test_an_answer_on_its_way_when_the_caller_goes_is_brought_home_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[Any] = []
    service = Scripted(submit=late(accepted(), 10.0))
    async with client(service, on_event=events.append) as swaps:
        started = anyio.current_time()
        with anyio.move_on_after(1) as scope:
            await swaps.submit(**PICTURES)
        assert scope.cancelled_caught
        assert anyio.current_time() - started == pytest.approx(1.0, abs=0.1), "cancellation is not held up"
        assert not any(isinstance(event, Abandoned) for event in events)
        await anyio.sleep(10)
        (abandoned,) = [event for event in events if isinstance(event, Abandoned)]
        assert [event.job for event in events if isinstance(event, Accepted)] == [abandoned.job]
    assert abandoned.job.request_id == "1"
    assert "job 1 was accepted and is billed" in caplog.text
    assert KEY not in caplog.text


async def test_leaving_the_client_waits_for_an_answer_on_its_way_at_most_its_grace() -> None:
    for delay, told in ((10.0, 1), (1000.0, 0)):
        events: list[Any] = []
        service = Scripted(submit=late(accepted(), delay))
        started = anyio.current_time()
        with anyio.move_on_after(1):
            async with client(service, on_event=events.append) as swaps:
                await swaps.submit(**PICTURES)
        assert sum(isinstance(event, Abandoned) for event in events) == told
        assert anyio.current_time() - started <= 16.1


async def test_an_answer_that_never_comes_is_named_in_a_warning_after_the_grace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Scripted(submit=late(accepted(), 1000.0))
    async with client(service) as swaps:
        with anyio.move_on_after(1):
            await swaps.submit(**PICTURES, id="pair-7")
        await anyio.sleep(20)
    assert "nobody waits any more for swap 'pair-7': the swap may have been accepted" in caplog.text


async def test_who_waits_when_the_client_is_closed_learns_after_the_grace_that_it_is_unknown() -> None:
    service = Scripted(submit=late(accepted(), 1000.0))
    swaps = client(service)
    found: list[SubmissionUnknownError] = []

    async def call() -> None:
        with pytest.raises(SubmissionUnknownError, match="the client was closed") as caught:
            await swaps.submit(**PICTURES)
        found.append(caught.value)

    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        await swaps.aclose()
    assert anyio.current_time() - started <= 16.1
    assert [error.possible_duplicates for error in found] == [1]


async def test_a_refusal_nobody_waits_for_is_not_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    service = Scripted(submit=late(says(400, "bad"), 5.0))
    async with client(service) as swaps:
        with anyio.move_on_after(1):
            await swaps.submit(**PICTURES)
        await anyio.sleep(10)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_cancelling_during_the_backoff_after_a_504_is_told_and_sends_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Scripted(submit=says(504))
    async with client(service, retry=RetryPolicy(initial_delay=1000.0, max_delay=1000.0)) as swaps:
        with anyio.move_on_after(0.5):
            await swaps.submit(**PICTURES)
        await anyio.sleep(2000)
    assert service.count("submit") == 1
    assert "may have been accepted" in caplog.text


def test_plain_asyncio_cancellation_does_not_lose_an_answer_on_its_way() -> None:
    async def main() -> list[Any]:
        events: list[Any] = []
        service = Scripted(submit=late(accepted(), 0.05))
        async with client(service, on_event=events.append) as swaps:
            task = asyncio.create_task(swaps.submit(**PICTURES))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            task.cancel()
        return [event for event in events if isinstance(event, Abandoned)]

    assert [event.job.request_id for event in run_on_asyncio(main())] == ["1"]


def test_asyncio_timeout_and_wait_for_raise_what_they_always_raise() -> None:
    async def main() -> None:
        service = Scripted(submit=late(accepted(), 0.05))
        async with client(service) as swaps:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await swaps.submit(**PICTURES)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(swaps.submit(**PICTURES), 0.01)

    run_on_asyncio(main())


async def test_a_storm_of_cancellations_leaves_every_place_free() -> None:
    service = Scripted(submit=late(accepted(), 3.0))
    async with client(service) as swaps:

        async def hasty(patience: float) -> None:
            with anyio.move_on_after(patience):
                await swaps.submit(**PICTURES)

        async with anyio.create_task_group() as group:
            for number in range(500):
                group.start_soon(hasty, 0.01 * number)
        service.steps["submit"] = [accepted(5)]
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(lambda: swaps.submit(**PICTURES))


class CountedBodies(httpx.AsyncBaseTransport):
    """Checks that no request is in flight beyond the bound, while callers come and go."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await request.aread()
            await anyio.sleep(5)
            return httpx.Response(200, stream=OneChunk(json.dumps(accepted().body).encode()))
        finally:
            self.now -= 1


class OneChunk(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


async def test_submits_whose_callers_have_gone_still_hold_their_places() -> None:
    service = CountedBodies()
    async with client(service) as swaps:

        async def hasty() -> None:
            with anyio.move_on_after(1):
                await swaps.submit(**PICTURES)

        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(hasty)
        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(lambda: swaps.submit(**PICTURES))
    assert service.most <= 32


async def test_an_exception_of_the_callers_own_passes_unchanged() -> None:
    class Mine(Exception):
        pass

    with pytest.raises(Mine):
        async with client(Scripted()) as swaps:
            await swaps.submit(**PICTURES)
            raise Mine


async def test_a_bad_request_is_refused_before_anything_is_sent() -> None:
    service = Scripted()
    async with client(service) as swaps:
        for bad in (None, 7, [], object()):
            with pytest.raises(SwapError):
                await swaps.submit(reference_character_image=bad, character_image=SCENE)  # type: ignore[arg-type]
    assert service.seen == []


async def test_a_process_that_ends_during_a_429_has_submitted_nothing() -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="100"), accepted()])
    swaps: SwapClient = client(service)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: swaps.submit(**PICTURES))
        await anyio.sleep(50)
        group.cancel_scope.cancel()
    await swaps.aclose()
    await anyio.sleep(1000)
    assert service.count("submit") == 1


# What a review found


class WritesLater(httpx.AsyncBaseTransport):
    """Writes the body in a task of its own, as some transports do, and goes on after it has given up."""

    def __init__(self, step: Step, group: Any) -> None:
        self.bodies: list[bytes] = []
        self._step = step
        self._group = group

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._group.start_soon(self._write, request)
        await anyio.sleep(1)
        if self._step.error is not None:
            raise self._step.error
        return httpx.Response(self._step.status, headers=self._step.headers, text="busy")

    async def _write(self, request: httpx.Request) -> None:
        body = b""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        try:
            async for chunk in request.stream:
                body += chunk
                await anyio.sleep(3)
        except RuntimeError:
            return
        self.bodies.append(body)


@pytest.mark.parametrize(
    "step", [raises(ConnectionResetError("reset")), says(503), says(429, "wait", retry_after="1")]
)
async def test_a_body_that_is_given_up_is_called_back_from_a_transport_that_writes_on(step: Step) -> None:
    async with anyio.create_task_group() as group:
        service = WritesLater(step, group)
        async with client(service, timeout=10.0) as swaps:
            with pytest.raises((ConnectionFailedError, StatusError)):
                await swaps.submit(**PICTURES)
            await anyio.sleep(100)
    assert service.bodies == [], "it said that nothing was submitted"


async def test_no_swap_is_posted_any_more_once_the_client_is_closing() -> None:
    service = Scripted(
        submit=[late(accepted(), 10.0), accepted(2)],
        upload=late(Step(body={"file_urls": ["https://images.segmind.com/u.png"]}), 3.0),
    )
    swaps = client(service)
    endings: list[str] = []

    async def call(**pictures: Any) -> None:
        try:
            endings.append((await swaps.submit(**{**PICTURES, **pictures})).request_id or "")
        except SwapError as error:
            endings.append(type(error).__name__)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        group.start_soon(lambda: call(character_image=PNG))
        while service.count("upload") + service.count("submit") < 2:  # noqa: ASYNC110 - others' progress
            await anyio.sleep(0.01)
        await swaps.aclose()
    assert sorted(endings) == ["1", "ConfigurationError"]
    assert service.count("submit") == 1


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
    ("step", "told"),
    [
        (late(Step(body={"request_id": "r-5"}), 5.0), "request id r-5"),
        (late(Step(body={"poll_url": "https://evil.example/1", "request_id": "r-6"}), 5.0), "request id r-6"),
        (late(says(504), 5.0), "504"),
    ],
)
async def test_an_unclear_end_that_nobody_waits_for_is_told_with_all_that_is_known(
    step: Step, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Any] = []
    async with client(Scripted(submit=step), on_event=events.append) as swaps:
        with anyio.move_on_after(1):
            await swaps.submit(**PICTURES, id="pair-7")
        await anyio.sleep(10)
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert isinstance(failed.error, SubmissionUnknownError)
    assert failed.id == "pair-7"
    assert told in caplog.text
    assert not [event for event in events if isinstance(event, Accepted | Abandoned)]


async def test_a_handler_that_is_interrupted_at_the_acceptance_does_not_lose_the_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Interrupt(BaseException):
        pass

    def interrupted(event: Any) -> None:
        if isinstance(event, Accepted):
            raise Interrupt

    async with client(Scripted(), on_event=interrupted) as swaps:
        with pytest.raises(Interrupt):
            await swaps.submit(**PICTURES)
    assert poll_url() in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "https://localhost:8000/a.png",
        "http://192.168.1.4/a.png",
        "http://[fd00::1]/a.png",
    ],
)
async def test_a_url_that_segmind_could_never_fetch_is_refused_before_it_is_paid(url: str) -> None:
    service = Scripted()
    async with client(service) as swaps:
        with pytest.raises(ImageError, match="not a public address"):
            await swaps.submit(reference_character_image=REFERENCE, character_image=url)
    assert service.seen == []
