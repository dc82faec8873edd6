"""While the service answers no submit none is sent, but for one at a time that tries the way."""

import asyncio
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from segmind_swap import (
    ConnectionFailedError,
    Event,
    OutageBegan,
    OutageEnded,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapJob,
)
from segmind_swap._http.circuit_breaker import FAILURES, CircuitBreaker

from ..support.scripted_service import (
    PICTURES,
    PROCESSING,
    Scripted,
    Step,
    accepted,
    client,
    late,
    raises,
    says,
)

ONCE = RetryPolicy(attempts=1)
AWAY = says(500)
NO_ROUTE = raises(httpx.ConnectError("no route"), reads="nothing")


class Service:
    """A probe that answers when it is told to, and everything the outage has told."""

    def __init__(self) -> None:
        self.complaint: str | None = "still away"
        self.probes: list[float] = []
        self.events: list[Event] = []
        self.probe_takes = 0.0
        self.outage = CircuitBreaker(self.probe, self.events.append)

    async def probe(self) -> str | None:
        self.probes.append(anyio.current_time())
        await anyio.sleep(self.probe_takes)
        return self.complaint

    def close_the_way(self) -> None:
        for _ in range(FAILURES):
            self.outage.failed("no answer", is_trial=False)

    @property
    def delays(self) -> list[float]:
        return [event.delay for event in self.events if isinstance(event, OutageBegan)]

    @property
    def ended(self) -> int:
        return sum(isinstance(event, OutageEnded) for event in self.events)


# When the way is closed


async def test_the_way_is_open_until_five_submits_in_a_row_have_failed() -> None:
    service = Service()
    for _ in range(FAILURES - 1):
        service.outage.failed("no answer", is_trial=False)
    async with service.outage.permit() as alone:
        assert not alone
    assert service.events == []
    service.outage.failed("the last of them", is_trial=False)
    assert service.events == [OutageBegan(delay=5.0, cause="the last of them")]
    assert service.probes == []


async def test_an_answer_in_between_begins_the_count_anew() -> None:
    service = Service()
    for _ in range(10):
        for _ in range(FAILURES - 1):
            service.outage.failed("no answer", is_trial=False)
        service.outage.answered()
    assert service.events == []


# While it is closed


async def test_the_first_who_waits_asks_after_5_10_20_40_60_and_60_seconds() -> None:
    service = Service()
    service.close_the_way()
    began = anyio.current_time()
    with anyio.move_on_after(5 + 10 + 20 + 40 + 60 + 60 + 30):
        async with service.outage.permit():
            pytest.fail("the service is away")
    assert [round(probe - began) for probe in service.probes] == [5, 15, 35, 75, 135, 195]
    assert service.delays == [5, 10, 20, 40, 60, 60, 60]
    assert service.ended == 0


async def test_one_submit_alone_tries_the_way_and_its_answer_opens_it_to_all() -> None:
    service = Service()
    service.close_the_way()
    service.complaint = None
    went: list[tuple[float, bool]] = []
    began = anyio.current_time()

    async def submit() -> None:
        async with service.outage.permit() as alone:
            went.append((round(anyio.current_time() - began), alone))
            if alone:
                await anyio.sleep(7)
                assert len(went) == 1, "the others wait for it"
                service.outage.answered()

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(submit)
    assert went == [(5, True)] + [(12, False)] * 19
    assert len(service.probes) == 1
    assert (service.delays, service.ended) == ([5], 1)


async def test_a_trial_that_fails_lengthens_the_wait_of_the_next() -> None:
    service = Service()
    service.close_the_way()
    service.complaint = None
    tried: list[float] = []
    began = anyio.current_time()

    async def submit() -> None:
        async with service.outage.permit() as alone:
            assert alone
            tried.append(round(anyio.current_time() - began))
            service.outage.failed("504 again", is_trial=True)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(submit)
    assert tried == [5, 15, 35, 75, 135]
    assert service.delays == [5, 10, 20, 40, 60, 60]


