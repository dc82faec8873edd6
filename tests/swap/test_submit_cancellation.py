"""A submit whose caller stops waiting: nothing more is sent, and no answer is lost."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import Abandoned, Accepted, Failed, RetryPolicy, SubmissionUnknownError, SwapClient

from ..conftest import run_on_asyncio
from ..support.scripted_service import KEY, PICTURES, Scripted, Step, accepted, client, late, poll_url, says


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
    assert "the caller of swap 'pair-7' was cancelled: the swap may have been accepted" in caplog.text


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
