"""What is done to an emulator while it runs, in Python: faults, its clock, a reset."""

import asyncio
import threading

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault

from .calling import KEY, connect, picture, poll_url, submit, upload


async def statuses(client: httpx.AsyncClient, count: int) -> list[int]:
    return [(await submit(client)).status_code for _ in range(count)]


async def test_a_fault_is_used_up_after_so_many_times() -> None:
    emulator = Emulator(faults=[Fault(on="submit", times=2, status=429)])
    async with connect(emulator) as client:
        assert await statuses(client, 1) == [429]
        assert [placed.hits for placed in emulator.faults] == [1]
        assert await statuses(client, 2) == [429, 200]
    assert emulator.faults == ()


async def test_a_window_of_a_fault_from_the_start_is_counted_from_the_first_call() -> None:
    emulator = Emulator(faults=[Fault(on="submit", window=(10, 20), status=503)])
    await anyio.sleep(15)
    async with connect(emulator) as client:
        found = []
        for pause in (0, 9.5, 0.5, 9.5, 0.5):
            await anyio.sleep(pause)
            found += await statuses(client, 1)
    assert found == [200, 200, 503, 503, 200]


async def test_a_window_of_a_fault_that_is_added_is_counted_from_then() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        assert await statuses(client, 1) == [200]
        await anyio.sleep(15)
        emulator.inject(Fault(on="submit", window=(0, 10), status=503))
        await anyio.sleep(9)
        assert await statuses(client, 1) == [503]
        await anyio.sleep(1)
        assert await statuses(client, 1) == [200]


async def test_a_fault_is_withdrawn_by_its_number_once() -> None:
    emulator = Emulator(faults=[Fault(on="submit", status=500), Fault(on="submit", status=503)])
    async with connect(emulator) as client:
        assert await statuses(client, 1) == [500]
        assert emulator.withdraw(1)
        assert not emulator.withdraw(1)
        assert await statuses(client, 1) == [503]
        assert emulator.inject(Fault(on="submit", status=502)) == 3
        emulator.withdraw_all()
        assert await statuses(client, 1) == [200]


async def test_withdrawing_a_fault_does_not_change_the_luck_of_another() -> None:
    async def luck(*, withdrawn: bool) -> list[int]:
        chance = Fault(on="submit", probability=0.5, status=503)
        emulator = Emulator(faults=[Fault(on="poll", status=500), chance])
        if withdrawn:
            emulator.withdraw(1)
        async with connect(emulator) as client:
            return await statuses(client, 20)

    assert await luck(withdrawn=True) == await luck(withdrawn=False)


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
        assert await statuses(client, 2) == [200, 429]
        emulator.advance(60)
        assert await statuses(client, 2) == [200, 429]


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


async def test_a_reset_begins_anew_but_keeps_uploads() -> None:
    emulator = Emulator(credits_usd=1, rate_limit=2, faults=[Fault(on="submit", times=1, status=503)])
    async with connect(emulator) as client:
        (hosted,) = await upload(client, picture())
        emulator.inject(Fault(on="poll", status=500))
        assert await statuses(client, 4) == [503, 200, 200, 429]
        url = await poll_url_after(emulator, client)
        emulator.pause()
        emulator.reset()
        assert (emulator.ledger, emulator.calls, emulator.count("submit")) == ((), (), 0)
        assert (emulator.credits_usd, emulator.paused) == (1.0, False)
        assert [placed.fault.on for placed in emulator.faults] == ["submit"]
        assert (await client.get(hosted)).status_code == 200
        assert (await client.get(url)).status_code == 404
        assert await statuses(client, 3) == [503, 200, 200]


async def poll_url_after(emulator: Emulator, client: httpx.AsyncClient) -> str:
    emulator.advance(60)
    return await poll_url(client)


@pytest.mark.real_time
def test_a_served_emulator_is_controlled_from_the_test_s_own_thread() -> None:
    emulator = Emulator(duration=1000)
    with emulator.serve() as url, httpx.Client(base_url=url, headers=KEY, timeout=300) as client:
        job = client.post("/workflows/678aa4026426baad7e5392fb-v7", json={}).json()["poll_url"]
        emulator.pause()
        emulator.advance(999)
        assert client.get(job).json()["status"] == "PROCESSING"
        other = threading.Thread(target=emulator.advance, args=(1.0,))
        other.start()
        other.join()
        assert client.get(job).json()["status"] == "COMPLETED"
        emulator.resume()
        emulator.inject(Fault(on="credits", times=1, status=503))
        assert [client.get("/v1/get-user-credits").status_code for _ in range(2)] == [503, 200]
        emulator.reset()
        assert client.get(job).status_code == 404
        assert client.post("/workflows/678aa4026426baad7e5392fb-v7", json={}).status_code == 200
    assert len(emulator.ledger) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"times": 0}, "times"), ({"window": (5, 5)}, "window"), ({"window": (-1, 5)}, "window")],
)
def test_a_fault_that_can_never_hit_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Fault(on="poll", status=500, **wrong)  # type: ignore[arg-type]