async def test_failures_of_those_that_left_before_tell_nothing_new() -> None:
    service = Service()
    service.close_the_way()
    for _ in range(50):
        service.outage.failed("a straggler", is_trial=False)
    assert service.delays == [5]
    service.complaint = None
    began = anyio.current_time()
    async with service.outage.permit() as alone:
        assert alone
    assert anyio.current_time() - began == pytest.approx(5)


async def test_an_answer_to_a_straggler_ends_the_outage_before_anybody_has_tried() -> None:
    for answered_at in (3.0, 6.0):  # while the first sleeps, and while it asks
        service = Service()
        service.probe_takes = 2.0
        service.close_the_way()
        service.complaint = "still away" if answered_at < 5 else None
        went: list[bool] = []

        async def submit(service: Service = service, went: list[bool] = went) -> None:
            async with service.outage.permit() as alone:
                went.append(alone)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(submit)
            await anyio.sleep(answered_at)
            service.outage.answered()
        assert went == [False] * 5
        assert service.ended == 1


async def test_after_an_outage_the_count_begins_anew_and_the_next_one_is_short_again() -> None:
    service = Service()
    service.complaint = None
    for _ in range(2):
        service.close_the_way()
        async with service.outage.permit() as alone:
            assert alone
            service.outage.failed("once more", is_trial=True)
        async with service.outage.permit() as alone:
            assert alone
            service.outage.answered()
        async with service.outage.permit() as alone:
            assert not alone
            service.outage.failed("one alone", is_trial=False)
            service.outage.answered()
    assert service.delays == [5, 10, 5, 10]
    assert service.ended == 2


async def test_a_waiter_that_is_cancelled_while_it_asks_hands_over_to_the_next() -> None:
    service = Service()
    service.close_the_way()
    service.complaint = None
    service.probe_takes = 100.0
    went: list[bool] = []

    async def submit() -> None:
        async with service.outage.permit() as alone:
            went.append(alone)
            service.outage.answered()

    async with anyio.create_task_group() as group:
        with anyio.move_on_after(50):
            async with service.outage.permit():
                pytest.fail("it was cancelled before the answer")
        service.probe_takes = 0.0
        group.start_soon(submit)
        group.start_soon(submit)
    assert went == [True, False]
    assert len(service.probes) == 2


@pytest.mark.parametrize("how", ["cancelled", "an exception"])
async def test_a_trial_that_ends_without_an_answer_hands_over_to_the_next(how: str) -> None:
    service = Service()
    service.close_the_way()
    service.complaint = None
    went: list[tuple[str, bool]] = []
    is_trying = anyio.Event()

    async def trial() -> None:
        with anyio.CancelScope() as scope:
            try:
                async with service.outage.permit() as alone:
                    went.append(("trial", alone))
                    is_trying.set()
                    await anyio.lowlevel.checkpoint()
                    if how == "an exception":
                        raise LookupError
                    scope.cancel()
                    await anyio.sleep(100)
            except LookupError:
                pass

    async def another() -> None:
        async with service.outage.permit() as alone:
            went.append(("another", alone))
            service.outage.answered()

    async with anyio.create_task_group() as group:
        group.start_soon(trial)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(another)
        await is_trying.wait()
    assert went == [("trial", True), ("another", True)]
    assert service.delays == [5], "a trial that tells nothing lengthens nothing"


