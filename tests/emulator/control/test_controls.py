"""The controls that Python, HTTP and the page share: a reset, and calls from another thread."""

import threading

import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault

from ..calling import KEY, connect, picture, poll_url, submit_statuses, upload


async def test_a_reset_begins_anew_but_keeps_uploads() -> None:
    emulator = Emulator(credits_usd=1, rate_limit=2, faults=[Fault(on="submit", times=1, status=503)])
    async with connect(emulator) as client:
        (hosted,) = await upload(client, picture())
        emulator.inject(Fault(on="poll", status=500))
        assert await submit_statuses(client, 4) == [503, 200, 200, 429]
        url = await poll_url_after(emulator, client)
        emulator.pause()
        emulator.reset()
        assert (emulator.ledger, emulator.calls, emulator.count("submit")) == ((), (), 0)
        assert (emulator.credits_usd, emulator.paused) == (1.0, False)
        assert [placed.fault.on for placed in emulator.faults] == ["submit"]
        assert (await client.get(hosted)).status_code == 200
        assert (await client.get(url)).status_code == 404
        assert await submit_statuses(client, 3) == [503, 200, 200]


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
