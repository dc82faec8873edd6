"""A client learns when to look: fewer polls, no later pictures. A service in memory, on both loops."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import PollPolicy, SwapClient, SwapError, SwapJob, SwapRequest, SwapState, SwapTimeoutError

from ..support.wall_clock import wall_clock

REFERENCE = "https://pictures.example/hero.png"


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands still: the age of a job is by two clocks, and only the loop's is virtual."""
    wall_clock(monkeypatch)


class Service(httpx.AsyncBaseTransport):
    """Jobs that take as long as they are told to; keeps the ages at which each is looked at."""

    def __init__(self, durations: Callable[[int], float], *, ends: str = "COMPLETED") -> None:
        self.looks: dict[int, list[float]] = defaultdict(list)
        self.ends_at: list[float] = []
        self._began: list[float] = []
        self._durations = durations
        self._ends = ends

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        now = anyio.current_time()
        if request.method == "POST":
            number = len(self._began)
            self._began.append(now)
            self.ends_at.append(now + self._durations(number))
            return httpx.Response(
                200, json={"poll_url": f"https://api.segmind.com/workflows/request/{number}"}
            )
        number = int(request.url.path.rpartition("/")[2])
        self.looks[number].append(now - self._began[number])
        if now < self.ends_at[number]:
            return httpx.Response(200, json={"status": "PROCESSING", "output": ""})
        document = {
            "status": self._ends,
            "error": "no face",
            "output": f"https://images.example/{number}.png",
        }
        return httpx.Response(200, json=document)

    def first_looks(self, numbers: Iterator[int] | range) -> list[float]:
        return [round(self.looks[number][0], 3) for number in numbers]


def client_of(service: Service, **settings: Any) -> SwapClient:
    return SwapClient("sk-canary", auth="bearer", transport=service, **settings)


def requests(count: int, first: int = 0) -> Iterator[SwapRequest]:
    for number in range(first, first + count):
        yield SwapRequest(
            id=str(number), reference_character_image=REFERENCE, character_image=f"https://p.example/{number}"
        )


async def swap(client: SwapClient, number: int = 0) -> None:
    await client.swap(reference_character_image=REFERENCE, character_image=f"https://p.example/{number}")


def lognormal(seed: int) -> Callable[[int], float]:
    draw = random.Random(seed)
    return lambda number: draw.lognormvariate(4.277, 0.3)


async def test_one_swap_alone_is_looked_at_once_an_interval_as_segmind_asks() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service) as client:
        for number in range(3):
            await swap(client, number)
    for number in range(3):
        assert service.looks[number] == pytest.approx([7.0 * n for n in range(1, 12)], abs=0.01)


async def test_after_twenty_swaps_the_first_look_comes_when_the_fastest_have_been_done() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service) as client:
        for number in range(22):
            await swap(client, number)
    assert service.first_looks(range(20)) == [7.0] * 20
    assert service.looks[20] == pytest.approx([70.0, 77.0], abs=0.01)


async def test_learning_can_be_switched_off() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service, polling=PollPolicy(learn=False)) as client:
        outcomes = await client.swap_all(requests(60), concurrency=20)
    assert all(outcome.ok for outcome in outcomes)
    assert set(service.first_looks(range(60))) == {7.0}


async def test_a_batch_looks_after_45_seconds_but_for_one_that_tries_it_out() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service) as client:
        await client.swap_all(requests(10))
    assert service.first_looks(range(10)) == [7.0, *[45.0] * 9]


async def test_a_batch_at_a_service_that_is_quick_waits_no_longer_than_its_first_swap() -> None:
    """As at an emulator: the other nine learn from the one that tried it out, at once."""
    service = Service(lambda number: 3.0)
    async with client_of(service, max_in_flight=10) as client:
        start = anyio.current_time()
        await client.swap_all(requests(10))
        assert anyio.current_time() - start < 8.0
    assert service.first_looks(range(10)) == [7.0] * 10


async def test_a_swap_that_failed_teaches_nothing_and_another_tries_it_out() -> None:
    service = Service(lambda number: 3.0, ends="FAILED")
    async with client_of(service, max_in_flight=1) as client:
        outcomes = await client.swap_all(requests(25), max_failed=None)
        assert {type(outcome.error).__name__ for outcome in outcomes} == {"SwapFailedError"}
    assert service.first_looks(range(25)) == [7.0] * 25


async def test_in_a_batch_two_polls_of_a_job_are_never_closer_than_the_interval() -> None:
    service = Service(lognormal(1))
    async with client_of(service, max_in_flight=50) as client:
        outcomes = await client.swap_all(requests(500))
    assert all(outcome.ok for outcome in outcomes)
    gaps = [later - sooner for looks in service.looks.values() for sooner, later in pairwise(looks)]
    assert min(gaps) >= 7.0 - 1e-6
    assert min(looks[0] for looks in service.looks.values()) >= 7.0 - 1e-6


async def test_four_polls_of_ten_are_saved_and_pictures_are_found_as_soon() -> None:
    """Measured against the same durations looked at each 7 s."""
    found = {}
    for learn in (False, True):
        service = Service(lognormal(2))
        async with client_of(service, max_in_flight=50, polling=PollPolicy(learn=learn)) as client:
            await client.swap_all(requests(600))
        steady = range(300, 600)
        polls = sum(len(service.looks[number]) for number in steady) / len(steady)
        ages = [service.ends_at[number] - service._began[number] for number in steady]
        delay = sum(service.looks[number][-1] - age for number, age in zip(steady, ages, strict=True)) / len(
            steady
        )
        found[learn] = (polls, delay)
    assert found[False][0] == pytest.approx(11.2, abs=0.5)
    assert found[True][0] <= 7.0
    assert found[True][1] <= 3.8
    assert found[True][1] <= found[False][1] + 0.3


async def test_who_has_less_patience_than_was_learnt_still_looks_before_giving_up() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service) as client:
        for number in range(20):
            await swap(client, number)
        job = await client.submit(reference_character_image=REFERENCE, character_image=REFERENCE)
        with pytest.raises(SwapTimeoutError):
            await client.wait(job, timeout=30.0)
        assert service.looks[20] == pytest.approx([23.0], abs=0.01)


async def test_updates_tell_the_state_from_the_beginning_whatever_was_learnt() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service) as client:
        for number in range(20):
            await swap(client, number)
        job = await client.submit(reference_character_image=REFERENCE, character_image=REFERENCE)
        states = [status.state async for status in client.updates(job)]
    assert states == [SwapState.PROCESSING] * 10 + [SwapState.COMPLETED]


async def test_jobs_from_another_process_teach_nothing() -> None:
    service = Service(lambda number: 0.0)
    async with client_of(service) as client:
        job = await client.submit(reference_character_image=REFERENCE, character_image=REFERENCE)
        old = SwapJob.model_validate_json(job.model_dump_json()).model_copy(
            update={"submitted_at": job.submitted_at.replace(year=job.submitted_at.year - 1)}
        )
        for _ in range(25):
            await client.wait(old)
        await swap(client)
    assert service.looks[1] == pytest.approx([7.0], abs=0.01)


async def test_a_scout_that_is_given_up_makes_way_for_another() -> None:
    service = Service(lambda number: 72.0)
    async with client_of(service, timeout=20.0, max_in_flight=1) as client:
        outcomes = await client.swap_all(requests(3))
    assert all(isinstance(outcome.error, SwapError) for outcome in outcomes)
    assert service.first_looks(range(3)) == [7.0] * 3
