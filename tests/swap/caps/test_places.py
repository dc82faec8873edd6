"""How many submitted jobs may be open: a place for each, and each place given back."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    BudgetExceededError,
    Event,
    Failed,
    ImageError,
    OutputError,
    Started,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapRequest,
)
from segmind_swap._errors import LimitExceededError
from segmind_swap._swap.caps.places import Places

from ...conftest import run_on_asyncio
from ...support.scripted_service import (
    DONE,
    FAILED,
    PICTURES,
    PNG,
    PROCESSING,
    RESULT,
    Scripted,
    Step,
    accepted,
    client,
    late,
    poll_url,
    raises,
    says,
)

URLS = ("https://a.example/1", "https://a.example/2")


async def assert_full(swaps: SwapClient, *, maximum: int = 1) -> None:
    with anyio.fail_after(0.001), pytest.raises(LimitExceededError) as caught:
        await swaps.submit(reference_character_image=PNG, character_image=PNG)
    assert (caught.value.limit, caught.value.maximum) == ("max_submitted", maximum)


async def test_a_job_above_the_bound_is_refused_at_once_and_nothing_is_uploaded() -> None:
    events: list[Event] = []
    service = Scripted(submit=[accepted(number) for number in range(9)], poll=PROCESSING)
    async with client(service, max_submitted=3, on_event=events.append) as swaps:
        for _ in range(3):
            await swaps.submit(**PICTURES)
        events.clear()
        await assert_full(swaps, maximum=3)
    assert [type(event) for event in events] == [Started, Failed]
    assert (service.count("upload"), service.count("submit")) == (0, 3)


async def test_submits_that_begin_at_once_count_before_they_are_sent() -> None:
    service = Scripted(submit=[late(accepted(number), 5.0) for number in range(9)])
    ends: list[type[SwapError] | None] = []
    async with client(service, max_submitted=3) as swaps, anyio.create_task_group() as group:

        async def call() -> None:
            try:
                await swaps.submit(**PICTURES)
            except SwapError as error:
                ends.append(type(error))
            else:
                ends.append(None)

        for _ in range(10):
            group.start_soon(call)
    assert ends == [LimitExceededError] * 7 + [None] * 3
    assert service.count("submit") == 3


async def _by_status(swaps: SwapClient, job: SwapJob) -> None:
    with suppress(OutputError):
        await swaps.status(job)


async def _by_updates(swaps: SwapClient, job: SwapJob) -> None:
    with suppress(SwapExpiredError, OutputError):
        async for _ in swaps.updates(job):
            pass


async def _by_wait(swaps: SwapClient, job: SwapJob) -> None:
    with suppress(SwapFailedError, SwapExpiredError, OutputError):
        await swaps.wait(job)


UNREADABLE = Step(body={"status": "COMPLETED", "output": "nothing"})
GONE = says(404, "gone")


@pytest.mark.parametrize("see", [_by_status, _by_updates, _by_wait])
@pytest.mark.parametrize(
    "poll", [DONE, FAILED, UNREADABLE, GONE], ids=["done", "failed", "unreadable", "gone"]
)
async def test_a_place_is_given_back_when_the_end_of_its_job_is_seen(
    see: Callable[[SwapClient, SwapJob], Awaitable[None]], poll: Step
) -> None:
    if see is _by_status and poll is GONE:
        pytest.skip("one 404 is no end")
    service = Scripted(submit=[accepted(1), accepted(2)], poll=poll)
    async with client(service, max_submitted=1) as swaps:
        job = await swaps.submit(**PICTURES)
        await assert_full(swaps)
        await see(swaps, SwapJob.model_validate_json(job.model_dump_json()))
        await swaps.submit(**PICTURES)
        await assert_full(swaps)


async def test_a_job_that_is_not_done_keeps_its_place_whatever_its_polls_say() -> None:
    polls = [PROCESSING, says(404, "gone"), says(500, "no"), PROCESSING]
    async with client(Scripted(poll=polls), max_submitted=1) as swaps:
        job = await swaps.submit(**PICTURES)
        for _ in polls:
            with suppress(SwapError):
                await swaps.status(job)
            await assert_full(swaps)


async def test_the_end_of_another_job_gives_no_place_back() -> None:
    async with client(Scripted(submit=accepted(1)), max_submitted=1) as swaps:
        await swaps.submit(**PICTURES)
        await swaps.wait(SwapJob(poll_url=poll_url(2), workflow="w-v1"))
        await assert_full(swaps)


@pytest.mark.parametrize(
    "step",
    [says(400, "no"), says(500, "no"), raises(httpx.ConnectError("no"), reads="nothing")],
    ids=["400", "500", "not sent"],
)
async def test_a_submit_that_brought_no_job_gives_its_place_back(step: Step) -> None:
    async with client(Scripted(submit=step), max_submitted=1) as swaps:
        for _ in range(3):
            with pytest.raises(SwapError) as caught:
                await swaps.submit(**PICTURES)
            assert not isinstance(caught.value, LimitExceededError)


async def test_a_picture_that_cannot_be_used_and_a_budget_without_room_take_no_place() -> None:
    async with client(Scripted(), max_submitted=1, budget_usd=0.1, price_usd=0.1) as swaps:
        for _ in range(3):
            with pytest.raises(ImageError):
                await swaps.submit(reference_character_image="missing.png", character_image=PNG)
        job = await swaps.submit(**PICTURES)
        await swaps.wait(job)
        for _ in range(3):
            with pytest.raises(BudgetExceededError):
                await swaps.submit(**PICTURES)


async def test_a_submit_in_doubt_keeps_its_place_for_the_timeout() -> None:
    async with client(Scripted(submit=[Step(body="?"), accepted()]), max_submitted=1, timeout=60.0) as swaps:
        with pytest.raises(SubmissionUnknownError):
            await swaps.submit(**PICTURES)
        await anyio.sleep(59)
        await assert_full(swaps)
        await anyio.sleep(1)
        await swaps.submit(**PICTURES)


async def test_a_job_that_nobody_looks_at_keeps_its_place_for_the_timeout() -> None:
    service = Scripted(submit=[accepted(1), accepted(2), accepted(3)])
    async with client(service, max_submitted=2, timeout=60.0) as swaps:
        first = await swaps.submit(**PICTURES)
        await anyio.sleep(30)
        await swaps.submit(**PICTURES)
        await anyio.sleep(29)
        await assert_full(swaps, maximum=2)
        await anyio.sleep(1)
        await swaps.submit(**PICTURES)
        await assert_full(swaps, maximum=2)
        await swaps.wait(first)  # its place was given back already
        await assert_full(swaps, maximum=2)


async def test_without_a_timeout_a_place_is_kept_for_ever() -> None:
    async with client(Scripted(), max_submitted=1, timeout=float("inf")) as swaps:
        await swaps.submit(**PICTURES)
        await anyio.sleep(80_000)
        await assert_full(swaps)


async def test_a_job_that_finished_at_once_takes_no_place() -> None:
    done = Step(
        body={"status": "COMPLETED", "output": [{"keyname": "p", "value": {"data": RESULT, "type": "image"}}]}
    )
    async with client(Scripted(submit=done), max_submitted=1) as swaps:
        for _ in range(3):
            assert (await swaps.submit(**PICTURES)).poll_url is None


async def test_a_server_that_names_one_job_twice_has_one_open_job() -> None:
    async with client(Scripted(submit=accepted(1)), max_submitted=2) as swaps:
        jobs = [await swaps.submit(**PICTURES) for _ in range(5)]
        await swaps.wait(jobs[0])
        await swaps.submit(**PICTURES)


async def test_only_submit_takes_places() -> None:
    service = Scripted(submit=[accepted(number) for number in range(9)])
    async with client(service, max_submitted=1) as swaps:
        await swaps.submit(**PICTURES)
        await swaps.swap(**PICTURES)
        found = await swaps.swap_all([SwapRequest(id="a", **PICTURES), SwapRequest(id="b", **PICTURES)])
        assert all(outcome.ok for outcome in found)
        await assert_full(swaps)


# Callers that go away


LATE = [
    pytest.param(late(accepted(1), 5.0), False, id="accepted"),
    pytest.param(late(says(503), 5.0), False, id="doubt"),
    pytest.param(late(accepted(1), 1000.0), False, id="never"),
    pytest.param(late(says(400, "no"), 5.0), True, id="refused"),
]


async def _check_left(leave: Callable[[SwapClient], Awaitable[None]], step: Step, is_free: bool) -> None:
    service = Scripted(submit=[step, accepted(2)])
    async with client(service, max_submitted=1, timeout=60.0) as swaps:
        await leave(swaps)
        await assert_full(swaps)
        await anyio.sleep(30)
        if not is_free:
            await assert_full(swaps)
            await anyio.sleep(31)
        await swaps.submit(**PICTURES)
        await assert_full(swaps)


async def _left_by_anyio(swaps: SwapClient) -> None:
    with anyio.move_on_after(1):
        await swaps.submit(**PICTURES)


async def _left_by_plain_cancellation(swaps: SwapClient) -> None:
    task = asyncio.create_task(swaps.submit(**PICTURES))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("step", "is_free"), LATE)
async def test_the_place_of_a_caller_who_has_gone_is_kept_while_there_may_be_a_job(
    step: Step, is_free: bool
) -> None:
    await _check_left(_left_by_anyio, step, is_free)


@pytest.mark.parametrize(("step", "is_free"), LATE)
def test_the_place_of_a_caller_cancelled_by_plain_asyncio_is_kept_likewise(step: Step, is_free: bool) -> None:
    run_on_asyncio(_check_left(_left_by_plain_cancellation, step, is_free))


async def test_a_submit_that_waits_for_the_rate_limit_keeps_its_place() -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="60"), accepted()])
    async with client(service, max_submitted=1) as swaps, anyio.create_task_group() as group:
        group.start_soon(lambda: swaps.submit(**PICTURES))
        await anyio.sleep(30)
        await assert_full(swaps)


async def test_a_caller_cancelled_before_the_post_gives_the_place_back() -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="60"), accepted()])
    async with client(service, max_submitted=1) as swaps:
        with anyio.move_on_after(30):
            await swaps.submit(**PICTURES)
        await swaps.submit(**PICTURES)


async def test_a_job_accepted_after_its_caller_has_gone_gives_its_place_back_at_its_end() -> None:
    events: list[Any] = []
    service = Scripted(submit=[late(accepted(1), 5.0), accepted(2)])
    async with client(service, max_submitted=1, on_event=events.append) as swaps:
        await _left_by_anyio(swaps)
        await anyio.sleep(10)
        (job,) = [event.job for event in events if type(event).__name__ == "Abandoned"]
        await swaps.wait(job)
        await swaps.submit(**PICTURES)


# Many


def test_places_are_cheap_and_none_is_left_in_memory() -> None:
    async def main() -> None:
        places = Places(100_000, timeout=60.0)
        began = time.process_time()
        for number in range(100_000):
            place = places.take()
            await place.intend(0, URLS)
            await place.resolved(SwapJob(poll_url=poll_url(number), workflow="w-v1"), 0)
            place.end()
        with pytest.raises(LimitExceededError):
            places.take()
        for number in range(0, 100_000, 2):
            places.ended(poll_url(number))
        assert places.taken == 50_000
        await anyio.sleep(61)
        assert places.taken == 0
        assert time.process_time() - began < 10
        gc.collect()
        assert not places._by_job
        assert not places._deadlines

    run_on_asyncio(main())


def test_a_job_that_is_told_after_its_place_was_given_back_is_not_kept_in_memory() -> None:
    async def main() -> None:
        places = Places(1, timeout=5.0)
        place = places.take()
        await place.intend(0, URLS)
        place.end()
        await anyio.sleep(10)
        assert places.taken == 0
        await place.resolved(SwapJob(poll_url=poll_url(), workflow="w-v1"), 0)
        assert places.taken == 0
        assert not places._by_job

    run_on_asyncio(main())


def test_a_job_that_ends_before_its_submit_returns_frees_its_place_once() -> None:
    async def main() -> None:
        places = Places(2, timeout=60.0)
        for _ in range(5):
            place = places.take()
            await place.intend(0, URLS)
            for _ in range(2):  # a closing client may record an end twice
                await place.resolved(SwapJob(poll_url=poll_url(), workflow="w-v1"), 0)
            assert places.taken == 1
            places.ended(poll_url())
            assert places.taken == 0
            place.end()
            assert places.taken == 0
        await anyio.sleep(61)
        for _ in range(2):
            places.take()
        with pytest.raises(LimitExceededError):
            places.take()

    run_on_asyncio(main())
