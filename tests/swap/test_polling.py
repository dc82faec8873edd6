"""Waiting is free, and nothing but the service's own word ends a paid job. Exact times, on both loops."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    AuthenticationError,
    BadRequestError,
    Completed,
    ConfigurationError,
    ConnectionFailedError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    Polled,
    PollPolicy,
    RateLimitError,
    RequestTimeouts,
    ResponseError,
    RetryPolicy,
    RetryScheduled,
    ServerError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapOutput,
    SwapResult,
    SwapState,
    SwapTimeoutError,
)

from ..support.scripted_service import (
    DONE,
    FAILED,
    PROCESSING,
    QUEUED,
    RESULT,
    Scripted,
    Step,
    client,
    late,
    poll_url,
    raises,
    says,
)


def job(age: float = 0.0, **more: Any) -> SwapJob:
    submitted_at = datetime.now(UTC) - timedelta(seconds=age)
    return SwapJob(
        **{"poll_url": poll_url(), "request_id": "1", "workflow": "w", "submitted_at": submitted_at, **more}
    )


async def waited(
    service: Scripted, *, age: float = 0.0, timeout: float | None = None, **settings: Any
) -> tuple[SwapResult | SwapError, float, list[float]]:
    """What waiting ended in, how long it took, and when the polls came."""
    async with client(service, **settings) as swaps:
        started = anyio.current_time()
        try:
            ending: SwapResult | SwapError = await swaps.wait(job(age), timeout=timeout)
        except SwapError as error:
            ending = error
        return ending, anyio.current_time() - started, [at - started for at in service.times("poll")]


@pytest.mark.parametrize("interval", [0.01, 1.0, 7.0, 300.0])
async def test_polls_come_once_an_interval_until_the_job_is_done(interval: float) -> None:
    service = Scripted(poll=[QUEUED, PROCESSING, PROCESSING, DONE])
    ending, took, polls = await waited(service, polling=PollPolicy(interval=interval), timeout=1e6)
    assert isinstance(ending, SwapResult)
    assert (ending.url, ending.job.request_id) == (RESULT, "1")
    assert polls == pytest.approx([interval * n for n in (1, 2, 3, 4)], rel=0.01, abs=0.1)
    assert ending.seconds == pytest.approx(took, abs=0.2)


async def test_the_duration_of_a_job_is_told_between_two_polls() -> None:
    ending, _, polls = await waited(Scripted(poll=[QUEUED, PROCESSING, DONE]))
    assert isinstance(ending, SwapResult)
    assert (ending.least_seconds, ending.seconds) == pytest.approx(tuple(polls[1:]), abs=0.2)
    late_ending, _, _ = await waited(Scripted(), age=3600.0)
    assert isinstance(late_ending, SwapResult)
    assert late_ending.seconds >= 3600.0
    assert late_ending.least_seconds == 0.0, "nobody looked in time: it may have taken a second"


async def test_the_first_poll_can_be_put_off_or_brought_forward() -> None:
    for first_after in (0.0, 3.0, 45.0):
        _, _, polls = await waited(Scripted(), polling=PollPolicy(first_after=first_after))
        assert polls == pytest.approx([first_after], abs=0.1)


async def test_a_job_from_another_process_is_polled_at_once_when_it_is_old_enough() -> None:
    for age, first in ((3.0, 4.0), (7.0, 0.0), (3600.0, 0.0)):
        ending, _, polls = await waited(Scripted(), age=age)
        assert isinstance(ending, SwapResult)
        assert polls == pytest.approx([first], abs=0.2)
        assert ending.seconds == pytest.approx(age + first, abs=0.3)


async def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    ending, _, polls = await waited(Scripted(), age=-86_400.0)
    assert isinstance(ending, SwapResult)
    assert polls == pytest.approx([7.0], abs=0.1)
    assert ending.seconds == pytest.approx(7.0, abs=0.1)


FAILING = [
    says(500),
    says(502),
    says(503),
    says(504),
    says(520),
    says(400, "odd"),
    says(402, "odd"),
    says(405),
    says(422, "odd"),
    says(302),
    Step(status=502, body={"status": "FAILED", "error": "the gateway's own word"}),
    Step(body="<html>maintenance</html>"),
    Step(body=""),
    Step(body=[]),
    Step(body=b"\xff\xfe"),
    Step(body=DONE.body, cut=True),
    raises(httpx.ReadTimeout("slow")),
    raises(ConnectionResetError("reset")),
    raises(ExceptionGroup("g", [OSError("x")])),
]


@pytest.mark.parametrize("step", FAILING, ids=lambda step: f"{step.status}-{type(step.error).__name__}")
async def test_no_failure_of_a_poll_fails_the_job_and_an_outage_adds_no_load(step: Step) -> None:
    service = Scripted(poll=[step] * 20 + [DONE])
    ending, _, polls = await waited(service)
    assert isinstance(ending, SwapResult)
    assert len(polls) == 21
    gaps = [b - a for a, b in zip(polls, polls[1:], strict=False)]
    assert all(7.0 - 1e-6 <= gap <= 30.1 for gap in gaps)
    assert any(gap > 7.5 for gap in gaps), "twenty failures in a row are backed off from"


async def test_failures_are_told_and_forgotten_after_a_good_answer() -> None:
    events: list[Any] = []
    service = Scripted(poll=[says(502), says(504), PROCESSING, says(502), DONE])
    async with client(service, on_event=events.append) as swaps:
        result = await swaps.wait(job())
    retries = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(event.call, event.attempt) for event in retries] == [("poll", 1), ("poll", 2), ("poll", 3)]
    assert all(event.job == result.job and "answered 50" in event.cause for event in retries)
    states = [event.status.state for event in events if isinstance(event, Polled)]
    assert states == ["PROCESSING", "COMPLETED"]
    assert [event.result for event in events if isinstance(event, Completed)] == [result]


async def test_a_429_on_a_poll_never_fails_the_job() -> None:
    service = Scripted(poll=[says(429, "slow", retry_after="60")] * 5 + [DONE])
    ending, took, _ = await waited(service)
    assert isinstance(ending, SwapResult)
    assert took == pytest.approx(7 + 5 * 60, abs=1)


async def test_at_the_deadline_a_running_job_is_a_timeout_that_can_be_waited_for_again() -> None:
    service = Scripted(poll=PROCESSING)
    ending, took, polls = await waited(service, timeout=100.0)
    assert isinstance(ending, SwapTimeoutError)
    assert isinstance(ending, TimeoutError)
    assert took == pytest.approx(100.0, abs=0.1)
    assert len(polls) == 14
    assert (ending.seconds, ending.last_error) == (100.0, None)
    assert ending.job is not None
    service.steps["poll"] = [DONE]
    async with client(service) as swaps:
        assert (await swaps.wait(ending.job)).url == RESULT


async def test_a_timeout_during_an_outage_names_the_last_error() -> None:
    ending, _, _ = await waited(Scripted(poll=says(503, "maintenance")), timeout=50.0)
    assert isinstance(ending, SwapTimeoutError)
    assert isinstance(ending.last_error, ServerError)
    assert "maintenance" in str(ending)


async def test_a_poll_in_flight_is_abandoned_at_the_deadline() -> None:
    ending, took, _ = await waited(
        Scripted(poll=late(DONE, 1e5)), timeout=10.0, request_timeouts=RequestTimeouts(poll_total=1e6)
    )
    assert isinstance(ending, SwapTimeoutError)
    assert took == pytest.approx(10.0, abs=0.1)


async def test_a_poll_that_hangs_is_given_up_and_made_again() -> None:
    ending, _, polls = await waited(Scripted(poll=[late(DONE, 1e5), DONE]))
    assert isinstance(ending, SwapResult)
    assert polls == pytest.approx([7.0, 7.0 + 20.0 + 7.0], abs=0.1)


async def test_a_timeout_may_be_infinite() -> None:
    ending, took, _ = await waited(Scripted(poll=[PROCESSING] * 400 + [DONE]), timeout=float("inf"))
    assert isinstance(ending, SwapResult)
    assert took > 2_800, "three times what is usual"


@pytest.mark.parametrize(
    ("code", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)], ids=["401", "403"]
)
async def test_a_key_that_may_not_ask_ends_the_wait_at_once_with_the_job(
    code: int, error: type[SwapError]
) -> None:
    ending, _, polls = await waited(Scripted(poll=[says(code, "revoked"), DONE]))
    assert type(ending) is error
    assert isinstance(ending, SwapError)
    assert ending.job is not None
    assert len(polls) == 1


@pytest.mark.parametrize(
    ("code", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)], ids=["401", "403"]
)
async def test_a_refusal_of_a_job_that_was_answered_before_is_asked_again_for_half_a_minute(
    code: int, error: type[SwapError]
) -> None:
    challenge = says(code, "Attention required!")
    ending, _, _ = await waited(Scripted(poll=[PROCESSING, challenge, challenge, challenge, DONE]))
    assert isinstance(ending, SwapResult)
    ending, took, polls = await waited(Scripted(poll=[PROCESSING, challenge]))
    assert type(ending) is error
    assert len(polls) == 5
    assert took == pytest.approx(7 + 7 + 30, abs=0.5)


async def test_a_firewalls_challenge_to_the_first_poll_is_asked_again() -> None:
    challenge = says(403, "Just a moment...", cf_mitigated="challenge")
    ending, _, polls = await waited(Scripted(poll=[challenge, challenge, DONE]))
    assert (isinstance(ending, SwapResult), len(polls)) == (True, 3)


@pytest.mark.parametrize(
    "code", [*range(300, 309), 402, 405, 406, 408, 409, 413, 418, 425, 451, *range(500, 600)]
)
async def test_no_other_status_of_a_poll_ends_a_paid_job_before_its_deadline(code: int) -> None:
    ending, _, _ = await waited(Scripted(poll=[*[says(code)] * 12, DONE]))
    assert isinstance(ending, SwapResult), ending


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504, 520])
async def test_the_next_poll_waits_for_the_time_that_the_server_names(code: int) -> None:
    busy = says(code, retry_after="40")
    _, _, polls = await waited(Scripted(poll=[busy, DONE]), retry=RetryPolicy(max_delay=1.0))
    assert polls == pytest.approx([7, 47], abs=1)


async def test_a_waiting_process_finds_the_scheme_by_itself() -> None:
    ending, _, polls = await waited(Scripted(poll=[says(401, "bearer not taken"), DONE]), auth="auto")
    assert isinstance(ending, SwapResult)
    assert len(polls) == 2
    assert polls[0] == pytest.approx(polls[1], abs=0.1)


async def test_three_missing_answers_over_thirty_seconds_mean_expired_and_it_stays_waitable() -> None:
    for code in (404, 410):
        service = Scripted(poll=says(code, "Request 1 not found"))
        ending, took, polls = await waited(service, retry=RetryPolicy(initial_delay=0.0))
        assert isinstance(ending, SwapExpiredError)
        assert len(polls) == 6, "at 7, 14, 21, 28, 35 and 42 s: the first that is 30 s after the first"
        assert took == pytest.approx(42.0, abs=0.1)
        assert ending.job is not None
        service.steps["poll"] = [DONE]
        async with client(service) as swaps:
            assert (await swaps.wait(ending.job)).url == RESULT


async def test_missing_answers_far_apart_still_need_three() -> None:
    ending, took, polls = await waited(
        Scripted(poll=says(404, "not found")), polling=PollPolicy(interval=100.0), timeout=1e5
    )
    assert isinstance(ending, SwapExpiredError)
    assert len(polls) == 3
    assert took == pytest.approx(300.0, abs=1)


@pytest.mark.parametrize("between", [says(502), PROCESSING], ids=["an outage", "a good answer"])
async def test_anything_between_the_missing_answers_begins_the_count_again(between: Step) -> None:
    gone = says(404, "not found")
    service = Scripted(poll=[gone, gone, between] * 10 + [DONE])
    ending, _, polls = await waited(service, timeout=3000.0)
    assert isinstance(ending, SwapResult)
    assert len(polls) == 31


async def test_failed_is_an_error_with_the_services_own_reason() -> None:
    for step in (FAILED, Step(status=422, body=FAILED.body)):
        ending, _, _ = await waited(Scripted(poll=[PROCESSING, step]))
        assert isinstance(ending, SwapFailedError)
        assert ending.reason == "No character found"
        assert ending.job is not None
    bare, _, _ = await waited(Scripted(poll=Step(body={"status": "FAILED"})))
    assert isinstance(bare, SwapFailedError)
    assert bare.reason == ""


async def test_completed_without_a_picture_is_its_own_error_that_keeps_the_body() -> None:
    ending, _, polls = await waited(Scripted(poll=Step(body={"status": "COMPLETED", "output": "[]"})))
    assert isinstance(ending, OutputError)
    assert ending.body == b'{"status": "COMPLETED", "output": "[]"}'
    assert ending.job is not None
    assert len(polls) == 3, "its outputs may become visible after its state"


async def test_outputs_that_become_visible_after_the_state_are_found() -> None:
    bare = Step(body={"status": "COMPLETED", "output": ""})
    ending, _, polls = await waited(Scripted(poll=[bare, bare, DONE]))
    assert not isinstance(ending, SwapError)
    assert len(polls) == 3


@pytest.mark.parametrize(
    "later", [says(404), FAILED, says(502), says(401)], ids=["404", "failed", "502", "401"]
)
async def test_no_later_poll_takes_back_that_a_job_was_completed(later: Step) -> None:
    bare = Step(body={"status": "COMPLETED", "output": ""})
    ending, _, _ = await waited(Scripted(poll=[bare, later]))
    assert isinstance(ending, OutputError)


async def test_a_job_of_another_service_is_refused_before_the_key_leaves() -> None:
    service = Scripted()
    async with client(service) as swaps:
        for url in ("http://127.0.0.1:8765/workflows/request/1", "https://evil.example/1"):
            stranger = job(poll_url=url)
            with pytest.raises(ConfigurationError, match="must not see the key") as caught:
                await swaps.wait(stranger)
            with pytest.raises(ConfigurationError):
                await swaps.status(stranger)
            assert caught.value.job == stranger
    assert service.seen == []


# One poll


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (says(400, "x"), BadRequestError),
        (says(401, "x"), AuthenticationError),
        (says(403, "x"), PermissionDeniedError),
        (says(404, "x"), NotFoundError),
        (says(429, "x"), RateLimitError),
        (says(502), ServerError),
        (Step(body="<html>"), ResponseError),
        (raises(httpx.ReadError("x")), ConnectionFailedError),
    ],
)
async def test_status_asks_once_and_a_failure_carries_the_job(step: Step, error: type[SwapError]) -> None:
    service = Scripted(poll=step)
    async with client(service) as swaps:
        with pytest.raises(error) as caught:
            await swaps.status(job())
    assert type(caught.value) is error
    assert caught.value.job is not None
    assert service.count("poll") == 1


async def test_status_tells_a_failed_job_as_a_value() -> None:
    async with client(Scripted(poll=FAILED)) as swaps:
        found = await swaps.status(job())
    assert (found.state, found.raw, found.reason) == (SwapState.FAILED, "FAILED", "No character found")


async def test_updates_tell_each_good_answer_to_the_last() -> None:
    service = Scripted(poll=[QUEUED, says(502), PROCESSING, Step(body={"status": "WARMING_UP"}), DONE])
    async with client(service) as swaps:
        found = [status async for status in swaps.updates(job())]
        failed = Scripted(poll=[QUEUED, FAILED])
    assert [(status.state.value, status.raw) for status in found] == [
        ("QUEUED", "QUEUED"),
        ("PROCESSING", "PROCESSING"),
        ("PROCESSING", "WARMING_UP"),
        ("COMPLETED", "COMPLETED"),
    ]
    assert service.times("poll")[-1] - service.times("poll")[0] == pytest.approx(28.0, abs=1)
    async with client(failed) as swaps:
        assert [status.state.value async for status in swaps.updates(job())] == ["QUEUED", "FAILED"]


async def test_updates_may_be_left_early() -> None:
    async with client(Scripted(poll=PROCESSING)) as swaps:
        async for status in swaps.updates(job()):
            assert status.state is SwapState.PROCESSING
            break


async def test_closing_the_client_ends_a_wait_with_the_job() -> None:
    swaps = client(Scripted(poll=PROCESSING))
    errors: list[SwapError] = []

    async def call() -> None:
        with pytest.raises(ConfigurationError, match="closed") as caught:
            await swaps.wait(job())
        errors.append(caught.value)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.sleep(20)
        await swaps.aclose()
    assert errors[0].job is not None


async def test_updates_under_a_patience_shorter_than_the_interval_still_poll_in_the_end() -> None:
    async with client(Scripted(poll=[QUEUED, DONE])) as swaps:
        found = swaps.updates(job())
        states: list[str] = []
        for _ in range(8):
            with anyio.move_on_after(2.0):
                states.append((await anext(found)).state.value)
    assert states == ["QUEUED", "COMPLETED"]


async def test_a_job_made_manual_without_a_picture_is_an_output_error() -> None:
    async with client(Scripted()) as swaps:
        with pytest.raises(OutputError):
            await swaps.wait(job(poll_url=None, outputs=(SwapOutput(data="x"),)))