async def test_plain_cancellation_of_a_trial_hands_over_too(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    service = Service()
    service.close_the_way()
    service.complaint = None

    async def trial() -> None:
        async with service.outage.permit():
            await asyncio.sleep(1000)

    task = asyncio.create_task(trial())
    await asyncio.sleep(20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with service.outage.permit() as alone:
        assert alone


# In a client


async def fail(swaps: SwapClient, times: int) -> None:
    for _ in range(times):
        with pytest.raises(SwapError):
            await swaps.submit(**PICTURES)


def outages(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, OutageBegan | OutageEnded)]


@pytest.mark.parametrize(
    "step",
    [
        says(500),
        says(501),
        says(502),
        says(504),
        NO_ROUTE,
        raises(httpx.ReadTimeout("slow")),
        Step(status=200, body="x" * 100, cut=True),
    ],
    ids=["500", "501", "502", "504", "no route", "no answer", "cut off"],
)
async def test_five_submits_without_an_answer_below_500_close_the_way_for_every_task(step: Step) -> None:
    events: list[Any] = []
    service = Scripted(submit=[step] * 5 + [accepted()])
    async with client(service, retry=ONCE, on_event=events.append) as swaps:
        await fail(swaps, 4)
        assert outages(events) == []
        await fail(swaps, 1)
        (began,) = outages(events)
        assert began.delay == 5.0
        closed_at = anyio.current_time()
        jobs: list[SwapJob] = []

        async def submit() -> None:
            jobs.append(await swaps.submit(**PICTURES))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(submit)
        assert len(jobs) == 10
    assert [type(event) for event in outages(events)] == [OutageBegan, OutageEnded]
    assert service.times("credits") == [pytest.approx(closed_at + 5)]
    assert all(time >= closed_at + 5 for time in service.times("submit")[5:])
    assert service.count("submit") == 15


@pytest.mark.parametrize("step", [says(400), says(402), says(404), says(429, retry_after="1"), accepted()])
async def test_an_answer_below_500_says_that_the_service_is_there(step: Step) -> None:
    events: list[Any] = []
    service = Scripted(submit=[AWAY] * 4 + [step] + [AWAY] * 4 + [step, accepted()])
    async with client(service, retry=ONCE, on_event=events.append, timeout=0.5) as swaps:
        for _ in range(10):
            with suppress(SwapError):
                await swaps.submit(**PICTURES)
    assert outages(events) == []
    assert service.count("credits") == 0


async def test_a_gateway_that_fails_paid_calls_alone_is_asked_with_one_submit_at_a_time() -> None:
    events: list[Any] = []
    service = Scripted(submit=[AWAY] * 5 + [late(AWAY, 1.0)] * 3 + [late(accepted(), 1.0), accepted()])
    async with client(service, retry=ONCE, on_event=events.append) as swaps:
        await fail(swaps, 5)
        closed_at = anyio.current_time()
        ended: list[str] = []

        async def submit() -> None:
            try:
                await swaps.submit(**PICTURES)
            except SwapError as error:
                ended.append(type(error).__name__)
            else:
                ended.append("accepted")

        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(submit)
    assert ended == ["ServerError"] * 3 + ["accepted"] * 3
    # Each waits a second for its answer: 5, then 10, 20 and 40 after the failure before it.
    tries = [round(time - closed_at) for time in service.times("submit")[5:9]]
    assert tries == [5, 16, 37, 78]
    assert [event.delay for event in outages(events)[:-1]] == [5, 10, 20, 40]


async def test_a_swap_that_waits_longer_than_its_time_was_not_sent_and_says_so() -> None:
    service = Scripted(submit=AWAY, credits=says(503))
    async with client(service, retry=ONCE, timeout=100.0) as swaps:
        await fail(swaps, 5)
        began = anyio.current_time()
        with pytest.raises(
            ConnectionFailedError, match="answered no submit for 100 s; this submit was not sent"
        ):
            await swaps.submit(**PICTURES)
        assert anyio.current_time() - began == pytest.approx(100)
    assert service.count("submit") == 5


async def test_after_a_post_in_doubt_a_wait_that_is_too_long_ends_as_unknown() -> None:
    service = Scripted(submit=says(504), credits=says(503))
    async with client(service, retry=RetryPolicy(attempts=9, initial_delay=0.0), timeout=100.0) as swaps:
        with pytest.raises(SubmissionUnknownError, match="answered no submit") as caught:
            await swaps.submit(**PICTURES)
    assert caught.value.possible_duplicates == 5
    assert service.count("submit") == 5


async def test_a_trial_has_its_own_time_and_not_what_the_wait_has_left_of_it() -> None:
    service = Scripted(submit=[AWAY] * 5 + [late(accepted(), 50.0)])
    async with client(service, retry=ONCE, timeout=10.0) as swaps:
        await fail(swaps, 5)
        assert (await swaps.submit(**PICTURES)).request_id == "1"


async def test_a_rate_limit_met_by_a_trial_ends_the_outage() -> None:
    events: list[Any] = []
    service = Scripted(submit=[AWAY] * 5 + [says(429, retry_after="30"), accepted()])
    async with client(service, retry=ONCE, on_event=events.append) as swaps:
        await fail(swaps, 5)
        assert (await swaps.submit(**PICTURES)).request_id == "1"
    assert [type(event) for event in outages(events)] == [OutageBegan, OutageEnded]


async def test_a_rate_limited_probe_says_that_the_service_is_there() -> None:
    service = Scripted(submit=[AWAY] * 5 + [accepted()], credits=says(429, retry_after="1"))
    async with client(service, retry=ONCE) as swaps:
        await fail(swaps, 5)
        assert (await swaps.submit(**PICTURES)).request_id == "1"
    assert service.count("credits") == 1


async def test_jobs_are_polled_meanwhile() -> None:
    service = Scripted(submit=[accepted()] + [AWAY] * 5, poll=[PROCESSING] * 5 + Scripted().steps["poll"])
    service.steps["credits"] = [says(503)]
    async with client(service, retry=ONCE, timeout=200.0) as swaps:
        job = await swaps.submit(**PICTURES)
        await fail(swaps, 5)
        async with anyio.create_task_group() as group:
            group.start_soon(fail, swaps, 1)
            result = await swaps.wait(job)
            assert service.count("poll") == 6
            assert result.seconds < 100
    assert service.count("submit") == 6


@pytest.mark.parametrize("leave", ["while it waits", "while it tries"])
async def test_a_submit_that_is_cancelled_lets_another_try(leave: str) -> None:
    service = Scripted(submit=[AWAY] * 5 + [late(accepted(1), 5.0), accepted(2)])
    async with client(service, retry=ONCE) as swaps:
        await fail(swaps, 5)
        with anyio.move_on_after(3 if leave == "while it waits" else 7):
            await swaps.submit(**PICTURES)
        left_at = anyio.current_time()
        job = await swaps.submit(**PICTURES)
        assert anyio.current_time() - left_at >= 5, "the next one asks, too"
    expected = "1" if leave == "while it waits" else "2"
    assert job.request_id == expected


async def test_closing_the_client_ends_the_wait() -> None:
    service = Scripted(submit=AWAY, credits=says(503))
    swaps = client(service, retry=ONCE)
    ended: list[BaseException] = []

    async def submit() -> None:
        try:
            await swaps.submit(**PICTURES)
        except SwapError as error:
            ended.append(error)

    await fail(swaps, 5)
    async with anyio.create_task_group() as group:
        group.start_soon(submit)
        await anyio.sleep(2)
        await swaps.aclose()
    assert len(ended) == 1
    assert service.count("submit") == 5


async def test_events_tell_how_long_it_lasts_and_why() -> None:
    events: list[Any] = []
    service = Scripted(
        submit=[says(503, "overloaded")] * 5 + [accepted()],
        credits=[says(502, "bad gateway"), NO_ROUTE, *Scripted().steps["credits"]],
    )
    async with client(
        service, retry=RetryPolicy(attempts=1, submit="strict"), on_event=events.append
    ) as swaps:
        await fail(swaps, 5)
        await swaps.submit(**PICTURES)
    *began, ended = outages(events)
    assert ended == OutageEnded()
    assert [event.delay for event in began] == [5, 10, 20]
    for event, words in zip(began, ["overloaded", "bad gateway", "no route"], strict=True):
        assert words in event.cause
