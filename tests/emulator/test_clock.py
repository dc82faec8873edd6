"""The clock of an account: paused, resumed, advanced, and what follows it."""

import asyncio

import anyio
import pytest

from segmind_swap.emulator import Emulator

from .calling import (
    connect,
    poll_url,
    submit_statuses,
)


async def test_a_paused_emulator_answers_and_no_job_goes_on() -> None:
    emulator = Emulator(duration=100)
    async with connect(emulator) as client:
        url = await poll_url(client)
        await anyio.sleep(50)
        emulator.pause()
        assert emulator.paused
        await anyio.sleep(1000)
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        emulator.resume()
        await anyio.sleep(49)
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        await anyio.sleep(1)
        assert (await client.get(url)).json()["status"] == "COMPLETED"


@pytest.mark.parametrize("paused", [False, True])
async def test_a_clock_that_is_advanced_finishes_jobs_and_ages_records(paused: bool) -> None:
    emulator = Emulator(duration=100, record_lifetime=3600)
    async with connect(emulator) as client:
        url = await poll_url(client)
        if paused:
            emulator.pause()
        emulator.advance(100)
        assert (await client.get(url)).json()["status"] == "COMPLETED"
        emulator.advance(3500)
        assert (await client.get(url)).status_code == 404


async def test_a_rate_limit_goes_by_the_same_clock() -> None:
    emulator = Emulator(rate_limit=1)
    async with connect(emulator) as client:
        assert await submit_statuses(client, 2) == [200, 429]
        emulator.advance(60)
        assert await submit_statuses(client, 2) == [200, 429]


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_a_clock_goes_forward_by_a_finite_number_only(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be a number of at least 0"):
        Emulator().advance(seconds)


def test_a_clock_may_be_paused_and_resumed_where_no_loop_runs() -> None:
    emulator = Emulator(duration=1000)

    async def state_of(url: str) -> str:
        async with connect(emulator) as client:
            return str((await client.get(url)).json()["status"])

    async def begin() -> str:
        async with connect(emulator) as client:
            return await poll_url(client)

    emulator.pause()
    url = asyncio.run(begin())
    assert asyncio.run(state_of(url)) == "QUEUED"
    emulator.resume()
    emulator.advance(999)
    assert asyncio.run(state_of(url)) == "PROCESSING"
    emulator.advance(1)
    assert asyncio.run(state_of(url)) == "COMPLETED"
